# The checkpoint and folders of unlabelled TIFs -> suggestions. Runs only when asked for: snakemake --cores all predict
# in:  model/checkpoint.pt, TIFs without stages
# out: predict/predictions.csv, predict/predictions.html

CHECKPOINT = config["predict"]["checkpoint"]
if CHECKPOINT == "auto":
    CHECKPOINT = f"{config['results']}/model/checkpoint.pt"



@cache
def unlabelled():
    """Paths of the TIFs to predict."""
    return finding.find_unlabelled(config["predict"]["images"], CHECKPOINT)


if asked_for("predict"):
    or_one_sentence(unlabelled)


def readable_unlabelled(wildcards):
    return [path for path in unlabelled() if os.access(path, os.R_OK)]


def all_unlabelled(wildcards):
    return unlabelled()


rule predict:
    input:
        tifs=readable_unlabelled,
        template=f"{workflow.basedir}/workflow/report/predictions.html.j2",
        code=code_of("predict.py"),
    output:
        table="<results>/predict/predictions.csv",
        page="<results>/predict/predictions.html",
    params:
        paths=all_unlabelled,
        top_k=config["predict"]["top_k"],
        images=f"{config['results']}/predict/images",
        cache=f"{config['results']}/cache",
        # A parameter and not an input: predicting never starts a training.
        checkpoint=CHECKPOINT,
        checkpoint_version=finding.version_of(CHECKPOINT),
    log:
        "<logs>/predict.log",
    benchmark:
        "<benchmarks>/predict.tsv"
    conda:
        "../../envs/learn.yaml"
    threads: 8
    message:
        "Suggesting stages for unlabelled images"
    script:
        "../scripts/predict.py"
