"""A small project whose tests run some steps on the emulated SageMaker."""

from emulator import ACCOUNT, BUCKET, REGION, ROLE_ARN
from small_project import SMALL, merged

# A small network of timm, which AWS's images lack. It also needs pictures of one size.
SMALL_TIMM = merged(SMALL, {"model": {"backbone": "timm/test_vit"}})

AWS = {
    "region": REGION,
    "bucket": BUCKET,
    "role": ROLE_ARN,
    "poll": 0.3,
    "tags": ["project=flies"],
    "inference_image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/mine:1",
}
FINETUNED = {
    "model": {"backbone": "resnet18"},
    "tune": {"trials": 1, "epochs": 1},
    "train": {"mode": "finetuned", "epochs": 6, "patience": 6, "finetune": {"head_epochs": 2}},
    "hardware": {"workers": 0},
}


class Cloud:
    """A copy of the local project that runs some steps on SageMaker."""

    def __init__(self, project, emulator, environment):
        self.project, self.emulator, self.environment = project, emulator, environment

    def over(self, aws=None, more=None, **compute):
        return merged(merged(SMALL_TIMM, more or {}), {"compute": compute, "aws": merged(AWS, aws or {})})

    def run(self, *arguments, aws=None, more=None, env=None, **compute):
        """Run the workflow. compute: where a step runs, such as train="sagemaker"."""
        over = self.over(aws, more, **compute)
        return self.project.snakemake(*arguments, over=over, env=self.environment | (env or {}))

    def log(self, rule):
        return (self.project.results / f"logs/{rule}.log").read_text()

    def nothing_is_left(self):
        state = self.emulator.state
        left = [*state.models, *state.configs, *state.endpoints]
        left += [name for name, entry in state.training.items() if entry["job"]["TrainingJobStatus"] == "InProgress"]
        return not left and not (self.project.results / ".endpoint.json").exists()

    def stored(self, folder=None):
        client, prefix = self.emulator.client("s3"), f"flystage/{folder}/" if folder else "flystage/"
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def forget(self, name):
        """Delete all objects of this name in any folder of the bucket."""
        gone = [key for key in self.stored() if key.endswith(f"/{name}")]
        assert gone
        for key in gone:
            self.emulator.client("s3").delete_object(Bucket=BUCKET, Key=key)

    def asked(self, operation):
        """Return the SageMaker requests of one operation."""
        return [body for name, body in self.emulator.requests if name == operation]
