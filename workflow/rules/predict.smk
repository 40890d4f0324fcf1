# The checkpoint and folders of unlabelled TIFs -> suggestions. Runs only on request: snakemake --cores all predict
# in:  model/checkpoint.pt, TIFs without stages
# out: predict/predictions.csv, predict/predictions.xlsx, predict/predictions.html, predict/series/, predict/movies.csv


rule predict:
    input:
        tifs_to_predict,  # returns [], as in prepare
        mark_of_checkpoint,
    output:
        table="<results>/predict/predictions.csv",
        spreadsheet="<results>/predict/predictions.xlsx",
        page="<results>/predict/predictions.html",
        series=directory("<results>/predict/series"),
        movies="<results>/predict/movies.csv",
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
        white=config["predict"]["white"],
        catalog=CATALOG if config["predict"]["checkpoint"] == "auto" else None,
        stages=stages_of_data,
        top_k=config["predict"]["top_k"],
        occluded=config["predict"]["occluded"],
        views=config["evaluate"]["views"],
        # Lambdas, so that Snakemake does not read braces in these values as wildcards.
        folders=lambda wildcards: config["predict"]["images"],
        name_pattern=lambda wildcards: config["name_pattern"],
        series=config["predict"]["series"],
        adapt=config["evaluate"]["adapt"] == "auto",
        every=config["frames"] and config["frames"]["every"],
        time_unit=config["time_unit"],
        images=f"{config['results']}/predict/images",
        cache=CACHE_OF_CHECKPOINT,
        # A parameter and not an input, so that predicting never starts a training.
        checkpoint=CHECKPOINT,
        checkpoint_version=version_of_checkpoint,
    message:
        "Suggesting stages for unlabelled images"
    script:
        "../scripts/predict.py"
