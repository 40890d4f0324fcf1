"""Cross-validate a finished run over whole embryos of all splits, and compute its out-of-fold figures."""

import logging

import numpy as np

from flystage.certainty.calibration import calibration, tempered
from flystage.certainty.prediction_sets import prediction_sets
from flystage.certainty.time_intervals import time_intervals
from flystage.evaluation.breakdown import by_embryo, stage_support
from flystage.evaluation.metrics import metrics, predictions_table
from flystage.evaluation.paired import paired_differences
from flystage.evaluation.wrong_labels import label_doubts
from flystage.jobs.folds import folds_of, scored
from flystage.jobs.held_out import ALONE, CHANCE, DISTANCES, LOGISTIC, METHODS, NETWORK, answers
from flystage.jobs.learning_curve import curve_tasks, learning_curve
from flystage.jobs.tuning import trial_settings
from flystage.prediction.likeness import held_out_likeness
from flystage.training.recipe import Recipe

log = logging.getLogger("flystage")
EACH_BY_ITSELF, FEWER = 24, 12  # up to 24 embryos, each embryo is a fold. More embryos share 12 folds
LEAST = 3  # embryos that cross-validation needs
DEALT = 5  # most folds of the image-level split
KEYS = (
    "crossval", "baselines", "random_split", "by_embryo", "calibration", "sets", "interval", "likeness", "learning_curve",
    "label_doubts", "stage_support", "alone",
)  # fmt: skip


def fixed_recipe(model, train, tune):
    """Return the Recipe of the folds: the settings of trial 0, for all epochs of a trial.

    No embryo of this run chose them, so the figures of cross-validation do not profit from a choice on the same embryos.
    model, train, tune: sections of the configuration.
    """
    settings = trial_settings(0, tune["learning_rate"], tune["batch_size"])
    return Recipe.of(model, train, settings, tune["epochs"])


def number_of_folds(asked, embryos):
    """Return the number of folds. asked: the setting, "auto" or a number. embryos: number of embryos."""
    if asked == "auto":
        return embryos if embryos <= EACH_BY_ITSELF else FEWER
    return min(asked, embryos)


def cross_validate(images, stages, recipe, folds, top_k, coverage, processes, whole_networks=None, training_only=()):
    """Return out-of-fold predictions and all figures as plain values, for evaluation/crossval.csv and .json.

    images: the Images. stages: the Stages. recipe: from `fixed_recipe`. folds: the setting. top_k: list of k.
    coverage: requested probability of prediction sets and time intervals. processes: number of trainings at the same
    time.
    whole_networks: predictions of `predictions_of_whole_network` for all folds. With None, heads are trained on the
    images' vectors.
    training_only: origins of stages that are used for training but not for figures, see `scored`.
    With too few embryos, the table is empty, and the figures are None with a "why".
    """
    embryos, measured_by = images.embryos, scored(images.manifest, training_only)
    number = len(np.unique(embryos[measured_by]))
    if number < LEAST:
        why = f"Cross-validation needs {LEAST} embryos or more, and there are {number}."
        log.warning("%s", why)
        none = np.zeros(len(images), dtype=bool)
        nothing = _table(images, none, np.empty((0, len(stages))), none, stages)
        return nothing, {"why": why} | dict.fromkeys(KEYS)
    folds = number_of_folds(folds, number)
    fold = _fold_of_each(embryos, measured_by, folds)
    dealt = np.random.default_rng(recipe.train["seed"]).permutation(np.arange(len(images)) % min(folds, DEALT))
    methods = [method for method in METHODS if method != NETWORK or whole_networks is None]
    both = whole_networks is None and images.adapt  # the figures without an embryo's other images are reported too
    asked = [*methods, *([ALONE] if both else []), *([DISTANCES] if whole_networks is None else [])]
    by_embryos = _tasks(fold, measured_by, asked)
    at_random = _tasks(dealt, measured_by, [LOGISTIC])
    curve = curve_tasks(embryos, recipe.train["seed"], measured_by) if whole_networks is None else []
    found = answers(images, [*by_embryos, *at_random, *curve], stages, recipe, processes)
    tables = {method: _joined(images, measured_by, by_embryos, found, method, fold, stages) for method in methods}
    if whole_networks is not None:
        by_png = whole_networks.set_index("png").loc[images.manifest.loc[measured_by, "png"]]
        tables[NETWORK] = _table(images, measured_by, _probabilities(by_png, stages), fold, stages)
    network = tables[NETWORK]
    leaky = _joined(images, measured_by, at_random, found[len(by_embryos) :], LOGISTIC, dealt, stages)
    measured = {method: metrics(table, stages, top_k) for method, table in tables.items()}
    probabilities, labels = _probabilities(network, stages), network["stage"].map(stages.labels).to_numpy()
    staged_embryos = network["embryo"].to_numpy()
    certainty = _certainty(probabilities, labels, network, stages, coverage)
    alone = _joined(images, measured_by, by_embryos, found, ALONE, fold, stages) if both else None
    record = {
        "crossval": measured[NETWORK]
        | {"folds": folds, "hyperparameters": _hyperparameters(recipe, whole_networks is not None)},
        "baselines": {CHANCE: _chance(measured[NETWORK])}
        | {
            name: _of_all(measured[name]) | {"better_by": _better_by(network, tables[name], stages)}
            for name in METHODS
            if name != NETWORK
        },
        "random_split": _of_all(metrics(leaky, stages, top_k)) | {"network_same_method": _of_all(measured[LOGISTIC])},
        "by_embryo": by_embryo(network, stages),
        **certainty,
        # Vectors differ between fine-tuned folds, so the checkpoint gets its threshold from the validation embryos.
        "likeness": held_out_likeness(_of_each_image(by_embryos, found, DISTANCES), staged_embryos)
        if whole_networks is None
        else None,
        "learning_curve": learning_curve(images.manifest, curve, found[-len(curve) :], stages, sorted({1, 3, *top_k}))
        if curve
        else None,
        "label_doubts": label_doubts(network, stages),
        "stage_support": stage_support(network, stages),
        "alone": alone is not None
        and not np.array_equal(_probabilities(alone, stages), probabilities)
        and _of_all(metrics(alone, stages, top_k))
        | {"better_by": _better_by(network, alone, stages)}
        | _certainty(_probabilities(alone, stages), labels, network, stages, coverage)
        or None,
    }
    return network, record


def _certainty(probabilities, labels, table, stages, coverage):
    """Return the calibration of out-of-fold probabilities, and the prediction sets and time intervals after it, as plain values.

    table: of predictions, with embryo and fold of each image.
    """
    embryos = table["embryo"].to_numpy()
    found = calibration(probabilities, labels, table["fold"].to_numpy())
    calibrated = tempered(probabilities, found["temperature"])
    return {
        "calibration": found,
        "sets": prediction_sets(calibrated, labels, embryos, coverage, stages.places is not None),
        "interval": time_intervals(calibrated, stages, labels, embryos, coverage),
    }


def null_run(images, stages, recipe, folds, top_k, processes, training_only=()):
    """Return the figures of heads trained on shuffled stages, as plain values. They must equal chance.

    See `cross_validate`.
    """
    shuffled, measured_by = images.shuffled(recipe.train["seed"]), scored(images.manifest, training_only)
    folds = number_of_folds(folds, len(np.unique(images.embryos[measured_by])))
    fold = _fold_of_each(images.embryos, measured_by, folds)
    tasks = _tasks(fold, measured_by, [NETWORK])
    found = answers(shuffled, tasks, stages, recipe, processes)
    measured = metrics(_joined(images, measured_by, tasks, found, NETWORK, fold, stages), stages, top_k)
    return _of_all(measured) | {"embryos": measured["embryos"], "images": measured["images"]}


def _fold_of_each(embryos, measured_by, folds):
    """Return the fold of each image, int array. Embryos without figures are in fold -1, and all folds train on them."""
    fold_of = folds_of(embryos[measured_by], folds)
    return np.array([fold_of.get(embryo, -1) for embryo in embryos])


def _tasks(fold, measured_by, methods):
    """Return the tasks for `answers`, one for each fold with images to classify."""
    return [(fold != number, (fold == number) & measured_by, methods) for number in np.unique(fold[measured_by])]


def _joined(images, measured_by, tasks, found, method, fold, stages):
    """Return the out-of-fold predictions of a method for all images in `measured_by`."""
    return _table(images, measured_by, _of_each_image(tasks, found, method), fold, stages)


def _of_each_image(tasks, found, method):
    """Return the answer of a method for each classified image, in the order of the images."""
    answers_of_tasks = [answer[method] for _, answer in zip(tasks, found, strict=False)]
    order = np.argsort(np.concatenate([np.flatnonzero(staged) for _, staged, _ in tasks]))
    return np.concatenate(answers_of_tasks)[order]


def _table(images, measured_by, probabilities, fold, stages):
    """Return the predictions of the images in `measured_by`, with split, fold and png. fold: of all images."""
    manifest = images.manifest[measured_by].reset_index(drop=True)
    table = predictions_table(manifest, probabilities, stages)
    first = ["source", "stage", "embryo"]
    extra = manifest[["split"]].assign(fold=fold[measured_by], png=manifest["png"])
    for place, name in enumerate(extra):
        table.insert(len(first) + place, name, extra[name])
    return table


def _probabilities(table, stages):
    return table[[f"p_{name}" for name in stages.names]].to_numpy()


def _of_all(measured):
    return {name: measured[name] for name in ("top_k", "within_one", "mae")}


def _chance(measured):
    """Return the figures of guessing. They are exact, so their interval has no width."""

    def sure(share, name):
        return share | {name: share["chance"], "ci95": [share["chance"]] * 2}

    return {
        "top_k": {k: sure(share, "accuracy") for k, share in measured["top_k"].items()},
        "within_one": sure(measured["within_one"], "accuracy"),
        "mae": sure(measured["mae"], "value"),
    }


def _better_by(network, baseline, stages):
    """Return the paired differences. Positive values mean a better network: higher top-1, lower mean error."""
    return {
        "top_1": paired_differences(network, baseline, stages, [1])["top_1"],
        "mae": paired_differences(baseline, network, stages, [1])["mae"],
    }


def _hyperparameters(recipe, whole_network):
    if whole_network:
        return (
            f"Every fold uses the run's own learning rate ({recipe.learning_rate:.3g}), batch size ({recipe.batch_size}) and settings of"
            f" fine-tuning, and the next fold chooses the epoch of at most {recipe.epochs}. The learning rate and the batch size were"
            " chosen on the run's validation embryos."
        )
    return (
        f"Every fold uses the fixed recipe: learning rate {recipe.learning_rate:.3g}, batch size {recipe.batch_size},"
        f" {recipe.epochs} epochs. No embryo of this run chose it."
    )
