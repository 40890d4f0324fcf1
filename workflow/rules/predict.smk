# The checkpoint and folders of unlabelled TIFs -> suggestions. Runs only when asked for: snakemake --cores all predict
# in:  model/checkpoint.pt, TIFs without stages
# out: predict/predictions.csv, predict/predictions.html


rule predict:
    input:
        tifs_to_predict,  # none, as in prepare
    output:
        table="<results>/predict/predictions.csv",
        page="<results>/predict/predictions.html",
    log:
        "<logs>/predict.log",
    benchmark:
        "<benchmarks>/predict.tsv"
    conda:
        "../../envs/learn.yaml"
    threads: 8
    resources:
        **gpus(),
    params:
        code=code_of("predict.py"),
        template=template("predictions"),
        template_version=template_version("predictions"),
        paths=all_unlabelled,
        versions=versions_of_unlabelled,
        top_k=config["predict"]["top_k"],
        views=config["evaluate"]["views"],
        images=f"{config['results']}/predict/images",
        cache=f"{config['results']}/cache",
        # A parameter and not an input: predicting never starts a training.
        checkpoint=CHECKPOINT,
        checkpoint_version=finding.version_of(CHECKPOINT),
    message:
        "Suggesting stages for unlabelled images"
    script:
        "../scripts/predict.py"
