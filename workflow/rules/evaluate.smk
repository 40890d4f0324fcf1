# The checkpoint and the test split -> predictions, metrics, the report. Nothing before this reads the test split.
# in:  model/checkpoint.pt, manifests/test.csv
# out: evaluation/, figures/confusion_matrix.png, figures/top_k.png, figures/crossval/, report.html, report/methods.txt

EVALUATE_SCRIPT = {
    "local": "evaluate.py",
    "endpoint": "evaluate_endpoint.py",
    "sagemaker": "evaluate_sagemaker.py",
}[config["compute"]["evaluate"]]

# Where the network looks is asked where it is: on this machine.
OCCLUSION = {"occlusion": "<results>/evaluation/occlusion.json"} if EVALUATE_SCRIPT == "evaluate.py" else {}


rule evaluate:
    input:
        checkpoint="<results>/model/checkpoint.pt",
        manifest="<results>/manifests/test.csv",
    output:
        **OCCLUSION,
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
        cache=f"{config['results']}/cache",
    message:
        "Staging the test images"
    script:
        f"../scripts/{EVALUATE_SCRIPT}"


rule metrics:
    input:
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
        "Measuring: top-k accuracy beside chance, with intervals"
    script:
        "../scripts/metrics.py"


def crossvalidation(wildcards):
    """{name: path} of what cross-validation and a null run left, for the report: none of it has to be there.

    What a rule of every run makes belongs among the inputs of `report`, under the same name, and not here.
    """
    names = {"crossval": "crossval.json", "crossval_table": "crossval.csv", "null": "null.json"}
    paths = {name: f"{config['results']}/evaluation/{file}" for name, file in names.items()}
    return {name: path for name, path in paths.items() if os.path.exists(path)}


def crossvalidation_version(wildcards):
    return [content_version(path) for path in crossvalidation(wildcards).values()]


rule report:
    input:
        **OCCLUSION,
        catalog="<results>/catalog.csv",
        stages="<results>/stages.csv",
        manifests=expand("<results>/manifests/{split}.csv", split=splitting.SPLITS),
        network="<results>/model/backbone.json",
        best="<results>/tuning/best.json",
        trials=rules.best.input.trials,
        history="<results>/model/history.csv",
        predictions="<results>/evaluation/predictions.csv",
        metrics="<results>/evaluation/metrics.json",
        figures=[
            *rules.dataset_figures.output,
            *rules.training_figures.output,
            rules.metrics.output.confusion,
            rules.metrics.output.top_k,
            rules.metrics.output.svg,
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
        crossvalidation=crossvalidation,
        crossvalidation_version=crossvalidation_version,
        config={
            key: value
            for key, value in config.items()
            if key not in ("predict", "compare", "hardware", "aws")
        },
    message:
        "Writing the report"
    script:
        "../scripts/report.py"
