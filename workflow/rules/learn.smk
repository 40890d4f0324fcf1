# Manifests -> starting weights, feature vectors, tuned hyperparameters, a trained network. No rule here reads the test split.
# in:  manifests/train.csv, manifests/val.csv and their checksums, stages.csv
# out: model/backbone.pt, model/backbone.json, features/, tuning/, model/trained.pt, model/history.csv

# `compute` chooses the script of a step; its outputs are the same. A head trains within seconds, so one job runs all trials,
# as one tuning job of SageMaker does. Each trial of a fine-tuning is a separate job.
TUNE_SCRIPT = {
    "local": "tune.py" if config["train"]["mode"] == "finetuned" else "tune_heads.py",
    "sagemaker": "tune_sagemaker.py",
}[config["compute"]["tune"]]
TRAIN_SCRIPT = {"local": "train.py", "sagemaker": "train_sagemaker.py"}[config["compute"]["train"]]
TRIAL = "<results>/tuning/trial_{trial}.json"
TRIALS = expand(TRIAL, trial=range(config["tune"]["trials"]))
if TUNE_SCRIPT == "tune.py":
    TRIALS_OF_A_JOB, JOB_OF_TRIALS, TUNING = TRIAL, "tune/trial_{trial}", "Tuning, trial {wildcards.trial}"
else:
    TRIALS_OF_A_JOB, JOB_OF_TRIALS, TUNING = TRIALS, "tune", f"Tuning, {len(TRIALS)} trials"


rule weights:
    input:
        file_of_weights,  # returns [], as in prepare
    output:
        backbone="<results>/model/backbone.pt",
        about="<results>/model/backbone.json",
    log:
        "<logs>/weights.log",
    benchmark:
        "<benchmarks>/weights.tsv"
    # Run first and without other jobs, so that a failed download stops the run before any image is prepared.
    priority: 100
    conda:
        "../../envs/learn.yaml"
    threads: 1000
    params:
        code=code_of("weights.py"),
        name=config["model"]["backbone"],
        source=config["model"]["weights"],
        version=version_of_weights,
        seed=config["train"]["seed"],
        size=settings.size_of_network(config),
        pooling=config["model"]["pooling"],
    message:
        "Fetching the starting weights of {params.name} ({params.source})"
    script:
        "../scripts/weights.py"


rule features:
    input:
        **learned_from("manifests", train="train", val="val"),
        backbone="<results>/model/backbone.pt",
    output:
        train="<results>/features/train.npy",
        val="<results>/features/val.npy",
    log:
        "<logs>/features.log",
    benchmark:
        "<benchmarks>/features.tsv"
    conda:
        "../../envs/learn.yaml"
    threads: 8
    resources:
        **gpus(),
    params:
        code=code_of("features.py"),
        cache=f"{config['results']}/cache",
    message:
        "Computing feature vectors of new training and validation images"
    script:
        "../scripts/features.py"


rule tune:
    input:
        unpack(vectors_for("tune")),
        **learned_from("manifests", train_manifest="train", val_manifest="val"),
        stages="<results>/stages.csv",
        backbone="<results>/model/backbone.pt",
    output:
        record=TRIALS_OF_A_JOB,
    log:
        f"<logs>/{JOB_OF_TRIALS}.log",
    benchmark:
        f"<benchmarks>/{JOB_OF_TRIALS}.tsv"
    wildcard_constraints:
        trial=r"\d+",
    localrule: config["compute"]["tune"] != "local"
    conda:
        environment_of(TUNE_SCRIPT)
    threads: 8
    resources:
        **training_resources(config["train"]),
    params:
        code=code_of(TUNE_SCRIPT),
        tune={key: value for key, value in config["tune"].items() if key != "trials"},
        model={key: config["model"][key] for key in HEAD},
        train={key: value for key, value in config["train"].items() if key != "epochs"},
        training_only=TRAINING_ONLY,
        cache=f"{config['results']}/cache",
        resume=resume_folder("tuning", config["train"]),
    message:
        TUNING
    script:
        f"../scripts/{TUNE_SCRIPT}"


rule best:
    input:
        **AFTER_DATA_SET,
        trials=TRIALS,
    output:
        best="<results>/tuning/best.json",
    log:
        "<logs>/best.log",
    benchmark:
        "<benchmarks>/best.tsv"
    conda:
        "../../envs/learn.yaml"
    params:
        code=code_of("best.py"),
    message:
        "Choosing the best of {config[tune][trials]} trials"
    script:
        "../scripts/best.py"


rule train:
    input:
        unpack(vectors_for("train")),
        **learned_from("manifests", train_manifest="train", val_manifest="val"),
        stages="<results>/stages.csv",
        backbone="<results>/model/backbone.pt",
        best="<results>/tuning/best.json",
    output:
        checkpoint="<results>/model/trained.pt",
        history="<results>/model/history.csv",
    log:
        "<logs>/train.log",
    benchmark:
        "<benchmarks>/train.tsv"
    localrule: config["compute"]["train"] != "local"
    conda:
        environment_of(TRAIN_SCRIPT)
    threads: threads_of_training(config["train"])
    resources:
        **training_resources(config["train"]),
    params:
        code=code_of(TRAIN_SCRIPT),
        train=config["train"],
        model={key: config["model"][key] for key in HEAD},
        validated=config["train"]["mode"] == "finetuned",
        image=config["image"],
        note=config["note"],
        cache=f"{config['results']}/cache",
        resume=resume_folder("training", config["train"]),
    message:
        "Training with the best hyperparameters"
    script:
        f"../scripts/{TRAIN_SCRIPT}"


rule training_figures:
    input:
        **AFTER_DATA_SET,
        trials=rules.best.input.trials,
        best="<results>/tuning/best.json",
        history="<results>/model/history.csv",
    output:
        tuning=report("<results>/figures/tuning.png", caption="../report/tuning.rst", category="2 Training"),
        curve=report(
            "<results>/figures/training_curve.png",
            caption="../report/training_curve.rst",
            category="2 Training",
        ),
        svg=expand("<results>/figures/{name}.svg", name=["tuning", "training_curve"]),
    log:
        "<logs>/training_figures.log",
    benchmark:
        "<benchmarks>/training_figures.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("training_figures.py"),
    message:
        "Drawing tuning and training"
    script:
        "../scripts/training_figures.py"
