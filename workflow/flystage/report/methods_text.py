"""Write a paragraph for the methods section of a paper, with the numbers of this run."""

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
    "flystage": "flystage developers (2026). flystage: a Snakemake workflow that classifies Drosophila embryo images by"
    " developmental stage. Version {version}. MIT licence.",  # the same words as in CITATION.cff
}
WIDTH = 100  # letters of a line


def methods_text(config, stages, counts, network, best, measured, crossval, versions):
    """Return the paragraph and its references, in lines of at most WIDTH letters.

    config: the checked configuration. stages: the Stages. counts: {split: {"embryos", "tifs", "pngs"}}. network: as
    model/backbone.json. best: as tuning/best.json. measured: as metrics.json. crossval: as crossval.json, or None. versions:
    {package: version}.
    """
    parts = [
        _data(config, stages, counts),
        _network(config, network, best),
        _figures(config, measured),
        *([_crossvalidation(crossval)] if crossval and crossval.get("crossval") else []),
        f"All steps were run with flystage {versions['flystage']} (flystage developers 2026) on Snakemake {versions['snakemake']}"
        f" (Mölder et al. 2021), PyTorch {versions['torch']} (Paszke et al. 2019) and Python {versions['Python']}.",
    ]
    text = " ".join(parts)
    cited = ["flystage", "snakemake", "torch", "adamw", "intervals"]
    cited += ["ordered"] * ("Diaz and Marathe" in text) + ["sklearn"] * ("Pedregosa" in text)
    cited += ["temperature"] * ("Guo et al." in text) + ["sets"] * ("Lee et al." in text)
    references = sorted((REFERENCES[key].format(version=versions["flystage"]) for key in cited), key=str.casefold)
    note = ["Note: " + config["note"].strip()] if config["note"] and config["note"].strip() else []
    paragraphs = [*note, text, "References", *references]
    return "\n\n".join(textwrap.fill(part, WIDTH, break_long_words=False) for part in paragraphs) + "\n"


def _data(config, stages, counts):
    image = config["image"]
    method = image["normalize"]
    scaled = (
        f"multiplied by {method['factor']:g} on a scale of 0 to 255 and clipped at 255"
        if method["method"] == "multiply"
        else f"rescaled so that percentiles {method['low']:g} and {method['high']:g} of each image became black and white"
    )
    dealt = ", ".join(
        f"{each['embryos']} ({each['tifs']} images) for {purpose}"
        for each, purpose in zip(counts.values(), ("training", "validation", "testing"), strict=True)
    )
    angles = ", ".join(f"{angle:g}" for angle in image["angles"] if angle)
    turned = (
        f" Training images were also rotated by {angles} degrees, which gave {counts['train']['pngs']} training images in total."
        if angles
        else ""
    )
    embryos, tifs = (sum(each[key] for each in counts.values()) for key in ("embryos", "tifs"))
    return (
        f"We used {tifs} images of {embryos} embryos in {len(stages)} stages ({stages.names[0]} to {stages.names[-1]})."
        f" Each embryo was assigned to a single split: {dealt}. Images were reduced to one channel, {scaled}, and resampled once"
        f" to {image['size']} x {image['size']} pixels with 8 bits. The aspect ratio was kept.{turned}"
    )


def _network(config, network, best):
    train, model = config["train"], config["model"]
    weights = {
        "none": "with random weights",
        "imagenet": "with ImageNet weights",
        "bundled": "with bundled ImageNet weights",
    }.get(network["source"], f"with the weights {file_shown(network['source'])}")
    licence = f", licence {network['licence']}" if network["source"] != "none" and network.get("licence") else ""
    frozen = "was used as a frozen backbone" if train["mode"] == "frozen" else "was fine-tuned"
    hidden = " and ".join(map(str, model["hidden"])) or "no"
    targets = (
        f" with soft labels that spread over neighbouring stages (standard deviation {train['spread']:g} stages, after Diaz and Marathe"
        " 2019)"
        if train["loss"] == "ordered"
        else " with cross-entropy"
    )
    pooled = ""
    if network.get("pooling") == "mean_std":
        token = "the class token, and " if network.get("parts") == 3 else ""
        pooled = f" The features of an image are {token}the mean and standard deviation of the last feature map."
    return (
        f"{'An' if network['name'][0] in 'aeiou' else 'A'} {network['name']} {weights} (checksum {network['id']}{licence}) {frozen}."
        f"{pooled} A classification head with {hidden} hidden units was"
        f" trained on its features{targets}, using AdamW (Loshchilov and Hutter 2019) with weight decay {train['weight_decay']:g},"
        f" learning rate {best['learning_rate']:.3g} and batch size {best['batch_size']}.{_choice(config['tune']['trials'], best)}"
    )


def _choice(trials, best):
    """Return how learning rate and batch size were chosen."""
    folds = best.get("folds")
    scored = (
        f"{folds} folds of whole embryos of the training and validation splits" if folds else "the validation embryos"
    )
    if "displaced" not in best:
        return f" Learning rate and batch size were those with the lowest loss on {scored} among {trials} trials."
    if best["displaced"]:
        return (
            f" Learning rate and batch size were those with the lowest loss on {scored} among {trials} trials. They replaced fixed"
            " settings, because the loss was lower by more than the standard error of the difference over embryos."
        )
    fixed = " Learning rate and batch size were fixed before the run."
    if trials < 2:
        return fixed
    return (
        f"{fixed} None of {trials - 1} other settings had a loss on {scored} that was lower by more than the standard error of the"
        " difference over embryos."
    )


def _figures(config, measured):
    views = config["evaluate"]["views"]
    return (
        f"The test set ({measured['images']} images of {measured['embryos']} embryos) was evaluated once, after all choices were made"
        + (f", by averaging the log-probabilities of {views} views of each image" if views > 1 else "")
        + f". The results were: {_in_words(measured)} Ranges are 95 % confidence intervals with the embryo as the unit, after Korn and"
        " Graubard (1998) for shares and from Student's t for the mean error."
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
    alone, hyperparameters = crossval.get("alone"), (measured.get("hyperparameters") or "").strip()
    parts = [
        f"In cross-validation over {measured['folds']} folds of whole embryos of all splits ({measured['images']} images of"
        f" {measured['embryos']} embryos) the results were: {_in_words(measured)}",
        *([hyperparameters] if hyperparameters else []),
    ]
    if alone:
        parts.append(
            "What all images of an embryo have in common was estimated from these images without their labels, and taken out"
            f" before their classification. With each image alone, the results were: {_in_words(alone)}"
        )
    if crossval.get("baselines"):
        names = [name for name in crossval["baselines"] if name != "chance"]
        parts.append(
            f"Baselines on the same folds ({', '.join(names)}; scikit-learn, Pedregosa et al. 2011) were compared with the network by"
            " differences paired by embryo."
        )
    calibration = crossval.get("calibration")
    if calibration and calibration.get("temperature") is not None:
        parts.append(
            f"Probabilities were calibrated on the out-of-fold scores with a temperature of {calibration['temperature']:.3g} (Guo et al."
            f" 2017). The expected calibration error was {calibration['ece_before']:.3f} before and {calibration['ece_after']:.3f} after"
            " calibration."
        )
    sets = crossval.get("sets")
    if sets and sets.get("mean_size") is not None:
        parts.append(
            f"Prediction sets with a promised coverage of {100 * sets['promised']:.0f} % were calibrated over whole embryos (Lee et al."
            f" 2023). They contained the true stage in {100 * sets['covered']:.1f} % of the images, with"
            f" {sets['mean_size']:.1f} stages on average."
        )
    return " ".join(parts)
