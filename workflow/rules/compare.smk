# Compare variants of the settings on training and validation embryos: snakemake --cores all compare
# in:  manifests/train.csv, manifests/val.csv, raw TIFs if a variant prepares them differently
# out: compare/table.csv, compare/compare.png, compare/compare.svg, compare/compare.html


use rule prepare as compare_prepare with:
    output:
        table="<results>/compare/images/{data}/{bucket}.csv",
        pngs=directory("<results>/compare/images/{data}/{bucket}"),
    log:
        "<logs>/compare/images/{data}/{bucket}.log",
    benchmark:
        "<benchmarks>/compare/images/{data}/{bucket}.tsv"
    params:
        code=code_of("prepare.py"),
        rows=rows_of_bucket,
        versions=versions_of_bucket,
        split=split_of_bucket,
        angles=angles_of_bucket_of_data,
        image=setting(with_data, "image", without=["angles"]),
    message:
        "Preparing the images of bucket {wildcards.bucket} for a variant"


# A checkpoint as `dataset` is, for variants that prepare the images differently.
checkpoint compare_manifests:
    input:
        train="<results>/manifests/train.csv",
        val="<results>/manifests/val.csv",
        tables=tables_of_data,
    output:
        train="<results>/compare/manifests/{data}/train.csv",
        val="<results>/compare/manifests/{data}/val.csv",
        train_content="<results>/compare/manifests/{data}/train.sha256",
        val_content="<results>/compare/manifests/{data}/val.sha256",
    log:
        "<logs>/compare/manifests/{data}.log",
    benchmark:
        "<benchmarks>/compare/manifests/{data}.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("compare_manifests.py"),
        angles=angles_of_data,
    message:
        "Collecting the images of a variant"
    script:
        "../scripts/compare_manifests.py"


use rule weights as compare_weights with:
    output:
        backbone="<results>/compare/weights/{weights}.pt",
        about="<results>/compare/weights/{weights}.json",
    log:
        "<logs>/compare/weights/{weights}.log",
    benchmark:
        "<benchmarks>/compare/weights/{weights}.tsv"
    params:
        code=code_of("weights.py"),
        name=setting(with_weights, "model", "backbone"),
        source=setting(with_weights, "model", "weights"),
        version=version_of_weights_of_variant,
        seed=setting(with_weights, "train", "seed"),
        size=size_of_weights,
        pooling=setting(with_weights, "model", "pooling"),


use rule features as compare_features with:
    input:
        **AFTER_DATA_SET,
        **learned_from("compare/manifests/{data}", train="train", val="val"),
        backbone=backbone_of_weights,
    output:
        train="<results>/compare/features/{data}-{weights}/train.npy",
        val="<results>/compare/features/{data}-{weights}/val.npy",
    log:
        "<logs>/compare/features/{data}-{weights}.log",
    benchmark:
        "<benchmarks>/compare/features/{data}-{weights}.tsv"


# Heads train within seconds, so one job does everything for a variant with a frozen backbone. Fine-tuned variants use the rules below.
rule compare_heads:
    input:
        unpack(learning_and_sources_of_variant),
    output:
        **FOLDS_OF_VARIANT,
        best="<results>/compare/variants/{variant}/tuning/best.json",
        checkpoint="<results>/compare/variants/{variant}/checkpoint.pt",
        history="<results>/compare/variants/{variant}/history.csv",
        validation="<results>/compare/variants/{variant}/validation.csv",
    log:
        "<logs>/compare/{variant}/heads.log",
    benchmark:
        "<benchmarks>/compare/{variant}/heads.tsv"
    wildcard_constraints:
        variant=variants_of_mode("frozen"),
    conda:
        "../../envs/learn.yaml"
    threads: 8
    resources:
        **gpus(),
    params:
        code=code_of("compare_heads.py"),
        tune=setting(variant, "tune"),
        model=setting(variant, "model", only=HEAD),
        train=setting(variant, "train"),
        image=setting(variant, "image"),
        views=config["evaluate"]["views"],
        folds=config["compare"]["folds"],
        training_only=TRAINING_ONLY,
        cache=f"{config['results']}/cache",
    message:
        "Tuning, training and cross-validating variant {wildcards.variant}"
    script:
        "../scripts/compare_heads.py"


rule compare_trial:
    input:
        unpack(learning_of_variant),
    output:
        record="<results>/compare/variants/{variant}/tuning/trial_{trial}.json",
    log:
        "<logs>/compare/{variant}/trial_{trial}.log",
    benchmark:
        "<benchmarks>/compare/{variant}/trial_{trial}.tsv"
    wildcard_constraints:
        variant=variants_of_mode("finetuned"),
        trial=r"\d+",
    conda:
        "../../envs/learn.yaml"
    threads: 8
    resources:
        **training_resources({"mode": "finetuned"}),
    params:
        code=code_of("tune.py"),
        tune=setting(variant, "tune", without=["trials"]),
        model=setting(variant, "model", only=HEAD),
        train=setting(variant, "train", without=["epochs"]),
        cache=f"{config['results']}/cache",
        resume=resume_folder_of_variant,
    message:
        "Tuning variant {wildcards.variant}, trial {wildcards.trial}"
    script:
        "../scripts/tune.py"


use rule best as compare_best with:
    input:
        unpack(after_data_set_of_variant),
        **AFTER_DATA_SET,
        trials=trials_of_variant,
    output:
        best="<results>/compare/variants/{variant}/tuning/best.json",
    log:
        "<logs>/compare/{variant}/best.log",
    benchmark:
        "<benchmarks>/compare/{variant}/best.tsv"
    wildcard_constraints:
        variant=variants_of_mode("finetuned"),
    message:
        "Choosing the best trial of variant {wildcards.variant}"


rule compare_train:
    input:
        unpack(learning_of_variant),
        best="<results>/compare/variants/{variant}/tuning/best.json",
    output:
        checkpoint="<results>/compare/variants/{variant}/checkpoint.pt",
        history="<results>/compare/variants/{variant}/history.csv",
    log:
        "<logs>/compare/{variant}/train.log",
    benchmark:
        "<benchmarks>/compare/{variant}/train.tsv"
    wildcard_constraints:
        variant=variants_of_mode("finetuned"),
    conda:
        "../../envs/learn.yaml"
    threads: 8
    resources:
        **training_resources({"mode": "finetuned"}),
    params:
        code=code_of("train.py"),
        train=setting(variant, "train"),
        model=setting(variant, "model", only=HEAD),
        validated=True,  # a network that is measured on the validation images must not train on them
        image=setting(variant, "image"),
        cache=f"{config['results']}/cache",
        resume=resume_folder_of_variant,
    message:
        "Training variant {wildcards.variant}"
    script:
        "../scripts/train.py"


rule compare_validate:
    input:
        **AFTER_DATA_SET,
        checkpoint="<results>/compare/variants/{variant}/checkpoint.pt",
        manifest=manifest_of_variant,
        content=content_of_variant,
    output:
        predictions="<results>/compare/variants/{variant}/validation.csv",
    log:
        "<logs>/compare/{variant}/validate.log",
    benchmark:
        "<benchmarks>/compare/{variant}/validate.tsv"
    wildcard_constraints:
        variant=variants_of_mode("finetuned"),
    conda:
        "../../envs/learn.yaml"
    threads: 8
    resources:
        **gpus(),
    params:
        code=code_of("evaluate.py"),
        views=config["evaluate"]["views"],
        adapt=False,
        cache=f"{config['results']}/cache",
    message:
        "Classifying the validation images with variant {wildcards.variant}"
    script:
        "../scripts/evaluate.py"


rule compare:
    input:
        after=after_data_sets_of_variants,
        validation=predictions_of_variants,
        folds=predictions_by_folds,
        stages="<results>/stages.csv",
    output:
        table="<results>/compare/table.csv",
        figure="<results>/compare/compare.png",
        svg="<results>/compare/compare.svg",
        page="<results>/compare/compare.html",
    log:
        "<logs>/compare.log",
    benchmark:
        "<benchmarks>/compare.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("compare.py"),
        template=template("compare"),
        template_version=template_version("compare"),
        variants=config["compare"]["variants"],
        top_k=config["evaluate"]["top_k"],
        note=config["note"],
    message:
        "Comparing the variants"
    script:
        "../scripts/compare.py"
