"""Put lists of names into sentences."""


def first_few(names, most):
    """Return the first `most` names, separated by commas, and how many more there are. names: list of text."""
    return ", ".join(names[:most]) + f" and {len(names) - most} more" * (len(names) > most)
