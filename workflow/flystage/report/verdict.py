"""What a run has shown, in one sentence of plain words made from its figures."""

GOOD = 0.8  # a top-k share from which on its suggestions are worth their name
FEW = 5  # with fewer embryos no firm statement is possible


def verdict(measured, baselines=None, learning_curve=None):
    """(sentence, whether it is good news).

    measured: figures as metrics.json holds them, of embryos that the network never saw. baselines: of simple methods on the same
    embryos, and learning_curve: by the number of embryos learned from, both as crossval.json holds them, or None.
    """
    shares = {int(k): share for k, share in measured["top_k"].items()}
    above = {k: share for k, share in shares.items() if share["ci95"][0] > share["chance"]}
    if not above:
        k = min(shares)
        return (
            f"Nothing was shown: on {_counted(measured['images'], 'image')} of {_counted(measured['embryos'], 'embryo')} the"
            f" suggestions cannot be told from guessing ({_named(k)} is right for {_of_100(shares[k])}).",
            False,
        )
    useful = [k for k, share in above.items() if share["accuracy"] >= GOOD]
    k = min(useful, default=max(above))
    sentence = (
        f"{_named(k)[0].upper() + _named(k)[1:]} is right for {_of_100(above[k], ' images of an embryo it never saw')}"
    )
    if not useful:
        sentence += ", which is more than guessing and too little to rely on"
    elif k > 1 and 1 in shares:
        sentence += f", its first suggestion alone for {_whole(shares[1]['accuracy'])} ({_interval(shares[1])})"
    beside, better = _beside(baselines or {})
    enough = _enough(learning_curve or [], f"top_{k}") if useful else ""
    few = f"; {_counted(measured['embryos'], 'embryo')} are too few for a firm statement" * (measured["embryos"] < FEW)
    return f"{sentence}{enough}{beside}{few}.", bool(useful) and better and not few


def _beside(baselines):
    """(words on the network beside the simple methods, whether none of them is as good)."""
    differences = {name: each["better_by"] for name, each in baselines.items() if each.get("better_by")}
    firsts = {name: each["top_1"] for name, each in differences.items() if each.get("top_1")}
    if not firsts:
        return "", True
    ahead = [name for name, first in firsts.items() if first["ci95"][1] < 0]
    if ahead:
        return f"; worse than {_listed(ahead)}", False
    level = [name for name, first in firsts.items() if first["ci95"][0] <= 0]
    if not level:
        return "; better than the simple methods", True
    nearer = all(((differences[name].get("mae") or {}).get("ci95", [0])[0] or 0) > 0 for name in level)
    return (
        f"; not shown to be right more often than {_listed(level)}" + ", though nearer to the truth in time" * nearer,
        False,
    )


def _enough(points, figure):
    """Words on how many embryos it takes to be GOOD, from a learning curve that is so at its end; else none."""
    enough = None
    for point in reversed(points):
        if (point.get(figure) or {"value": 0})["value"] < GOOD:
            break
        enough = point["embryos"]
    return "" if enough is None else f"; at least {_whole(GOOD)} of 100 from {enough} training embryos on"


def _named(k):
    return "the first suggestion" if k == 1 else f"top-{k}"


def _of_100(share, what=""):
    guessing = f"guessing {_whole(share['chance'])}"
    return f"{_whole(share['accuracy'])} of 100{what or ' images'} ({_interval(share)}; {guessing})"


def _interval(share):
    return " to ".join(_whole(end) for end in share["ci95"])


def _whole(share):
    return f"{100 * share:.0f}"


def _counted(number, word):
    return f"{number} {word}{'' if number == 1 else 's'}"


def _listed(names):
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
