"""The exceptions whose text is written for the person at the keyboard, and what others say in short."""


class FlystageError(Exception):
    """A mistake a user can make or mend. Its text is one sentence: what is wrong, where, and what to do."""


def first_line(error):
    """What an exception says, cut to its first line and 200 characters; its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


class UnusableTiff(Exception):  # noqa: N818  a verdict on a file, no fault
    """This file cannot be used; the text says why, in a few words that fit a table cell."""
