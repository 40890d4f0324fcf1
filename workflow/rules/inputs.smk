# Functions for the rules, used while Snakemake reads them: checked configuration, images found, splits, resources, start-up checks.
# They open only the configuration, the split lock, the last catalog, library modules and one or two images per renamed embryo.
# They write no file.
import logging
from functools import cache

from snakemake.cli import get_argument_parser

from flystage.dataset import buckets, earlier, gathering, splitting
from flystage.raw import finding
from flystage.run import dates, locks, permissions, settings, slurm
from flystage.run.code_versions import code_version, content_version, templates_of

if (
    not workflow.is_main_process
):  # job processes re-parse the workflow; the main process has already printed the warnings
    logging.getLogger("flystage").setLevel(logging.ERROR)


def asked_for(name):
    """Return whether the command line names this target, or this job in a process on another machine."""
    return any(argument.split(":")[0] == name for argument in sys.argv[1:])


@cache
def targets():
    """Return the targets on the command line, without the values of options."""
    return set(get_argument_parser().parse_known_args(sys.argv[1:])[0].targets)


# The program that a SageMaker job runs, for each script that starts one.
CONTAINERS = {
    "tune_sagemaker.py": "training/train.py",
    "train_sagemaker.py": "training/train.py",
    "evaluate_sagemaker.py": "training/score.py",
    "evaluate_endpoint.py": "inference/inference.py",
}


def code_of(script):
    """Return a checksum of a script and of the library modules it uses. As a rule's parameter it reruns the rule after an edit."""
    version = code_version(f"{workflow.basedir}/workflow/scripts/{script}")
    if script in CONTAINERS:
        version += code_version(f"{workflow.basedir}/workflow/containers/{CONTAINERS[script]}")
    return version


def template(page):
    return f"{workflow.basedir}/workflow/report/{page}.html.j2"


def template_version(page):
    """Return checksums of a page's template and of the templates that it includes."""
    return [content_version(path) for path in templates_of(template(page))]


def environment_of(script):
    """Return the conda environment of a script that trains or classifies. Scripts that start SageMaker jobs need no torch."""
    return f"{workflow.basedir}/envs/{'aws' if script in CONTAINERS else 'learn'}.yaml"


SCHEMA = f"{workflow.basedir}/workflow/schemas/config.schema.yaml"
AS_GIVEN = config = or_one_sentence(
    settings.typed, config, workflow.config_settings.config, workflow.config_settings.config_args, SCHEMA
)
config = or_one_sentence(settings.checked, config, SCHEMA, workflow.configfiles)
os.environ[locks.RESULTS] = config["results"]  # jobs hold a lock in this folder while they work

# Somebody else's results may be looked at, unless Snakemake wants to write for that.
if workflow.is_main_process and (
    read_only := permissions.sentence_if_read_only([".snakemake", config["results"]])
):
    if not TERMINAL:
        raise Mistake(read_only)
    TERMINAL.read_only = read_only

CATALOG = f"{config['results']}/catalog.csv"
if workflow.is_main_process and dates.without_record(CATALOG):
    logger.warning(
        f"Snakemake has no record of how {config['results']} was made (.snakemake is missing in this folder). "
        "Only dates show what is out of date. If settings or code changed since, add --forceall."
    )


@cache
def data_set():
    """Return the DataSet, from names, tables and the split lock only."""
    return gathering.gather(config, earlier.last_catalog(CATALOG))


def rows_of_bucket(wildcards):
    return data_set().rows[wildcards.bucket]


def versions_of_bucket(wildcards):
    return [finding.version_of(path) for path, *_ in rows_of_bucket(wildcards)]


def forced_by_dates(result, sources):
    """Return [] (no input), and force `result` if Snakemake has no record of it and a source is newer.

    Versions of a user's files are parameters and not inputs, because Snakemake stops at dates in the future.
    Without a record, Snakemake cannot compare parameters, so dates decide.
    """
    if workflow.is_main_process and dates.without_record(result) and dates.is_outdated(result, sources):
        workflow.dag.forcefiles.add(result)
    return []


def tifs_of_bucket(wildcards):
    paths = [path for path, *_ in rows_of_bucket(wildcards)]
    return forced_by_dates(f"{config['results']}/images/{wildcards.bucket}.csv", paths)


def tables_of_buckets(wildcards):
    return [f"{config['results']}/images/{bucket}.csv" for bucket in sorted(data_set().rows)]


def folders_of_buckets(wildcards):
    return [table.removesuffix(".csv") for table in tables_of_buckets(wildcards)]


def tifs_set_aside(wildcards):
    return data_set().set_aside


def origins_of_stages(wildcards):
    return data_set().origins


def lock_of_data_set(wildcards):
    return data_set().lock


def split_of_bucket(wildcards):
    return buckets.split_of(wildcards.bucket)


def angles_of_bucket(wildcards):
    """Return the angles of a bucket's PNGs. Only training images are rotated."""
    return sorted({0, *config["image"]["angles"]}) if split_of_bucket(wildcards) == "train" else [0]


# Origins of labels that train and are never used for a figure.
TRAINING_ONLY = list(gathering.TRAINING_ONLY[config["split"]["test_reviewed"]])

# Settings of `model` that a training uses; the others are in the starting weights.
HEAD = ("hidden", "dropout")
VECTORS_NEEDED = "local" in (config["compute"]["tune"], config["compute"]["train"])


def learned_from(folder, **manifests):
    """Return inputs of a step that learns: manifests, whose dates and sources are ignored, and checksums of what it sees in them.

    folder: of the manifests, in the results. manifests: {name of the input: split}.
    """
    named = {name: ancient(f"<results>/{folder}/{split}.csv") for name, split in manifests.items()}
    return named | {f"{split}_content": f"<results>/{folder}/{split}.sha256" for split in manifests.values()}


# An input of the other steps. After a checkpoint, Snakemake looks again only at jobs that depend on it directly.
AFTER_DATA_SET = {"data_set": ancient("<results>/manifests/train.sha256")}


def vectors_for(step):
    """Return the files of vectors that a local step trains on. SageMaker jobs compute their own from the PNGs."""
    if config["compute"][step] != "local":
        return lambda wildcards: {}
    vectors = {f"{split}_vectors": f"{config['results']}/features/{split}.npy" for split in ("train", "val")}
    return lambda wildcards: vectors


def file_of_weights(wildcards):
    return forced_by_dates(f"{config['results']}/model/backbone.pt", [config["model"]["weights"]])


def version_of_weights(wildcards):
    """Return the version of a file of weights, so that another file trains again; None for named weights."""
    return content_version(config["model"]["weights"])


def resume_folder(training, train):
    """Return the folder in which a fine-tuning keeps its last whole epoch; None for a head, which takes seconds."""
    return f"{config['results']}/cache/{training}" if train["mode"] == "finetuned" else None


def threads_of_training(train):
    """Return the threads of a training. A head trains on one core within seconds."""
    return 8 if train["mode"] == "finetuned" else 1


def default_resource(name):
    """Return the profile's default of a resource, or None."""
    resources = workflow.resource_settings.default_resources or {}
    return resources[name].raw if name in resources else None


def gpus(count=1, nodes=1):
    """Return the resources of a job that runs faster on GPUs: `count` GPUs on each node if `hardware.gpu` is true, else none.

    The Slurm profile may set their type and partition.
    """
    if not config["hardware"]["gpu"]:
        return {}
    where, kind = default_resource("gpu_partition"), default_resource("gpu_type")
    resources = {"slurm_partition": where} if where else {}
    if nodes > 1:  # the executor's own request lets Slurm spread GPUs unevenly
        return resources | {"gres": ":".join(filter(None, ["gpu", kind, str(count)])), "tasks_per_gpu": 0}
    return resources | {"gpu": count} | ({"gpu_model": kind} if kind else {})


def training_resources(train):
    """Return the resources of a training: none for a head; a GPU per process, and perhaps several nodes, for fine-tuning."""
    processes, nodes = config["hardware"]["processes"], config["hardware"]["nodes"]
    if train["mode"] != "finetuned":
        return {}
    # With `mpi` the job itself starts its processes on the nodes.
    together = {"nodes": nodes, "tasks": nodes, "mpi": "srun"} if nodes > 1 else {}
    return gpus(processes, nodes) | together


CHECKPOINT = config["predict"]["checkpoint"]
CACHE_OF_CHECKPOINT = (
    f"{config['results']}/predict/cache"  # separate from the cache of this run's own training
)
if CHECKPOINT == "auto":
    CHECKPOINT = f"{config['results']}/model/checkpoint.pt"
    CACHE_OF_CHECKPOINT = f"{config['results']}/cache"

# `predict` and `export` train nothing. Only if a target that trains is asked for too, they wait for the checkpoint of this run. A
# mark is then their input. No rule makes it in other runs, so the checkpoint may be older than its own inputs there.
TRAINING = {"all", "report", "history", "metrics", "checkpoint", "crossval", "evaluate", "train"}
OWN_CHECKPOINT = CHECKPOINT == f"{config['results']}/model/checkpoint.pt"
IS_TRAINED = OWN_CHECKPOINT and workflow.is_main_process and not TRAINING.isdisjoint(targets())
MARK_OF_CHECKPOINT = f"{config['results']}/model/.checkpoint_is_made"


def mark_of_checkpoint(wildcards):
    if IS_TRAINED and not os.path.exists(CHECKPOINT):
        workflow.dag.forcefiles.add(MARK_OF_CHECKPOINT)
    return [MARK_OF_CHECKPOINT] if IS_TRAINED or OWN_CHECKPOINT and os.path.exists(MARK_OF_CHECKPOINT) else []


def version_of_checkpoint(wildcards):
    return finding.version_of(CHECKPOINT)


@cache
def unlabelled():
    """Return the paths of the TIFs to predict."""
    return finding.find_unlabelled(config["predict"]["images"], None if IS_TRAINED else CHECKPOINT)


def all_unlabelled(wildcards):
    return unlabelled()


def tifs_to_predict(wildcards):
    return forced_by_dates(f"{config['results']}/predict/predictions.csv", unlabelled())


def versions_of_unlabelled(wildcards):
    return [finding.version_of(path) for path in unlabelled()]


def stages_of_data(wildcards):
    """Return the names of the stages that the raw images have now, sorted; None if they cannot be read, or are read from files."""
    if config["frames"]:
        return None
    try:
        return sorted({stage for rows in data_set().rows.values() for _, stage, _, _ in rows})
    except FlystageError:
        return None


def vectors_of_backbone(wildcards):
    """Return the vectors of the training; none after fine-tuning, which changes the vectors."""
    return vectors_for("train")(wildcards) if config["train"]["mode"] == "frozen" else {}


def folds_of_whole_networks(wildcards):
    if config["train"]["mode"] != "finetuned":
        return []
    embryos = {embryo for rows in data_set().rows.values() for _, _, embryo, _ in rows}
    folds = min(config["crossval"]["folds"], len(embryos))
    return [f"{config['results']}/evaluation/folds/{fold}.csv" for fold in range(folds)]


def null_run(wildcards):
    """Return {name: path} of the result of a null run, for the report; {} if there was none."""
    path = f"{config['results']}/evaluation/null.json"
    return {"null": path} if os.path.exists(path) else {}


def null_run_version(wildcards):
    return [content_version(path) for path in null_run(wildcards).values()]


if asked_for("null"):
    or_one_sentence(settings.check_null, config)


# Report errors before any job runs. Predicting needs no training images, and training needs no others.
NEEDS_NO_DATA_SET = not IS_TRAINED and any(
    map(asked_for, ("predict", "suggest", "accept", "export", "aws_cleanup"))
)
if asked_for("predict"):
    or_one_sentence(unlabelled)
if not NEEDS_NO_DATA_SET:
    for sentence in or_one_sentence(data_set).sentences:
        if workflow.is_main_process:
            logger.warning(sentence)


def look_before_the_run():
    """Run the data check: print what is found, warn, and stop at errors."""
    from flystage.run.look import look, steps_on_aws  # takes a second to import, so only if a job will run

    if away := steps_on_aws(config):
        from flystage.cloud.account import check_login

        check_login(away)
    found = look(config, data_set())
    logger.info("\n".join(found.lines))
    for warning in found.warnings:
        logger.warning(f"Warning: {warning}")
    if found.faults:
        raise FlystageError(" ".join(found.faults))


def run_on_slurm():
    """Return the name of this run's jobs in Slurm's queue; None without Slurm."""
    return workflow.scheduler._executor.run_uuid if workflow.executor_plugin.name == "slurm" else None


# Snakemake's own lock outlives a killed process and needs --unlock. The default profile turns it off and uses this one.
onstart:
    if run_on_slurm():
        tell_of_refusals()
    or_one_sentence(locks.hold, config["results"])
    or_one_sentence(slurm.refuse_left_overs, config["results"], run_on_slurm())
    or_one_sentence(locks.refuse_orphans, config["results"])
    dates.date_back(config["results"])
    earlier.keep_catalog(CATALOG)
    if not NEEDS_NO_DATA_SET and not asked_for("check"):
        or_one_sentence(look_before_the_run)
