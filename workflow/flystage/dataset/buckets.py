"""Assign embryos to buckets. One job prepares one bucket."""

import zlib


def bucket_of(embryo, split, buckets):
    """Return the bucket of an embryo, for example "train-07". There are `buckets` buckets in each split.

    A bucket belongs to one split, because only training images are rotated.
    """
    return f"{split}-{zlib.crc32(embryo.encode()) % buckets:02d}"


def split_of(bucket):
    """Return the split of a bucket."""
    return bucket.rsplit("-", 1)[0]
