# Trained network and test split -> predictions, cross-validation, metrics, checkpoint, report. No earlier rule reads the test split.
# in:  model/trained.pt, manifests/test.csv
# out: evaluation/, history.csv, model/checkpoint.pt, figures/{confusion_matrix,top_k}.png, figures/crossval/, report.html,
#      report/methods.txt

EVALUATE_SCRIPT = {
    "local": "evaluate.py",
    "endpoint": "evaluate_endpoint.py",
    "sagemaker": "evaluate_sagemaker.py",
}[config["compute"]["evaluate"]]

# A killed run may have left an endpoint. The next run deletes it only if it scores with an endpoint itself, so warn otherwise.
STATE_OF_ENDPOINT = f"{config['results']}/.endpoint.json"
if (
    workflow.is_main_process
    and EVALUATE_SCRIPT != "evaluate_endpoint.py"
    and os.path.exists(STATE_OF_ENDPOINT)
    and not asked_for("aws_cleanup")
):
    logger.warning(
        f"An earlier run may have left an endpoint on SageMaker, which costs money ({STATE_OF_ENDPOINT})."
        " Run `snakemake --cores 1 aws_cleanup` with the aws settings of that run."
    )

# Occlusion maps need the network on this machine.
OCCLUSION = {"occlusion": "<results>/evaluation/occlusion.json"} if EVALUATE_SCRIPT == "evaluate.py" else {}


# Only heads on frozen features take an embryo's offset out. A script that runs the network here also writes what each image gives alone.
OFFSETS = config["train"]["mode"] == "frozen" and config["evaluate"]["adapt"] == "auto"
ADAPT = OFFSETS and EVALUATE_SCRIPT == "evaluate.py"
ALONE = {"alone": "<results>/evaluation/alone.csv"} if ADAPT else {}


rule evaluate:
    input:
        checkpoint="<results>/model/trained.pt",
        manifest="<results>/manifests/test.csv",
        content="<results>/manifests/test.sha256",
    output:
        **OCCLUSION,
        **ALONE,
        predictions=report(
            "<results>/evaluation/predictions.csv",
            caption="../report/predictions.rst",
            category="3 Evaluation",
        ),
    log:
        "<logs>/evaluate.log",
    benchmark:
        "<benchmarks>/evaluate.tsv"
    localrule: config["compute"]["evaluate"] != "local"
    conda:
        environment_of(EVALUATE_SCRIPT)
    threads: 8
    resources:
        **gpus(),
    params:
        code=code_of(EVALUATE_SCRIPT),
        views=config["evaluate"]["views"],
        adapt=ADAPT,
        cache=f"{config['results']}/cache",
    message:
        "Classifying the test images"
    script:
        f"../scripts/{EVALUATE_SCRIPT}"


# Cross-validation runs after the test images were classified and changes nothing that was trained. Heads train within seconds, so
# one job trains the heads of all folds. A fine-tuned network is trained again, in one job per fold, only if crossval.folds is a number.
CROSSVAL = {"crossval": "<results>/evaluation/crossval.json"} if config["crossval"]["folds"] else {}
CROSSVAL_TABLE = {"crossval_table": "<results>/evaluation/crossval.csv"} if CROSSVAL else {}


# Inputs and settings of heads that are trained again in folds of the whole run.
CONTENTS = {f"{split}_content": f"<results>/manifests/{split}.sha256" for split in splitting.SPLITS}
FILES_OF_RUN = CONTENTS | {
    "train": "<results>/manifests/train.csv",
    "val": "<results>/manifests/val.csv",
    "test": "<results>/manifests/test.csv",
    "stages": "<results>/stages.csv",
    "backbone": "<results>/model/backbone.pt",
    "best": "<results>/tuning/best.json",
    "predictions": "<results>/evaluation/predictions.csv",
}
SETTINGS_OF_RUN = {
    "train": config["train"],
    "tune": {key: config["tune"][key] for key in ("learning_rate", "batch_size", "epochs")},
    "model": {key: config["model"][key] for key in HEAD},
    "angles": config["image"]["angles"],
    "views": config["evaluate"]["views"],
    "adapt": OFFSETS,
    "top_k": config["evaluate"]["top_k"],
    "folds": config["crossval"]["folds"],
    "training_only": TRAINING_ONLY,
    "cache": f"{config['results']}/cache",
}


rule crossval_fold:
    input:
        **CONTENTS,
        train_manifest="<results>/manifests/train.csv",
        val_manifest="<results>/manifests/val.csv",
        test_manifest="<results>/manifests/test.csv",
        stages="<results>/stages.csv",
        backbone="<results>/model/backbone.pt",
        best="<results>/tuning/best.json",
        predictions="<results>/evaluation/predictions.csv",
    output:
        predictions="<results>/evaluation/folds/{fold}.csv",
    log:
        "<logs>/crossval/{fold}.log",
    benchmark:
        "<benchmarks>/crossval/{fold}.tsv"
    wildcard_constraints:
        fold=r"\d+",
    conda:
        "../../envs/learn.yaml"
    threads: 8
    resources:
        **training_resources(config["train"]),
    params:
        code=code_of("crossval_fold.py"),
        train=config["train"],
        model={key: config["model"][key] for key in HEAD},
        image=config["image"],
        views=config["evaluate"]["views"],
        folds=config["crossval"]["folds"],
        training_only=TRAINING_ONLY,
        cache=f"{config['results']}/cache",
        resume=lambda wildcards: f"{config['results']}/cache/crossval/{wildcards.fold}",
    message:
        "Training without fold {wildcards.fold}, then classifying it"
    script:
        "../scripts/crossval_fold.py"


rule crossval:
    input:
        unpack(vectors_for("train")),
        **FILES_OF_RUN,
        whole_networks=folds_of_whole_networks,
    output:
        predictions="<results>/evaluation/crossval.csv",
        record="<results>/evaluation/crossval.json",
    log:
        "<logs>/crossval.log",
    benchmark:
        "<benchmarks>/crossval.tsv"
    conda:
        "../../envs/learn.yaml"
    threads: 8
    resources:
        **gpus(),
    params:
        **SETTINGS_OF_RUN,
        code=code_of("crossval.py"),
        coverage=config["evaluate"]["coverage"],
    message:
        "Cross-validating over whole embryos, with baselines"
    script:
        "../scripts/crossval.py"


# Runs only on request: snakemake --cores all null
rule null:
    input:
        unpack(vectors_for("train")),
        **FILES_OF_RUN,
    output:
        record="<results>/evaluation/null.json",
    log:
        "<logs>/null.log",
    benchmark:
        "<benchmarks>/null.tsv"
    conda:
        "../../envs/learn.yaml"
    threads: 8
    resources:
        **gpus(),
    params:
        **SETTINGS_OF_RUN,
        code=code_of("null.py"),
    message:
        "Training on shuffled stages, which must give chance"
    script:
        "../scripts/null.py"


# Out-of-distribution detection needs the training vectors, which SageMaker jobs do not return.
LIKENESS = (
    {split: f"<results>/manifests/{split}.csv" for split in ("train", "val")}
    if config["compute"]["train"] == "local"
    else {}
)


rule checkpoint:
    input:
        unpack(vectors_of_backbone),
        **AFTER_DATA_SET,
        **CROSSVAL,
        **LIKENESS,
        trained="<results>/model/trained.pt",
    output:
        checkpoint="<results>/model/checkpoint.pt",
    log:
        "<logs>/checkpoint.log",
    benchmark:
        "<benchmarks>/checkpoint.tsv"
    localrule: config["train"]["mode"] == "frozen" or not LIKENESS
    conda:
        "../../envs/learn.yaml"
    threads: 8
    resources:
        **gpus(),
    params:
        code=code_of("checkpoint.py"),
        cache=f"{config['results']}/cache",
    message:
        "Calibrating the network and writing the checkpoint"
    script:
        "../scripts/checkpoint.py"


if IS_TRAINED:

    rule mark_checkpoint:
        input:
            **AFTER_DATA_SET,
            checkpoint=CHECKPOINT,
        output:
            touch(MARK_OF_CHECKPOINT),
        localrule: True
        message:
            "Handing the checkpoint to the steps that use it"


rule metrics:
    input:
        **CROSSVAL,
        **ALONE,
        predictions="<results>/evaluation/predictions.csv",
        stages="<results>/stages.csv",
    output:
        metrics=report(
            "<results>/evaluation/metrics.json", caption="../report/metrics.rst", category="3 Evaluation"
        ),
        confusion=report(
            "<results>/figures/confusion_matrix.png",
            caption="../report/confusion.rst",
            category="3 Evaluation",
        ),
        top_k=report("<results>/figures/top_k.png", caption="../report/top_k.rst", category="3 Evaluation"),
        svg=expand("<results>/figures/{name}.svg", name=["confusion_matrix", "top_k"]),
    log:
        "<logs>/metrics.log",
    benchmark:
        "<benchmarks>/metrics.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("metrics.py"),
        top_k=config["evaluate"]["top_k"],
    message:
        "Computing top-k accuracy, chance and intervals"
    script:
        "../scripts/metrics.py"


rule history:
    input:
        **CROSSVAL_TABLE,
        predictions="<results>/evaluation/predictions.csv",
        catalog="<results>/catalog.csv",
        stages="<results>/stages.csv",
    output:
        table="<results>/history.csv",
        figure="<results>/figures/runs.png",
        svg="<results>/figures/runs.svg",
    log:
        "<logs>/history.log",
    benchmark:
        "<benchmarks>/history.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("history.py"),
        # Not an output, because Snakemake deletes outputs before a job runs. Earlier runs wrote it.
        kept=f"{config['results']}/.history",
    message:
        "Recording what changed since the last run"
    script:
        "../scripts/history.py"


rule report:
    input:
        **OCCLUSION,
        **CROSSVAL,
        **CROSSVAL_TABLE,
        catalog="<results>/catalog.csv",
        stages="<results>/stages.csv",
        manifests=expand("<results>/manifests/{split}.csv", split=splitting.SPLITS),
        network="<results>/model/backbone.json",
        best="<results>/tuning/best.json",
        trials=rules.best.input.trials,
        history="<results>/model/history.csv",
        predictions="<results>/evaluation/predictions.csv",
        metrics="<results>/evaluation/metrics.json",
        runs="<results>/history.csv",
        figures=[
            *rules.dataset_figures.output,
            *rules.training_figures.output,
            rules.metrics.output.confusion,
            rules.metrics.output.top_k,
            rules.metrics.output.svg,
            rules.history.output.figure,
            rules.history.output.svg,
        ],
    output:
        page="<results>/report.html",
        methods="<results>/report/methods.txt",
        figures=directory("<results>/figures/crossval"),
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("report.py"),
        template=template("report"),
        template_version=template_version("report"),
        null=null_run,
        null_version=null_run_version,
        config={
            key: value
            for key, value in config.items()
            if key not in ("predict", "compare", "hardware", "aws", "accept")
        },
    message:
        "Writing the report"
    script:
        "../scripts/report.py"
