# flystage turns raw TIFs of embryos into split, normalised and rotated images, a trained network and a report.
#   snakemake --cores all                              everything
#   snakemake --cores all --configfile mine.yaml       with your own settings
#   snakemake --cores 1 check                          the data check: what flystage finds, errors and warnings
#   snakemake --cores 1 suggest                        a name_pattern for new folders
#   snakemake --cores all predict                      stage suggestions for unlabelled images
#   snakemake --cores 1 export                         the network as ONNX and for the BioImage Model Zoo (Fiji, ilastik, QuPath)
#   snakemake --cores 1 accept                         adds corrected suggestions to the labels
#   snakemake --cores all compare                      compares variants of the settings
#   snakemake --cores all null                         trains on shuffled stages, which must give chance
import os
import sys

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.0")

# As a module, included by another Snakefile, or through a link, Snakemake looks for everything in the other folder. A module
# never calls onstart either, so nothing would keep two runs apart.
HERE = os.path.realpath(workflow.included_stack[-1].get_path_or_uri(secret_free=True))
if len(workflow.modifier_stack) > 1 or not os.path.exists(f"{workflow.basedir}/workflow/rules/terminal.smk"):
    raise WorkflowError(
        "flystage does not work as a module, by include, or through a link to its Snakefile."
        f" In the folder of your data, type: snakemake --snakefile {HERE} --cores all --configfile YOURS.yaml"
    )

# This process, every script and jobs on other machines find the library in this one way.
LIBRARY = f"{workflow.basedir}/workflow"
sys.path.insert(0, LIBRARY)
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [LIBRARY, os.getenv("PYTHONPATH")])))
# Let waiting threads sleep. Spinning threads take the cores from other jobs and programs (docs/speed.md).
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


# On a cluster these run on the login node. They are light, and the weights may need the internet.
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


# With --until, Snakemake 9.27 forgets missing files once a checkpoint has run, as nothing in its graph then asks for them.
if has_option(sys.argv[1:], "--until"):
    for each in workflow.rules:
        each.is_checkpoint = False


# List the outputs of every step, so that a job that failed once runs again.
rule all:
    default_target: True
    input:
        tables_of_buckets,
        folders_of_buckets,
        "<results>/catalog.csv",
        "<results>/stages.csv",
        expand("<results>/manifests/{split}.csv", split=splitting.SPLITS),
        expand("<results>/manifests/{split}.sha256", split=splitting.SPLITS),
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
