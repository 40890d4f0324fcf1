# Prepared images -> catalog, manifests, split folders, figures, and at last the split lock.
# in:  images/{bucket}.csv of every bucket
# out: catalog.csv, stages.csv, manifests/, split/, figures/images_per_stage_*.png, figures/sample.png


# A checkpoint of Snakemake: once it has run, Snakemake looks again at what follows. Copied or touched TIFs give the same PNGs, and
# then nothing that follows runs.
checkpoint dataset:
    input:
        tables=tables_of_buckets,
    output:
        catalog="<results>/catalog.csv",
        stages="<results>/stages.csv",
        train="<results>/manifests/train.csv",
        val="<results>/manifests/val.csv",
        test="<results>/manifests/test.csv",
        train_content="<results>/manifests/train.sha256",
        val_content="<results>/manifests/val.sha256",
        test_content="<results>/manifests/test.sha256",
        split=directory("<results>/split"),
    log:
        "<logs>/dataset.log",
    benchmark:
        "<benchmarks>/dataset.tsv"
    conda:
        "../../envs/images.yaml"
    params:
        code=code_of("dataset.py"),
        set_aside=tifs_set_aside,
        origins=origins_of_stages,
        max_bad=config["max_bad"],
        wanted_stages=config["stages"],
        time_unit=config["time_unit"],
        lock=lock_of_data_set,
    message:
        "Collecting the data set: catalog, manifests, split folders"
    script:
        "../scripts/dataset.py"


rule dataset_figures:
    input:
        catalog="<results>/catalog.csv",
        stages="<results>/stages.csv",
        tables=tables_of_buckets,
    output:
        before=report(
            "<results>/figures/images_per_stage_before_rotation.png",
            caption="../report/images_before.rst",
            category="1 Data set",
        ),
        after=report(
            "<results>/figures/images_per_stage_after_rotation.png",
            caption="../report/images_after.rst",
            category="1 Data set",
        ),
        sample=report(
            "<results>/figures/sample_before_after.png",
            caption="../report/sample.rst",
            category="1 Data set",
        ),
        svg=expand(
            "<results>/figures/{name}.svg",
            name=[
                "images_per_stage_before_rotation",
                "images_per_stage_after_rotation",
                "sample_before_after",
            ],
        ),
    log:
        "<logs>/dataset_figures.log",
    benchmark:
        "<benchmarks>/dataset_figures.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("dataset_figures.py"),
        image=config["image"],
    message:
        "Drawing images per stage and a sample"
    script:
        "../scripts/dataset_figures.py"
