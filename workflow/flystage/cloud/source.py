"""Pack the code that a container runs into an archive whose bytes depend only on its content."""

import gzip
import hashlib
import importlib.util
import io
import tarfile
from pathlib import Path

from flystage.core.errors import FlystageError
from flystage.network.classifiers import name_in_timm
from flystage.run.code_versions import LIBRARY, modules_of

CONTAINERS = LIBRARY.parent / "containers"


def source_files(entry, backbone, *more):
    """Return {name in the archive: path}: an adapter, exactly the library modules that it uses, and timm if the backbone needs it.

    entry: path of the adapter below workflow/containers, as in "training/train.py". backbone: name of the network that will run.
    more: names of further files in the adapter's folder. Raises FlystageError if timm is needed and not installed here.
    """
    adapter = CONTAINERS / entry
    files = {path.name: path for path in (adapter, *(adapter.with_name(name) for name in more))}
    for module in [LIBRARY / "__init__.py", *map(Path, modules_of(adapter))]:
        files[f"flystage/{module.relative_to(LIBRARY)}"] = module
    if name_in_timm(backbone):
        # AWS's images lack timm. It is pure Python, so the installed copy also runs there under another version of Python.
        # The images have torch and torchvision. timm needs its other dependencies only to download weights.
        timm = importlib.util.find_spec("timm")
        if timm is None:
            raise FlystageError(
                f"SageMaker, {backbone}: this backbone needs timm, which is not installed here. flystage sends its copy to AWS."
                " Install it with `pip install timm` and run the same command again."
            )
        folder = Path(timm.origin).parent
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                files[f"timm/{path.relative_to(folder)}"] = path
    return dict(sorted(files.items()))


def archive(files):
    """Return a .tar.gz as bytes. The same content gives the same bytes. files: {name: path, or bytes}."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, content in sorted(files.items()):
            data = content if isinstance(content, bytes) else Path(content).read_bytes()
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def digest(*parts):
    """Return 12 hexadecimal digits of a checksum of texts and bytes, for use in names."""
    total = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        total.update(len(data).to_bytes(8) + data)
    return total.hexdigest()[:12]
