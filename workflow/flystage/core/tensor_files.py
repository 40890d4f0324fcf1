"""Read untrusted files of tensors without running their code, in no more memory than the size of the file.

torch stores tensors uncompressed in a zip, with a pickle that describes them (here: outline). The sizes in an outline may be false.
"""

import os
import pickle
import pickletools
import zipfile

# Bytes: outlines of the largest networks have a tenth of this, and a value of one byte takes sixty in memory.
LONGEST_OUTLINE = 8 * 2**20
ZIP = b"PK\x03\x04"
OUTLINES = 4  # in files of torch before 1.6, which are not zips
LONGEST_OLD_OUTLINE = 2**20  # bytes of all four together, which are read byte by byte


class _RefusedError(ValueError):
    pass


def read_tensors(path):
    """Return what torch.save wrote to a file, on the CPU. Check its tensors with `check_tensors`.

    Tensors of a zip stay in the file until they are used.
    Raises FileNotFoundError, or ValueError with a short reason for any file that torch.save did not write.
    """
    import torch

    if not os.path.exists(path):
        raise FileNotFoundError(path)
    if not os.path.isfile(path):  # opening a pipe would block
        raise _RefusedError("it is not a file")
    try:
        with open(path, "rb") as file:
            zipped = file.read(len(ZIP)) == ZIP
        (_check_zip if zipped else _check_outlines)(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except _RefusedError:
        raise
    except pickle.UnpicklingError as error:  # without torch's text, which explains how to run that code
        raise ValueError("it holds something other than tensors and plain values") from error
    except Exception as error:  # torch raises many kinds of error for other files
        raise ValueError("torch did not write it, or it is truncated") from error


def check_tensors(tensors, path):
    """Raise ValueError with a short reason unless {name: tensor} from a file are dense, finite, and not larger than the file."""
    import torch

    total, length = 0, os.path.getsize(path)
    for name, value in tensors.items():
        if type(name) is not str or not isinstance(value, torch.Tensor):
            raise ValueError("it holds something other than named tensors")
        if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized or value.is_complex():
            raise ValueError(f"{name[:80]!r} is not a plain tensor")
        total += value.numel() * value.element_size()
        if total > 2 * length:  # twice, because tensors may share memory
            raise ValueError(f"{name[:80]!r} claims more values than the file holds")
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ValueError(f"{name[:80]!r} holds values that are not finite (NaN or infinite)")


def _check_zip(path):
    """Refuse a compressed zip or one that claims to hold more than its size. torch never compresses."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise _RefusedError("it is compressed, and files of torch are not")
    outlines = [member.file_size for member in members if member.filename.endswith(".pkl")]
    if sum(member.file_size for member in members) > os.path.getsize(path) or sum(outlines) > LONGEST_OUTLINE:
        raise _RefusedError("it claims to hold more than it does")


def _check_outlines(path):
    """Refuse a file that does not begin with the outlines of an old torch file, or whose outlines are too long, before reading them."""
    with open(path, "rb") as file:
        for _ in range(OUTLINES):
            for _ in pickletools.genops(file):
                if file.tell() > LONGEST_OLD_OUTLINE:
                    raise _RefusedError("it claims to hold more than it does")
