"""Files of tensors that others may have made: none of their code runs, and they take no more memory than they are long.

torch keeps tensors in a zip, unpacked, beside a pickle that says what they are: an outline. It says sizes that need not be true.
"""

import os
import pickle
import pickletools
import zipfile

# Bytes: those of the largest networks have a tenth, and a value of one byte takes sixty in memory.
LONGEST_OUTLINE = 8 * 2**20
ZIP = b"PK\x03\x04"
OUTLINES = 4  # in files of torch before 1.6, which are no zip
LONGEST_OLD_OUTLINE = 2**20  # all four; they are read byte by byte


class _RefusedError(ValueError):
    pass


def read_tensors(path):
    """What torch.save wrote to a file, on the CPU; its tensors stay in the file until they are looked at, see `check_tensors`.

    Raises FileNotFoundError, and ValueError, which says in a few words what is wrong, for everything that is no such file.
    """
    import torch

    if not os.path.exists(path):
        raise FileNotFoundError(path)
    if not os.path.isfile(path):  # one that is a pipe would be waited for
        raise _RefusedError("it is no file")
    try:
        with open(path, "rb") as file:
            zipped = file.read(len(ZIP)) == ZIP
        (_check_zip if zipped else _check_outlines)(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except _RefusedError:
        raise
    except pickle.UnpicklingError as error:  # torch's own words tell how to run that code after all
        raise ValueError("it holds something else than tensors and plain values") from error
    except Exception as error:  # torch raises many kinds for a file that is not its own
        raise ValueError("it is not of torch, or cut off") from error


def check_tensors(tensors, path):
    """Raise ValueError, in a few words, unless {name: tensor} from a file are dense, finite, and no larger than the file."""
    import torch

    total, length = 0, os.path.getsize(path)
    for name, value in tensors.items():
        if type(name) is not str or not isinstance(value, torch.Tensor):
            raise ValueError("it holds something else than named tensors")
        if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized or value.is_complex():
            raise ValueError(f"{name[:80]!r} is no plain tensor")
        total += value.numel() * value.element_size()
        if total > 2 * length:  # some of them may be one another
            raise ValueError(f"{name[:80]!r} claims more values than the file holds")
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ValueError(f"{name[:80]!r} holds values that are no numbers (NaN or infinite)")


def _check_zip(path):
    """Refuse a zip that would be unpacked to more than it is: torch itself packs nothing."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise _RefusedError("it is packed, and files of torch are not")
    outlines = [member.file_size for member in members if member.filename.endswith(".pkl")]
    if sum(member.file_size for member in members) > os.path.getsize(path) or sum(outlines) > LONGEST_OUTLINE:
        raise _RefusedError("it claims to hold more than it does")


def _check_outlines(path):
    """Refuse what does not begin with the outlines of an old file of torch, or with ones that are too long, before they are read."""
    with open(path, "rb") as file:
        for _ in range(OUTLINES):
            for _ in pickletools.genops(file):
                if file.tell() > LONGEST_OLD_OUTLINE:
                    raise _RefusedError("it claims to hold more than it does")
