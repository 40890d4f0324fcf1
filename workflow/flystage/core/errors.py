"""The one exception whose text is written for the person at the keyboard."""


class FlystageError(Exception):
    """A mistake a user can make or mend. Its text is one sentence: what is wrong, where, and what to do."""
