"""Which library modules a script uses, so that editing one reruns exactly the rules that depend on it."""

import ast
import hashlib
import re
from pathlib import Path

LIBRARY = Path(__file__).parents[1]
LARGE = 2**20  # bytes; reading larger files at every start takes too long


def modules_of(script):
    """Paths of all flystage modules that the file `script` imports, directly or through one another, sorted."""
    waiting, found = [Path(script)], set()
    while waiting:
        for module in _imported(waiting.pop()) - found:
            found.add(module)
            waiting.append(module)
    return sorted(str(module) for module in found)


def code_version(script):
    """A checksum of the file `script` and of all flystage modules it uses: another place or date of them changes nothing."""
    digest = hashlib.sha256(Path(script).name.encode() + b"\0" + Path(script).read_bytes())
    for path in map(Path, modules_of(script)):
        digest.update(str(path.relative_to(LIBRARY)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def content_version(path):
    """A checksum of a file, whatever its place and date; of one above 1 MiB its size and date (ns); None when there is none."""
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
    """Paths of the Jinja file `page` and of the files beside it that it takes in, directly or through one another, sorted."""
    waiting, found = [Path(page)], set()
    while waiting:
        path = waiting.pop()
        found.add(path)
        names = re.findall(r'\{% (?:include|from) "([^"]+)"', path.read_text(encoding="utf-8"))
        waiting += {path.with_name(name) for name in names} - found
    return sorted(str(path) for path in found)


def _imported(path):
    """The flystage modules that one file names in its import statements, wherever in the file they stand."""
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
    """The files of a dotted name below flystage: packages on the way, then the module; what follows is a name within it."""
    files, place = set(), LIBRARY
    for part in parts:
        if (place / part).is_dir():
            place = place / part
            files.add(place / "__init__.py")
        else:
            return files | {place / f"{part}.py"}
    return files
