"""Find the library modules that a script uses, so that editing one reruns exactly the rules that depend on it."""

import ast
import hashlib
import re
from pathlib import Path

LIBRARY = Path(__file__).parents[1]
LARGE = 2**20  # bytes; reading larger files at every start takes too long


def modules_of(script):
    """Return the sorted paths of all flystage modules that the file `script` imports, directly or indirectly."""
    waiting, found = [Path(script)], set()
    while waiting:
        for module in _imported(waiting.pop()) - found:
            found.add(module)
            waiting.append(module)
    return sorted(str(module) for module in found)


def code_version(script):
    """Return a checksum of the file `script` and all flystage modules it uses, which ignores their folder and date."""
    digest = hashlib.sha256(Path(script).name.encode() + b"\0" + Path(script).read_bytes())
    for path in map(Path, modules_of(script)):
        digest.update(str(path.relative_to(LIBRARY)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def content_version(path):
    """Return a checksum of a file, or [size, date in ns] of a file above LARGE; None when there is no file."""
    path = Path(path)
    if not path.is_file():
        return None
    status = path.stat()
    return (
        [status.st_size, status.st_mtime_ns]
        if status.st_size > LARGE
        else hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    )


def templates_of(page):
    """Return the sorted paths of the Jinja file `page` and of the files in its folder that it includes, also indirectly."""
    waiting, found = [Path(page)], set()
    while waiting:
        path = waiting.pop()
        found.add(path)
        names = re.findall(r'\{% (?:include|from) "([^"]+)"', path.read_text(encoding="utf-8"))
        waiting += {path.with_name(name) for name in names} - found
    return sorted(str(path) for path in found)


def _imported(path):
    """Return the flystage modules that one file imports anywhere, also within functions."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "flystage" and len(parts) > 1:
                modules |= _files_of(parts[1:])
    return modules


def _files_of(parts):
    """Return the files of a dotted name below flystage: its packages, then its module. Names within the module are ignored."""
    files, place = set(), LIBRARY
    for part in parts:
        if (place / part).is_dir():
            place = place / part
            files.add(place / "__init__.py")
        else:
            return files | {place / f"{part}.py"}
    return files
