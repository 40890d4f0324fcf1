"""Compare orders of labelling with a random order: accuracy on held-out embryos by number of labels.

    python tests/benchmarks/what_to_label.py results/demo

This needs the features of a finished run that trained only heads. Each repeat holds out other embryos and begins with two labelled
ones. It labels images of the other embryos in rounds and in several orders. After each round, a logistic regression on features
learns from all labels. In one variant, a round labels as many single images as an embryo has. In the other, it labels the whole
embryo with the largest mean value.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.special import stdtrit
from sklearn.linear_model import LogisticRegression

from flystage.dataset.manifests import read_manifest
from flystage.prediction.teaching import teaching

ROUNDS = 6
COMPONENTS = 60  # principal components of the features of all images
FIRST, HELD_OUT = 2, 0.4  # number of embryos labelled at the beginning; share of held-out embryos


def doubts_of(network, vectors):
    return 1 - network.predict_proba(vectors).max(axis=1)


def at_random(vectors, network, labelled, random):
    return random.random(len(vectors))


def by_doubt(vectors, network, labelled, random):
    return doubts_of(network, vectors)


def by_distance(vectors, network, labelled, random):
    return teaching(vectors, np.ones(len(vectors)), labelled)


def by_both_ranks(vectors, network, labelled, random):
    doubts = doubts_of(network, vectors).argsort().argsort()
    distances = np.sqrt(((vectors[:, None] - labelled[None]) ** 2).sum(axis=2)).min(axis=1)
    return doubts + distances.argsort().argsort()


def by_teaching(vectors, network, labelled, random):
    return teaching(vectors, doubts_of(network, vectors), labelled)


ORDERS = {
    "random": at_random, "doubt": by_doubt, "distance (k-center)": by_distance, "ranks of doubt and distance": by_both_ranks,
    "teaching": by_teaching,
}  # fmt: skip


def learned(vectors, labels):
    return LogisticRegression(C=1.0, max_iter=200).fit(vectors, labels)


def curve(vectors, labels, embryos, order, whole, seed):
    """Return accuracy and mean error (in stages) on the held-out embryos after each round, an array (rounds + 1, 2).

    vectors: (images, components). labels, embryos: of the images. order: a key of ORDERS. whole: whether a round labels a whole
    embryo instead of single images. seed: of the repeat.
    """
    random = np.random.default_rng(seed)
    names = random.permutation(np.unique(embryos))
    held_out = np.isin(embryos, names[: round(HELD_OUT * len(names))])
    labelled, found = np.isin(embryos, names[-FIRST:]), []
    choice = np.random.default_rng([seed, 1])
    for number in range(ROUNDS + 1):
        if number:
            pool = np.flatnonzero(~held_out & ~labelled)
            values = ORDERS[order](
                vectors[pool], learned(vectors[labelled], labels[labelled]), vectors[labelled], choice
            )
            if whole:
                left = np.unique(embryos[pool])
                means = [values[embryos[pool] == embryo].mean() for embryo in left]
                taken = pool[embryos[pool] == left[int(np.argmax(means))]]
            else:
                taken = pool[np.argsort(-values, kind="stable")[: round(len(embryos) / len(np.unique(embryos)))]]
            labelled[taken] = True
        network = learned(vectors[labelled], labels[labelled])
        answers = network.predict(vectors[held_out])
        found.append([np.mean(answers == labels[held_out]), np.mean(np.abs(answers - labels[held_out]))])
    return np.array(found)


def main():
    """Run the command line, see --help."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results folder of a finished run")
    parser.add_argument("--repeats", type=int, default=20)
    args = parser.parse_args()
    parts = []
    for split in ("train", "val"):
        manifest = read_manifest(args.results / f"manifests/{split}.csv")
        unrotated = (manifest["angle"] == 0).to_numpy()
        vectors = np.load(args.results / f"features/{split}.npy")[unrotated].astype(float)
        parts.append((vectors, manifest["label"].to_numpy()[unrotated], manifest["embryo"].to_numpy()[unrotated]))
    vectors, labels, embryos = (np.concatenate(part) for part in zip(*parts, strict=True))
    vectors = (vectors - vectors.mean(axis=0)) / np.maximum(vectors.std(axis=0), 1e-6)
    vectors = vectors @ np.linalg.svd(vectors, full_matrices=False)[2][:COMPONENTS].T / np.sqrt(vectors.shape[1])
    ways = {
        (order, whole): f"{order}, {kind}" for whole, kind in ((False, "images"), (True, "embryos")) for order in ORDERS
    }
    curves = {
        way: np.stack([curve(vectors, labels, embryos, *way, seed) for seed in range(args.repeats)]) for way in ways
    }
    number = len(np.unique(embryos))
    print(
        f"{number} embryos, {len(vectors)} images, {args.repeats} repeats, {FIRST} embryos labelled at the beginning\n"
    )
    print(
        f"| order | {' | '.join(f'+{rounds}' for rounds in range(ROUNDS + 1))} | minus random order: top-1 points | stages of error |"
    )
    print("|---|" + "---|" * (ROUNDS + 3))
    quantile = stdtrit(args.repeats - 1, 0.975)
    for (order, whole), name in ways.items():
        found = curves[order, whole]
        tops = " | ".join(f"{100 * found[:, rounds, 0].mean():.0f} %" for rounds in range(ROUNDS + 1))
        minus = (found - curves["random", whole])[:, 1:].mean(
            axis=1
        )  # in each repeat, all orders hold out the same embryos
        half, mean = quantile * minus.std(axis=0, ddof=1) / np.sqrt(args.repeats), minus.mean(axis=0)
        words = [
            f"{scale * value:+.{digits}f} ({scale * (value - width):+.{digits}f} to {scale * (value + width):+.{digits}f})"
            for scale, digits, value, width in zip((100, 1), (1, 2), mean, half, strict=True)
        ]
        print(f"| {name} | {tops} | {' | '.join(words if order != 'random' else ['', ''])} |")


if __name__ == "__main__":
    main()
