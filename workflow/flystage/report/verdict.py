"""Summarise in plain words what the figures of a run have shown."""

GOOD = 0.8  # suggestions are useful from this top-k share on
FEW = 5  # with fewer embryos no firm statement is possible


def verdict(measured, baselines=None, learning_curve=None):
    """Return (a few short sentences, whether they are good news).

    measured: figures as in metrics.json, of embryos that the network never saw. baselines: figures of the baselines on the same
    embryos. learning_curve: figures by the number of training embryos. Both are as in crossval.json, or None.
    """
    shares = {int(k): share for k, share in measured["top_k"].items()}
    above = {k: share for k, share in shares.items() if share["ci95"][0] > share["chance"]}
    if not above:
        k = min(shares)
        return (
            f"No evidence that the network is better than guessing on {_counted(measured['images'], 'image')} of"
            f" {_counted(measured['embryos'], 'embryo')}. There, {_named(k)} for {_of_100(shares[k])}.",
            False,
        )
    useful = [k for k, share in above.items() if share["accuracy"] >= GOOD]
    k = min(useful, default=max(above))
    sentence = f"{_named(k)[0].upper() + _named(k)[1:]} for {_of_100(above[k], ' of unseen embryos')}"
    if not useful:
        sentence += ". This is better than guessing, but too often wrong to rely on"
    elif k > 1 and 1 in shares:
        sentence += (
            f". The first suggestion is correct for {_whole(shares[1]['accuracy'])} % ({_interval(shares[1])} %)"
        )
    beside, better = _beside(baselines or {})
    enough = _enough(learning_curve or [], f"top_{k}") if useful else ""
    few = f". {_counted(measured['embryos'], 'embryo')} cannot support a firm statement" * (measured["embryos"] < FEW)
    return f"{sentence}{enough}{beside}{few}.", bool(useful) and better and not few


def _beside(baselines):
    """Return (words that compare the network with the baselines, whether it is significantly better than all of them)."""
    differences = {name: each["better_by"] for name, each in baselines.items() if each.get("better_by")}
    firsts = {name: each["top_1"] for name, each in differences.items() if each.get("top_1")}
    if not firsts:
        return "", True
    ahead = [name for name, first in firsts.items() if first["ci95"][1] < 0]
    if ahead:
        return f". Significantly worse than {_listed(ahead, 'and')}", False
    level = [name for name, first in firsts.items() if first["ci95"][0] <= 0]
    if not level:
        return ". Significantly better than every baseline", True
    nearer = all(((differences[name].get("mae") or {}).get("ci95", [0])[0] or 0) > 0 for name in level)
    return (
        f". No significant improvement in top-1 over {_listed(level, 'or')}"
        + ", but a significantly smaller mean error" * nearer,
        False,
    )


def _enough(points, figure):
    """Return words on how many embryos it takes to stay at GOOD up to the end of a learning curve; "" if it ends below.

    figure: the key of the share in a point of the curve, such as top_3.
    """
    enough = None
    for point in reversed(points):
        if (point.get(figure) or {"value": 0})["value"] < GOOD:
            break
        enough = point["embryos"]
    return (
        ""
        if enough is None
        else f". It takes {enough} training embryos to reach {_whole(GOOD)} % in {figure.replace('_', '-')}"
    )


def _named(k):
    return "the first suggestion is correct" if k == 1 else f"the true stage is among the first {k} suggestions"


def _of_100(share, what=""):
    guessing = f"chance {_whole(share['chance'])} %"
    return f"{_whole(share['accuracy'])} % of images{what} (95 % interval {_interval(share)} %, {guessing})"


def _interval(share):
    return " to ".join(_whole(end) for end in share["ci95"])


def _whole(share):
    return f"{100 * share:.0f}"


def _counted(number, word):
    return f"{number} {word}{'' if number == 1 else 's'}"


def _listed(names, word):
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
