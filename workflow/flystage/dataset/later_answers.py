"""Find which of several answers about one image counts: the later one of a person, or the one that was chosen on the page."""

from datetime import UTC, datetime


def replaces(answer, other):
    """Return whether an answer takes the place of another about the same image. answer, other: Exports.

    A later answer of the same person does, and so does one that a person chose on the review page when answers differed.
    """
    when, before = _moment(answer.when), _moment(other.when)
    if when is None or before is None:
        return False
    if any(_same(who, other.who) and before <= (_moment(at) or before) for who, at in answer.settled):
        return not any(_same(who, answer.who) and when <= (_moment(at) or when) for who, at in other.settled)
    return _same(answer.who, other.who) and when > before


def in_force(answers):
    """Return {key: the answer that replaces it} of the answers about one image that no longer count. answers: {key: Export}."""
    replaced = {}
    for key, answer in answers.items():
        later = next((other for other in answers.values() if other is not answer and replaces(other, answer)), None)
        if later:
            replaced[key] = later
    return {} if len(replaced) == len(answers) else replaced


def _same(who, other):
    return bool(who) and who.strip().casefold() == other.strip().casefold()


def _moment(text):
    """Return the time of an ISO text, in UTC if it does not say so, or None."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
