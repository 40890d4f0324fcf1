# What the rules ask while Snakemake reads them: the checked configuration, the images found and how they are dealt out.
# Functions only; no file is opened but the configuration, the split lock, the catalog of the last run, the library's modules and
# one or two images of each embryo under a new name, and none is written.
import logging
from functools import cache

from flystage.dataset import buckets, earlier, gathering, splitting
from flystage.raw import finding
from flystage.run import dates, locks, settings, slurm
from flystage.run.code_versions import code_version, content_version, templates_of

if not workflow.is_main_process:  # a process of a job reads all this again, but what there is to say was said
    logging.getLogger("flystage").setLevel(logging.ERROR)


def asked_for(name):
    """Whether the command line names a target (or a job, in a process on another machine)."""
    return any(argument.split(":")[0] == name for argument in sys.argv[1:])


# What the jobs that a script starts on SageMaker run there.
CONTAINERS = {
    "tune_sagemaker.py": "training/train.py",
    "train_sagemaker.py": "training/train.py",
    "evaluate_sagemaker.py": "training/score.py",
    "evaluate_endpoint.py": "inference/inference.py",
}


def code_of(script):
    """The version of a script and of the library modules it uses, as a parameter of its rule: editing one reruns it."""
    version = code_version(f"{workflow.basedir}/workflow/scripts/{script}")
    if script in CONTAINERS:
        version += code_version(f"{workflow.basedir}/workflow/containers/{CONTAINERS[script]}")
    return version


def template(page):
    return f"{workflow.basedir}/workflow/report/{page}.html.j2"


def template_version(page):
    """The version of a page's template and of the templates that it takes in."""
    return [content_version(path) for path in templates_of(template(page))]


def environment_of(script):
    """The conda environment of a script that trains or stages: on SageMaker it needs no network of its own."""
    return f"{workflow.basedir}/envs/{'aws' if script in CONTAINERS else 'learn'}.yaml"


SCHEMA = f"{workflow.basedir}/workflow/schemas/config.schema.yaml"
AS_GIVEN = config
config = or_one_sentence(settings.checked, config, SCHEMA, workflow.configfiles)
os.environ[locks.RESULTS] = config["results"]  # jobs tell there that they are at work

CATALOG = f"{config['results']}/catalog.csv"
if workflow.is_main_process and dates.without_record(CATALOG):
    logger.warning(
        f"Snakemake's records of how {config['results']} was made are not here (.snakemake, in the folder where it was made): "
        "only dates tell now what is out of date. If settings or code changed since, run with --forceall."
    )


@cache
def data_set():
    """The DataSet, from names, tables and the lock alone."""
    return gathering.gather(config, earlier.last_catalog(CATALOG))


def rows_of_bucket(wildcards):
    return data_set().rows[wildcards.bucket]


def versions_of_bucket(wildcards):
    return [finding.version_of(path) for path, *_ in rows_of_bucket(wildcards)]


def forced_by_dates(result, sources):
    """No input: versions of a user's files are parameters, as dates in the future make Snakemake stop.

    Where it has no record of a result, parameters tell nothing and dates must: a younger source then forces the result.
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
    """Rotations belong to training; validation and test images are stored unrotated."""
    return sorted({0, *config["image"]["angles"]}) if split_of_bucket(wildcards) == "train" else [0]


# Origins of stages that are learned from and never measured by.
TRAINING_ONLY = list(gathering.TRAINING_ONLY[config["split"]["test_reviewed"]])

# What a training takes of the configuration's `model`; the rest is in the starting weights.
HEAD = ("hidden", "dropout")
VECTORS_NEEDED = "local" in (config["compute"]["tune"], config["compute"]["train"])


def vectors_for(step):
    """The feature vectors that training takes here; on SageMaker each job computes its own from the PNGs."""
    if config["compute"][step] != "local":
        return lambda wildcards: {}
    vectors = {f"{split}_vectors": f"{config['results']}/features/{split}.npy" for split in ("train", "val")}
    return lambda wildcards: vectors


def file_of_weights(wildcards):
    return forced_by_dates(f"{config['results']}/model/backbone.pt", [config["model"]["weights"]])


def version_of_weights(wildcards):
    """So that another file of weights trains anew; None for the weights that have a name."""
    return content_version(config["model"]["weights"])


def resume_folder(training, train):
    """Where a training that takes long keeps its last whole epoch; None for a head, which takes seconds."""
    return f"{config['results']}/cache/{training}" if train["mode"] == "finetuned" else None


def threads_of_training(train):
    """A head trains on one core within seconds; a whole network takes what there is."""
    return 8 if train["mode"] == "finetuned" else 1


def default_resource(name):
    """What the profile sets a resource to for every job; None for nothing."""
    resources = workflow.resource_settings.default_resources or {}
    return resources[name].raw if name in resources else None


def gpus(count=1, nodes=1):
    """Resources of a job that GPUs make faster: so many on each node, if the configuration says that there are any.

    The Slurm profile can say of which type they are and in which partition.
    """
    if not config["hardware"]["gpu"]:
        return {}
    where, kind = default_resource("gpu_partition"), default_resource("gpu_type")
    resources = {"slurm_partition": where} if where else {}
    if nodes > 1:  # the executor would let Slurm deal them out unevenly
        return resources | {"gres": ":".join(filter(None, ["gpu", kind, str(count)])), "tasks_per_gpu": 0}
    return resources | {"gpu": count} | ({"gpu_model": kind} if kind else {})


def training_resources(train):
    """Resources of a training: a head needs none; a whole network a GPU for each process, and perhaps several nodes."""
    processes, nodes = config["hardware"]["processes"], config["hardware"]["nodes"]
    if train["mode"] != "finetuned":
        return {}
    # With `mpi` the executor leaves it to the job to start its processes on the nodes.
    together = {"nodes": nodes, "tasks": nodes, "mpi": "srun"} if nodes > 1 else {}
    return gpus(processes, nodes) | together


CHECKPOINT = config["predict"]["checkpoint"]
CACHE_OF_CHECKPOINT = f"{config['results']}/predict/cache"  # apart from what the run learns from
if CHECKPOINT == "auto":
    CHECKPOINT = f"{config['results']}/model/checkpoint.pt"
    CACHE_OF_CHECKPOINT = f"{config['results']}/cache"


@cache
def unlabelled():
    """Paths of the TIFs to predict."""
    return finding.find_unlabelled(config["predict"]["images"], CHECKPOINT)


def all_unlabelled(wildcards):
    return unlabelled()


def tifs_to_predict(wildcards):
    return forced_by_dates(f"{config['results']}/predict/predictions.csv", unlabelled())


def versions_of_unlabelled(wildcards):
    return [finding.version_of(path) for path in unlabelled()]


def vectors_of_backbone(wildcards):
    """The training's own vectors; none where the whole network was trained, whose vectors are others."""
    return vectors_for("train")(wildcards) if config["train"]["mode"] == "frozen" else {}


def folds_of_whole_networks(wildcards):
    if config["train"]["mode"] != "finetuned":
        return []
    embryos = {embryo for rows in data_set().rows.values() for _, _, embryo, _ in rows}
    folds = min(config["crossval"]["folds"], len(embryos))
    return [f"{config['results']}/evaluation/folds/{fold}.csv" for fold in range(folds)]


def null_run(wildcards):
    """{name: path} of what a null run left, for the report; nothing where none was asked for."""
    path = f"{config['results']}/evaluation/null.json"
    return {"null": path} if os.path.exists(path) else {}


def null_run_version(wildcards):
    return [content_version(path) for path in null_run(wildcards).values()]


if asked_for("null"):
    or_one_sentence(settings.check_null, config)


# Mistakes are told at once, before any job runs. Predicting needs no training images, and training no others.
NEEDS_NO_DATA_SET = any(map(asked_for, ("predict", "suggest", "accept", "export", "aws_cleanup")))
if asked_for("predict"):
    or_one_sentence(unlabelled)
elif not NEEDS_NO_DATA_SET:
    for sentence in or_one_sentence(data_set).sentences:
        if workflow.is_main_process:
            logger.warning(sentence)


def look_before_the_run():
    """What is found in the data set, on the terminal; what must be mended first ends the run."""
    from flystage.run.look import look, steps_on_aws  # a second, and only where there is something to do

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
    """The name of this run's jobs in Slurm's queue; None when they do not go there."""
    return workflow.scheduler._executor.run_uuid if workflow.executor_plugin.name == "slurm" else None


# Snakemake's own lock outlives a killed process and asks for --unlock; the default profile trusts this one instead.
onstart:
    or_one_sentence(locks.hold, config["results"])
    or_one_sentence(slurm.refuse_left_overs, config["results"], run_on_slurm())
    or_one_sentence(locks.refuse_orphans, config["results"])
    dates.date_back(config["results"])
    earlier.keep_catalog(CATALOG)
    if not NEEDS_NO_DATA_SET and not asked_for("check"):
        or_one_sentence(look_before_the_run)
