"""Start training jobs and tuning jobs with the SageMaker SDK. The SDK is imported only to start a job."""

import logging

from flystage.cloud import attempts, packing, source, storage
from flystage.cloud.account import explained

log = logging.getLogger("flystage")
CHECKPOINTS = "/opt/ml/checkpoints"  # SageMaker copies it to S3 and back
FRAMEWORK = {"framework": "pytorch", "version": "2.10", "py_version": "py313"}  # if the image is `auto`
HOUR = 3600  # seconds


def packed_source(account, entry, backbone):
    """Upload the archive of a container's code and return (URI, checksum). entry, backbone: see `source.source_files`."""
    data = source.archive(source.source_files(entry, backbone, "requirements.txt"))
    uri, name = storage.put_if_new(account, data, "code", ".tar.gz")
    return uri, name


def announce(what, place, jobs_at_most=1, together=1, wait_hours=0):
    """Print what this step may start, before it starts. place: the section of `aws` for this step."""
    count = place.get("count", 1)
    log.warning(
        "SageMaker, %s: at most %d job(s)%s of %d x %s%s, %g h each at most%s",
        what,
        jobs_at_most,
        f", {together} at a time," if jobs_at_most > 1 else "",
        count,
        place["instance"],
        " (spot)" if place.get("spot") else "",
        place["max_hours"],
        f" (plus up to {wait_hours:g} h of waiting for spot instances)" if place.get("spot") else "",
    )


def run_training(account, what, entry, backbone, packed, place, environment=None, resumable=False):
    """Run a training job to its end and return (its name, URI of its model.tar.gz).

    what: "train" or "score", a part of its name. entry: the adapter, such as "training/train.py". backbone: name of the network
    that runs there. packed: (job.json as text, names of its objects), see `packing`. place: the section of `aws` for this step.
    environment: {variable: value} of the container. resumable: whether the job keeps resume points in the bucket, from which the
    next attempt continues. Raises FlystageError if AWS refuses a request or the job fails.
    """
    code_uri, code_name = packed_source(account, entry, backbone)
    count = place.get("count", 1)
    # The tag names bucket and prefix. With another bucket, inputs and results are elsewhere, so it must be another job.
    checksum = source.digest(
        packing.decisive(packed[0]), code_name, account.settings["training_image"], count, account.tag[1]
    )
    base = f"flystage-{what}-{checksum}"
    kind = attempts.TrainingKind(account)

    def start(name):
        trainer = _trainer(account, name, entry, code_uri, place, environment, checksum if resumable else None)
        trainer.train(input_data_config=_channels(account, packed), wait=False, logs=False)

    def usable(description):
        return storage.exists(account, description["ModelArtifacts"]["S3ModelArtifacts"])

    name, description = attempts.done(kind, base, start, usable)
    if resumable:
        storage.delete_below(account, "checkpoints", checksum)
    return name, description["ModelArtifacts"]["S3ModelArtifacts"]


def run_tuning(account, backbone, packed, tune, seed, place):
    """Run a tuning job to its end and return the summaries of its trials' training jobs in the order of their start.

    tune: the configuration's `tune` section. seed: seed of the search. The rest: see `run_training`.
    """
    code_uri, code_name = packed_source(account, "training/train.py", backbone)
    checksum = source.digest(
        packing.decisive(packed[0]),
        code_name,
        account.settings["training_image"],
        repr(sorted(tune.items())),
        seed,
        account.tag[1],
    )
    kind = attempts.TuningKind(account)

    def start(name):
        from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter
        from sagemaker.train.tuner import HyperparameterTuner

        low, high = tune["learning_rate"]
        rate = ContinuousParameter(low, high, scaling_type="Logarithmic") if low < high else CategoricalParameter([low])
        # A trial writes only its history. It keeps no resume points, because all trials would share one folder in S3.
        environment = {"FLYSTAGE_RECORD_ONLY": "1"}
        tuner = HyperparameterTuner(
            model_trainer=_trainer(account, name, "training/train.py", code_uri, place, environment, None),
            objective_metric_name=OBJECTIVE,
            metric_definitions=[{"Name": OBJECTIVE, "Regex": OBJECTIVE_REGEX}],
            objective_type="Minimize",
            hyperparameter_ranges={
                "learning_rate": rate,
                "batch_size": CategoricalParameter(tune["batch_size"]),
            },
            max_jobs=tune["trials"],
            max_parallel_jobs=min(place["parallel"], tune["trials"]),
            random_seed=seed,
            tags=account.tags,
        )
        tuner.tune(inputs=_channels(account, packed), job_name=name, wait=False)

    def usable(description):
        trials = kind.trials(description["HyperParameterTuningJobName"])
        completed = [describe_trial(account, trial) for trial in trials if trial["TrainingJobStatus"] == "Completed"]
        results = [trial["ModelArtifacts"]["S3ModelArtifacts"] for trial in completed]
        return bool(results) and all(storage.exists(account, uri) for uri in results)  # a bucket may let objects expire

    name, _ = attempts.done(kind, f"flystage-tune-{checksum}", start, usable)
    return kind.trials(name)


def describe_trial(account, summary):
    """What SageMaker knows of a trial's training job. summary: one of those that `run_tuning` returns."""
    name = summary["TrainingJobName"]
    with explained(f"asking for training job {name}"):
        return account.sagemaker.describe_training_job(TrainingJobName=name)


# SageMaker takes the last match in the log as the objective. The training prints the minimum so far after each epoch.
OBJECTIVE = "best_val_loss"
OBJECTIVE_REGEX = r"best_val_loss=([0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)"


def _trainer(account, name, entry, code_uri, place, environment, checkpoints):
    """Return the SDK's ModelTrainer for a job of exactly this name."""
    session = account.sdk_session()  # first, because it sets the variables that the SDK reads at import
    from sagemaker.core import image_uris
    from sagemaker.core.shapes import CheckpointConfig, OutputDataConfig
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, Networking, SourceCode, StoppingCondition, Tag
    from sagemaker.train.distributed import Torchrun

    class NamedTrainer(ModelTrainer):
        """A trainer that keeps the job's name. The SDK appends the time to it, so that a rerun would not find the job."""

        def _create_training_job_args(self, *arguments, **named):
            return super()._create_training_job_args(*arguments, **named) | {"training_job_name": self.base_job_name}

    settings = account.settings
    image = settings["training_image"]
    if image == "auto":
        image = image_uris.retrieve(
            region=account.session.region_name, instance_type=place["instance"], image_scope="training", **FRAMEWORK
        )
    seconds, spot = int(place["max_hours"] * HOUR), place.get("spot", False)
    stopping = {"max_runtime_in_seconds": seconds}
    if spot:
        stopping["max_wait_time_in_seconds"] = seconds + int(settings["spot_wait_hours"] * HOUR)
    encryption = {"kms_key_id": settings["kms_key"]} if settings["kms_key"] else {}
    optional = {}
    if settings["subnets"]:
        optional["networking"] = Networking(subnets=settings["subnets"], security_group_ids=settings["security_groups"])
    if checkpoints:
        optional["checkpoint_config"] = CheckpointConfig(
            s3_uri=account.folder("checkpoints", checkpoints), local_path=CHECKPOINTS
        )
        optional["hyperparameters"] = {"resume": CHECKPOINTS}
    if "count" in place:  # run one process per GPU on each instance
        optional["distributed"] = Torchrun()
    return NamedTrainer(
        sagemaker_session=session,
        role=settings["role"],
        base_job_name=name,
        training_image=image,
        source_code=SourceCode(source_dir=code_uri, entry_script=entry.split("/")[-1], requirements="requirements.txt"),
        compute=Compute(
            instance_type=place["instance"],
            instance_count=place.get("count", 1),
            volume_size_in_gb=settings["disk_gb"],
            enable_managed_spot_training=spot,
        ),
        stopping_condition=StoppingCondition(**stopping),
        output_data_config=OutputDataConfig(s3_output_path=account.uri("output"), **encryption),
        environment=environment or {},
        tags=[Tag(key=tag["Key"], value=tag["Value"]) for tag in account.tags],
        **optional,
    )


def _channels(account, packed):
    """Return the job's channels. They list exactly the objects that it may read, so that it never trains on stray files."""
    from sagemaker.core.shapes import Channel, DataSource, S3DataSource

    return [
        Channel(
            channel_name=channel,
            input_mode="File",
            data_source=DataSource(
                s3_data_source=S3DataSource(
                    s3_data_type="ManifestFile", s3_uri=uri, s3_data_distribution_type="FullyReplicated"
                )
            ),
        )
        for channel, uri in packing.channels(account, *packed).items()
    ]
