"""A paragraph for the methods section of a paper, with the numbers of this run."""

import textwrap

from flystage.core.disclosure import file_shown

REFERENCES = {
    "intervals": "Korn EL, Graubard BI (1998). Confidence intervals for proportions with small expected number of positive counts"
    " estimated from survey data. Survey Methodology 24, 193-201.",
    "snakemake": "Mölder F et al. (2021). Sustainable data analysis with Snakemake. F1000Research 10, 33.",
    "torch": "Paszke A et al. (2019). PyTorch: an imperative style, high-performance deep learning library. NeurIPS 32.",
    "adamw": "Loshchilov I, Hutter F (2019). Decoupled weight decay regularization. ICLR.",
    "ordered": "Diaz R, Marathe A (2019). Soft labels for ordinal regression. CVPR, 4738-4747.",
    "sklearn": "Pedregosa F et al. (2011). Scikit-learn: machine learning in Python. JMLR 12, 2825-2830.",
    "temperature": "Guo C, Pleiss G, Sun Y, Weinberger KQ (2017). On calibration of modern neural networks. ICML.",
    "sets": "Lee Y, Barber RF, Willett R (2023). Distribution-free inference with hierarchical data. arXiv:2306.06342.",
}
WIDTH = 100  # letters of a line


def methods_text(config, stages, counts, network, best, measured, crossval, versions):
    """The paragraph and its references.

    config: the checked configuration. stages: the Stages. counts: {split: {"embryos", "tifs", "pngs"}}. network: as
    model/backbone.json. best: as tuning/best.json. measured: as metrics.json. crossval: as crossval.json, or None. versions:
    {package: version}.
    """
    parts = [
        _data(config, stages, counts),
        _network(config, network, best),
        _figures(config, measured),
        *([_crossvalidation(crossval)] if crossval and crossval.get("crossval") else []),
        f"All steps ran as a Snakemake {versions['snakemake']} workflow (Mölder et al. 2021; flystage {versions['flystage']}) with"
        f" PyTorch {versions['torch']} (Paszke et al. 2019) in Python {versions['Python']}.",
    ]
    text = " ".join(parts)
    cited = ["snakemake", "torch", "adamw", "intervals"]
    cited += ["ordered"] * ("Diaz and Marathe" in text) + ["sklearn"] * ("Pedregosa" in text)
    cited += ["temperature"] * ("Guo et al." in text) + ["sets"] * ("Lee et al." in text)
    references = sorted(REFERENCES[key] for key in cited)
    note = ["Note: " + config["note"].strip()] if config["note"] and config["note"].strip() else []
    paragraphs = [*note, text, "References", *references]
    return "\n\n".join(textwrap.fill(part, WIDTH, break_long_words=False) for part in paragraphs) + "\n"


def _data(config, stages, counts):
    image = config["image"]
    method = image["normalize"]
    scaled = (
        f"multiplied by {method['factor']:g} on the 0-255 scale, saturating"
        if method["method"] == "multiply"
        else f"stretched so that percentiles {method['low']:g} and {method['high']:g} of each image became black and white"
    )
    dealt = ", ".join(
        f"{each['embryos']} ({each['tifs']} images) for {purpose}"
        for each, purpose in zip(counts.values(), ("training", "validation", "the test"), strict=True)
    )
    angles = ", ".join(f"{angle:g}" for angle in image["angles"] if angle)
    turned = (
        f" Training images were also rotated by {angles} degrees ({counts['train']['pngs']} in all)." if angles else ""
    )
    embryos, tifs = (sum(each[key] for each in counts.values()) for key in ("embryos", "tifs"))
    return (
        f"{tifs} images of {embryos} embryos in {len(stages)} stages ({stages.names[0]} to {stages.names[-1]}) were used."
        f" Whole embryos were dealt out: {dealt}. Images were reduced to one channel, {scaled}, and resampled once to"
        f" {image['size']} x {image['size']} pixels at 8 bits with their aspect ratio kept.{turned}"
    )


def _network(config, network, best):
    train, model = config["train"], config["model"]
    weights = {
        "none": "with random weights",
        "imagenet": "with ImageNet weights",
        "bundled": "with bundled ImageNet weights",
    }.get(network["source"], f"with the weights {file_shown(network['source'])}")
    licence = f", licence {network['licence']}" if network["source"] != "none" and network.get("licence") else ""
    frozen = "stayed as it was" if train["mode"] == "frozen" else "was fine-tuned"
    hidden = " and ".join(map(str, model["hidden"])) or "no"
    targets = (
        f" against targets spread over neighbouring stages (standard deviation {train['spread']:g} stages; after Diaz and Marathe 2019)"
        if train["loss"] == "ordered"
        else " with cross-entropy"
    )
    chosen = f"{best['folds']} folds of whole embryos" if best.get("folds") else "the validation embryos"
    return (
        f"{'An' if network['name'][0] in 'aeiou' else 'A'} {network['name']} {weights} (checksum {network['id']}{licence}) {frozen};"
        f" a head with {hidden} hidden units was"
        f" trained on its features{targets}, with AdamW (Loshchilov and Hutter 2019; weight decay {train['weight_decay']:g}), learning rate"
        f" {best['learning_rate']:.3g} and batch size {best['batch_size']}, the best of {config['tune']['trials']} trials by the loss on"
        f" {chosen}."
    )


def _figures(config, measured):
    views = config["evaluate"]["views"]
    return (
        f"The test images ({measured['images']} of {measured['embryos']} embryos) were read once, after all choices were made"
        + (f", each in {views} views whose log-probabilities were averaged" if views > 1 else "")
        + f". Accuracy was: {_in_words(measured)} Intervals are 95 % intervals that take the embryo as the unit (Korn and Graubard 1998;"
        " Student's t for the mean error)."
    )


def _in_words(measured):
    shares = [(f"top-{k}", share) for k, share in measured["top_k"].items()]
    shares.append(("within one stage", measured["within_one"]))
    said = [
        f"{name} {100 * share['accuracy']:.1f} % ({100 * share['ci95'][0]:.0f} to {100 * share['ci95'][1]:.0f} %,"
        f" chance {100 * share['chance']:.1f} %)"
        for name, share in shares
    ]
    error = measured["mae"]
    if error and error["value"] is not None:
        low, high = error["ci95"]
        said.append(f"mean error {error['value']:.1f} {error['unit']} ({low:.1f} to {high:.1f} {error['unit']})")
    return f"{'; '.join(said)}."


def _crossvalidation(crossval):
    measured = crossval["crossval"]
    hyperparameters = (measured.get("hyperparameters") or "").strip().rstrip(".")
    hyperparameters = hyperparameters[:1].lower() + hyperparameters[1:]
    parts = [
        f"In cross-validation over {measured['folds']} folds of whole embryos of all splits ({measured['images']} images of"
        f" {measured['embryos']} embryos{'; ' + hyperparameters if hyperparameters else ''}) accuracy was: {_in_words(measured)}"
    ]
    if crossval.get("baselines"):
        names = [name for name in crossval["baselines"] if name != "chance"]
        parts.append(
            f"Simple methods on the same folds ({', '.join(names)}; scikit-learn, Pedregosa et al. 2011) were compared embryo by embryo."
        )
    calibration = crossval.get("calibration")
    if calibration and calibration.get("temperature") is not None:
        parts.append(
            f"Probabilities were calibrated on the out-of-fold scores with a temperature of {calibration['temperature']:.3g} (Guo et al."
            f" 2017; expected calibration error {calibration['ece_before']:.3f} before, {calibration['ece_after']:.3f} after)."
        )
    sets = crossval.get("sets")
    if sets and sets.get("mean_size") is not None:
        parts.append(
            f"Sets of stages that hold the truth with a probability of {100 * sets['promised']:.0f} % were calibrated over whole"
            f" embryos (Lee et al. 2023); they held it in {100 * sets['covered']:.1f} % of the images, with"
            f" {sets['mean_size']:.1f} stages on average."
        )
    return " ".join(parts)
