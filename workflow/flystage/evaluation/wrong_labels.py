"""Find labels that look wrong, as a list for people to check."""

import numpy as np

MOST = 24


def label_doubts(table, stages):
    """Return images for which another stage is as likely as for images with that label, by a network that never saw them.

    table: out-of-fold predictions as `predictions_table` returns them, with png. stages: the Stages.
    Confident learning (Northcutt, Jiang and Chuang, JAIR 70, 2021), as in cleanlab: an image is in doubt if the probability of
    another stage reaches the mean probability of that stage among the images labelled with it. Of several such stages, the most
    probable is suggested.
    Returns at most MOST dicts with source, stage, predicted, p_given, embryo and png, the least p_given first.
    """
    probabilities = table[[f"p_{name}" for name in stages.names]].to_numpy()
    given = table["stage"].map(stages.labels).to_numpy()
    own = probabilities[np.arange(len(given)), given]
    reach = np.full(len(stages), np.inf)
    for label in np.unique(given):
        reach[label] = own[given == label].mean()
    likely = np.where(probabilities >= reach, probabilities, -1)
    suggested = likely.argmax(axis=1)
    doubtful = np.flatnonzero((likely.max(axis=1) >= 0) & (suggested != given))
    worst = doubtful[np.argsort(own[doubtful], kind="stable")][:MOST]
    return [
        {
            "source": table["source"].iloc[row],
            "stage": table["stage"].iloc[row],
            "predicted": stages.names[suggested[row]],
            "p_given": float(own[row]),
            "embryo": table["embryo"].iloc[row],
            "png": table["png"].iloc[row],
        }
        for row in worst.tolist()
    ]
