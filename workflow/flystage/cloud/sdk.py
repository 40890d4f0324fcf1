"""Training jobs and tuning jobs as the SageMaker SDK starts them. The SDK is imported only when one is started."""

import logging

from flystage.cloud import attempts, packing, source, storage
from flystage.cloud.account import explained

log = logging.getLogger("flystage")
CHECKPOINTS = "/opt/ml/checkpoints"  # SageMaker copies it to S3 and back
FRAMEWORK = {"framework": "pytorch", "version": "2.10", "py_version": "py313"}  # when the image is `auto`
HOUR = 3600  # seconds


def packed_source(account, entry, backbone):
    """(URI, checksum) of the archive of a container's code. entry, backbone: see `source.source_files`."""
    data = source.archive(source.source_files(entry, backbone, "requirements.txt"))
    uri, name = storage.put_if_new(account, data, "code", ".tar.gz")
    return uri, name


def announce(what, place, jobs_at_most=1, together=1, wait_hours=0):
    """Say what may be started, before anything is. place: the section of `aws` for this step."""
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
        f" (and {wait_hours:g} h of waiting for spot instances)" if place.get("spot") else "",
    )


def run_training(account, what, entry, backbone, packed, place, environment=None, resumable=False):
    """Run a training job to its end and return (its name, URI of its model.tar.gz).

    what: "train" or "score", a part of its name. entry: the adapter, as "training/train.py". backbone: name of the network that
    runs there. packed: (job.json as text, names of its objects), see `packing`. place: the section of `aws` that says where.
    resumable: whether it keeps resume points in the bucket, which an attempt that follows goes on from.
    """
    code_uri, code_name = packed_source(account, entry, backbone)
    count = place.get("count", 1)
    # With the tag: a job whose inputs and results lie in another bucket is another job.
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
    """Run a tuning job to its end and return the summaries of its trials' training jobs, in the order of their start.

    tune: the configuration's `tune` section. seed: of the search. The rest: see `run_training`.
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
        # A trial writes its history alone, and keeps no resume points: all trials would share one place in S3.
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
        return bool(results) and all(storage.exists(account, uri) for uri in results)  # some buckets let objects expire

    name, _ = attempts.done(kind, f"flystage-tune-{checksum}", start, usable)
    return kind.trials(name)


def describe_trial(account, summary):
    """What SageMaker knows of a trial's training job. summary: one of those that `run_tuning` returns."""
    name = summary["TrainingJobName"]
    with explained(f"asking for training job {name}"):
        return account.sagemaker.describe_training_job(TrainingJobName=name)


# The objective is the last value that is found: the running minimum that the core prints with each epoch.
OBJECTIVE = "best_val_loss"
OBJECTIVE_REGEX = r"best_val_loss=([0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)"


def _trainer(account, name, entry, code_uri, place, environment, checkpoints):
    """The SDK's ModelTrainer for a job of exactly this name."""
    session = account.sdk_session()  # which sets what the SDK's import reads
    from sagemaker.core import image_uris
    from sagemaker.core.shapes import CheckpointConfig, OutputDataConfig
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, Networking, SourceCode, StoppingCondition, Tag
    from sagemaker.train.distributed import Torchrun

    class NamedTrainer(ModelTrainer):
        """The SDK appends the time to a job's name, and a rerun would not find it again."""

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
    if "count" in place:  # one process per GPU on each of the machines
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
    """The job's channels: lists of exactly the objects that it may see, so that nothing stray is ever trained on."""
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
