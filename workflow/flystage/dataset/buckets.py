"""Dealing embryos into buckets, the unit of work of one job."""

import zlib


def bucket_of(embryo, split, buckets):
    """The bucket an embryo's images are prepared in, for example "train-07": one of `buckets` in each split.

    The split is part of it because training images are rotated and others are not: no job serves both.
    """
    return f"{split}-{zlib.crc32(embryo.encode()) % buckets:02d}"


def split_of(bucket):
    """The split that a bucket belongs to."""
    return bucket.rsplit("-", 1)[0]
