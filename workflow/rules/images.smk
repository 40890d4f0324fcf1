# Raw TIFs -> normalised, rotated PNGs, one job per bucket of embryos.
# in:  raw TIFs
# out: images/{bucket}.csv, images/{bucket}/*.png



@cache
def data_set():
    """({bucket: [(path, stage, embryo)]}, [TIFs set aside unopened], path of the split lock).

    From names alone: no file is opened and none is written, so Snakemake may do this as often as it likes.
    """
    found = finding.find_images(config["raw"], config["name_pattern"], config["stages"])
    lock = splitting.lock_path(config["split"]["lock"], config["raw"])
    locked = splitting.read_lock(lock)
    if not locked:
        catalog = f"{config['results']}/catalog.csv"
        locked = splitting.read_catalog_splits(catalog)
        if locked and workflow.is_main_process:
            logger.warning(f"The split lock {lock} is gone; the split is taken from {catalog}.")
    usable = [image for image in found if not image.status]
    names = [(image.embryo, image.stage) for image in usable]
    split_of = splitting.assign(names, locked, config["split"], config["split"]["seed"])
    rows = {}
    for image in usable:
        bucket = buckets.bucket_of(image.embryo, split_of[image.embryo], config["buckets"])
        rows.setdefault(bucket, []).append((image.path, image.stage, image.embryo))
    return rows, [tuple(image) for image in found if image.status], lock


# Mistakes in the data are told at once, unless only predictions are wanted: those need no training images.
if not asked_for("predict"):
    or_one_sentence(data_set)


def tifs_of_bucket(wildcards):
    return [path for path, _, _ in rows_of_bucket(wildcards)]


def rows_of_bucket(wildcards):
    return data_set()[0][wildcards.bucket]


def tables_of_buckets(wildcards):
    return [f"{config['results']}/images/{bucket}.csv" for bucket in sorted(data_set()[0])]


def tifs_set_aside(wildcards):
    return data_set()[1]


def lock_of_data_set(wildcards):
    return data_set()[2]


def split_of_bucket(wildcards):
    return buckets.split_of(wildcards.bucket)


def angles_of_bucket(wildcards):
    """Rotations belong to training; validation and test images are stored unrotated."""
    return sorted({0, *config["image"]["angles"]}) if split_of_bucket(wildcards) == "train" else [0]


rule prepare:
    input:
        tifs=tifs_of_bucket,
        code=code_of("prepare.py"),
    output:
        table="<results>/images/{bucket}.csv",
        pngs=directory("<results>/images/{bucket}"),
    params:
        rows=rows_of_bucket,
        split=split_of_bucket,
        angles=angles_of_bucket,
        image={key: value for key, value in config["image"].items() if key != "angles"},
    log:
        "<logs>/prepare/{bucket}.log",
    benchmark:
        "<benchmarks>/prepare/{bucket}.tsv"
    conda:
        "../../envs/images.yaml"
    message:
        "Preparing the images of bucket {wildcards.bucket}"
    script:
        "../scripts/prepare.py"
