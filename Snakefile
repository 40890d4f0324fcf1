# flystage: raw TIFs of embryos in; split, normalised and rotated images, a trained network and an honest report out.
#   snakemake --cores all                              everything
#   snakemake --cores all --configfile mine.yaml       with settings of your own
#   snakemake --cores 1 check                          what is found, and what is wrong or doubtful of it; prepares nothing
#   snakemake --cores 1 suggest                        a name_pattern for folders that are new to the workflow
#   snakemake --cores all predict                      stage suggestions for unlabelled images
#   snakemake --cores 1 export                         the network as ONNX and for the BioImage Model Zoo (Fiji, ilastik, QuPath)
#   snakemake --cores 1 accept                         what people made of them, into the labels
#   snakemake --cores all compare                      variants of the settings side by side
#   snakemake --cores all null                         shuffled stages, from which nothing can be learned: must give chance
import os
import sys

from snakemake.utils import min_version

min_version("9.0")

# The one way in which code is found: by this process, by every script, by jobs on other machines.
LIBRARY = f"{workflow.basedir}/workflow"
sys.path.insert(0, LIBRARY)
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [LIBRARY, os.getenv("PYTHONPATH")])))
# Threads that wait for one another sleep; those that spin take the cores from every other job and program (docs/speed.md).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


include: "workflow/rules/terminal.smk"
include: "workflow/rules/mistakes.smk"


configfile: f"{workflow.basedir}/config.yaml"


include: "workflow/rules/inputs.smk"
include: "workflow/rules/variants.smk"


pathvars:
    results=config["results"],
    logs=f"{config['results']}/logs",
    benchmarks=f"{config['results']}/benchmarks",


# On a cluster these run where snakemake was started: they are light, and the weights may need the internet.
localrules:
    all,
    check,
    suggest,
    accept,
    weights,
    dataset,
    dataset_figures,
    best,
    training_figures,
    metrics,
    history,
    report,
    export,
    compare_manifests,
    compare_weights,
    compare_best,
    compare,
    aws_cleanup,


include: "workflow/rules/check.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/learn.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/export.smk"
include: "workflow/rules/accept.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/aws.smk"


# Every stage's outputs are asked for, so a job that failed once is never forgotten.
rule all:
    default_target: True
    input:
        tables_of_buckets,
        folders_of_buckets,
        "<results>/catalog.csv",
        "<results>/stages.csv",
        expand("<results>/manifests/{split}.csv", split=splitting.SPLITS),
        "<results>/split",
        expand("<results>/features/{split}.npy", split=["train", "val"] if VECTORS_NEEDED else []),
        "<results>/model/backbone.pt",
        expand("<results>/tuning/trial_{trial}.json", trial=range(config["tune"]["trials"])),
        "<results>/tuning/best.json",
        "<results>/model/trained.pt",
        "<results>/model/checkpoint.pt",
        "<results>/model/history.csv",
        "<results>/evaluation/predictions.csv",
        CROSSVAL.values(),
        "<results>/evaluation/metrics.json",
        "<results>/history.csv",
        rules.report.input.figures,
        "<results>/report.html",
        "<results>/report/methods.txt",
        "<results>/figures/crossval",
