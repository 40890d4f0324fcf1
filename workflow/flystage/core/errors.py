"""Exceptions whose text is written for users, and a short form of the text of other exceptions."""


class FlystageError(Exception):
    """An error that a user can cause or fix. Its text says what is wrong, where, and what to do."""


def first_line(error):
    """Return the first line of an exception's text, at most 200 characters, or the name of its class if the text is empty."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


class UnusableTiff(Exception):  # noqa: N818  a verdict on a file, not a fault of the program
    """A TIF that cannot be used. The text gives the reason in a few words that fit a table cell."""
