# Functions for the rules of `compare`: the configurations of variants, and which parts several variants share.
# Shared parts are made once.
import re

from flystage.run import variants

COMPARED = f"{config['results']}/compare"


@cache
def variants_of_config():
    """Return {name: the checked, complete configuration of the variant}."""
    return or_one_sentence(variants.configurations, AS_GIVEN, config, SCHEMA)


def variant(wildcards):
    return variants_of_config()[wildcards.variant]


def variants_of_mode(mode):
    """Return a pattern for the names of the variants with this train.mode.

    It constrains rules, which Snakemake reads before the variants are checked.
    """
    modes = {
        name: over.get("train", {}).get("mode", config["train"]["mode"])
        for name, over in config["compare"]["variants"].items()
    }
    return "|".join(re.escape(name) for name in modes if modes[name] == mode) or "(?!)"


def with_data(wildcards):
    """Return the configuration of a variant that uses these images."""
    return {variants.data_key(over): over for over in variants_of_config().values()}[wildcards.data]


def with_weights(wildcards):
    """Return the configuration of a variant that starts from these weights."""
    return {variants.weights_key(over): over for over in variants_of_config().values()}[wildcards.weights]


def setting(find, section, name=None, *, only=None, without=()):
    """Return a parameter function: it returns a section, or one setting, of the configuration that `find` gives for wildcards.

    only, without: names of settings to take from the section, or to leave out.
    """

    def parameter(wildcards):
        settings = find(wildcards)[section]
        if name:
            return settings[name]
        return {key: settings[key] for key in only or settings if key not in without}

    return parameter


def angles_of_data(wildcards):
    return sorted({0, *with_data(wildcards)["image"]["angles"]})


def angles_of_bucket_of_data(wildcards):
    return angles_of_data(wildcards) if split_of_bucket(wildcards) == "train" else [0]


def tables_of_data(wildcards):
    """Return the tables of training and validation images. `compare` never reads the test split."""
    made = variants.images_are_made(with_data(wildcards), config)
    folder = f"{config['results']}/images" if made else f"{COMPARED}/images/{wildcards.data}"
    return [
        f"{folder}/{bucket}.csv" for bucket in sorted(data_set().rows) if buckets.split_of(bucket) != "test"
    ]


def version_of_weights_of_variant(wildcards):
    return content_version(with_weights(wildcards)["model"]["weights"])


def size_of_weights(wildcards):
    return settings.size_of_network(with_weights(wildcards))


def backbone_of(over):
    """Return the file of a variant's starting weights: the run's own if they are the same."""
    key = variants.weights_key(over)
    made = key == variants.weights_key(config)
    return f"{config['results']}/model/backbone.pt" if made else f"{COMPARED}/weights/{key}.pt"


def backbone_of_weights(wildcards):
    return backbone_of(with_weights(wildcards))


def manifests_of_data(data):
    return {split: f"{COMPARED}/manifests/{data}/{split}.csv" for split in ("train", "val")}


def learning_of_variant(wildcards):
    """Return {input name: path} of a variant for tune.py and train.py: vectors, manifests, stages, starting weights."""
    over = variant(wildcards)
    data, weights = variants.data_key(over), variants.weights_key(over)
    return {
        "train_vectors": f"{COMPARED}/features/{data}-{weights}/train.npy",
        "val_vectors": f"{COMPARED}/features/{data}-{weights}/val.npy",
        **{f"{split}_manifest": ancient(path) for split, path in manifests_of_data(data).items()},
        "train_content": f"{COMPARED}/manifests/{data}/train.sha256",
        "val_content": f"{COMPARED}/manifests/{data}/val.sha256",
        "stages": f"{config['results']}/stages.csv",
        "backbone": backbone_of(over),
    }


def learning_and_sources_of_variant(wildcards):
    """Return the same for a script that also names the sources of its images, so that other sources count as a change."""
    manifests = manifests_of_data(variants.data_key(variant(wildcards)))
    return learning_of_variant(wildcards) | {f"{split}_manifest": path for split, path in manifests.items()}


def manifest_of_variant(wildcards):
    return learning_and_sources_of_variant(wildcards)["val_manifest"]


def content_of_variant(wildcards):
    return learning_of_variant(wildcards)["val_content"]


def data_set_of_variant(over):
    return ancient(f"{COMPARED}/manifests/{variants.data_key(over)}/train.sha256")


def after_data_set_of_variant(wildcards):
    """Return an input for the reason of AFTER_DATA_SET."""
    return {"data_set_of_variant": data_set_of_variant(variant(wildcards))}


def after_data_sets_of_variants(wildcards):
    return [data_set_of_variant(over) for over in variants_of_config().values()]


def trials_of_variant(wildcards):
    folder = f"{COMPARED}/variants/{wildcards.variant}/tuning"
    return [f"{folder}/trial_{trial}.json" for trial in range(variant(wildcards)["tune"]["trials"])]


def resume_folder_of_variant(wildcards):
    return resume_folder(f"compare/{wildcards.variant}", variant(wildcards)["train"])


def predictions_of_variants(wildcards):
    return [f"{COMPARED}/variants/{name}/validation.csv" for name in variants_of_config()]


# Only variants with a frozen backbone are cross-validated, because heads train quickly.
FOLDS_OF_VARIANT = (
    {"folds": "<results>/compare/variants/{variant}/folds.csv"} if config["compare"]["folds"] else {}
)


def predictions_by_folds(wildcards):
    if not FOLDS_OF_VARIANT:
        return []
    frozen = [name for name, over in variants_of_config().items() if over["train"]["mode"] == "frozen"]
    return [f"{COMPARED}/variants/{name}/folds.csv" for name in frozen]


# Report errors in variants before any job runs.
if asked_for("compare"):
    variants_of_config()
