"""The code that a container runs, as an archive whose bytes depend on nothing but its content."""

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
    """{name in the archive: path}: an adapter, exactly the library modules that it uses, and timm if the backbone is one of timm's.

    entry: path of the adapter below workflow/containers, as in "training/train.py". backbone: name of the network that will run.
    more: files beside the adapter to take along. Raises FlystageError when timm is needed and not installed here.
    """
    adapter = CONTAINERS / entry
    files = {path.name: path for path in (adapter, *(adapter.with_name(name) for name in more))}
    for module in [LIBRARY / "__init__.py", *map(Path, modules_of(adapter))]:
        files[f"flystage/{module.relative_to(LIBRARY)}"] = module
    if name_in_timm(backbone):
        # AWS's images lack timm. It is Python alone, so what is installed here runs there as well, whatever their Python is; of
        # what it imports they have torch and torchvision, and the rest it does without where it has nothing to download.
        timm = importlib.util.find_spec("timm")
        if timm is None:
            raise FlystageError(
                f"SageMaker, {backbone}: timm is sent along and is not installed here; install it and run again."
            )
        folder = Path(timm.origin).parent
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                files[f"timm/{path.relative_to(folder)}"] = path
    return dict(sorted(files.items()))


def archive(files):
    """A .tar.gz as bytes, the same for the same content. files: {name: path, or bytes}."""
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
    """12 hexadecimal digits of a checksum of texts and bytes, for names."""
    total = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        total.update(len(data).to_bytes(8) + data)
    return total.hexdigest()[:12]
