"""Emulate a container of SageMaker: fetch channels from S3, replace /opt/ml by a folder and run the program."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import tarfile
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
TOOLKIT = REPOSITORY / ".toolkit"  # sagemaker-training and sagemaker-inference, installed by `make test-aws`
IMAGE = Path(__file__).with_name("image")
ROOT = "/opt/ml"


def split_uri(uri):
    return uri.removeprefix("s3://").split("/", 1)


class Objects:
    """The objects in S3 that a container reads and writes."""

    def __init__(self, client):
        self.client = client

    def below(self, uri):
        bucket, prefix = split_uri(uri)
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [(bucket, entry["Key"]) for page in pages for entry in page.get("Contents", [])]

    def read(self, bucket, key):
        return self.client.get_object(Bucket=bucket, Key=key)["Body"].read()

    def fetch_channel(self, source, folder):
        """Copy a channel as SageMaker does: all objects with a prefix, or exactly the objects that a manifest lists."""
        uri = source["S3Uri"]
        if source["S3DataType"] == "ManifestFile":
            first, *names = json.loads(self.read(*split_uri(uri)))
            for name in names:
                self._fetch(*split_uri(first["prefix"] + name), folder / name)
        else:
            prefix = split_uri(uri)[1]
            for bucket, key in self.below(uri):
                name = key.rpartition("/")[2] if key == prefix else key.removeprefix(prefix).lstrip("/")
                self._fetch(bucket, key, folder / name)

    def fetch_folder(self, uri, folder):
        for bucket, key in self.below(uri):
            self._fetch(bucket, key, folder / key.removeprefix(split_uri(uri)[1]).lstrip("/"))

    def send_folder(self, folder, uri):
        bucket, prefix = split_uri(uri)
        for path in folder.rglob("*"):
            if path.is_file():
                name = f"{prefix.rstrip('/')}/{path.relative_to(folder)}"
                self.client.put_object(Bucket=bucket, Key=name, Body=path.read_bytes())

    def send_archive(self, folders, uri):
        """Upload the files of folders as one .tar.gz, as SageMaker does with the model folders of all hosts."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
            for folder in folders:
                for path in sorted(folder.rglob("*")):
                    tar.add(path, arcname=str(path.relative_to(folder)), recursive=False)
        bucket, key = split_uri(uri)
        self.client.put_object(Bucket=bucket, Key=key, Body=buffer.getvalue())

    def _fetch(self, bucket, key, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.read(bucket, key))


def free_port():
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return listener.getsockname()[1]


def environment(endpoint, base, more):
    """Return the environment of a container: only variables that SageMaker gives it, none of the tests."""
    path = os.pathsep.join([str(TOOLKIT / "bin"), str(REPOSITORY / ".venv/bin"), "/usr/local/bin", "/usr/bin", "/bin"])
    return {
        "PATH": path,
        "HOME": str(base),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(IMAGE),
        "PIP_NO_INDEX": "1",  # tests do not install packages that the image lacks
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "container",
        "AWS_SECRET_ACCESS_KEY": "container",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_REGION": "eu-central-1",
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
        **{key: value.replace(ROOT, str(base)) for key, value in more.items()},
    }


class Host:
    """One host of a training job: the folder that replaces its /opt/ml, and its program."""

    def __init__(self, folder, name, hosts, request, objects, endpoint, port):
        self.base, self.name, self.request, self.objects = folder, name, request, objects
        self.process, self.lines, self.reader = None, [], None
        for part in ("input/config", "input/data", "model", "output/data", "checkpoints"):
            (folder / part).mkdir(parents=True)
        for channel in request["InputDataConfig"]:
            objects.fetch_channel(channel["DataSource"]["S3DataSource"], folder / "input/data" / channel["ChannelName"])
        if "CheckpointConfig" in request:
            objects.fetch_folder(request["CheckpointConfig"]["S3Uri"], self.checkpoints)
        hyperparameters = {
            key: value.replace(ROOT, str(folder)) for key, value in request.get("HyperParameters", {}).items()
        }
        instance = request["ResourceConfig"]["InstanceType"]
        self.write("hyperparameters", hyperparameters)
        self.write("inputdataconfig", {
            channel["ChannelName"]: {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
            for channel in request["InputDataConfig"]
        })  # fmt: skip
        self.entrypoint = request["AlgorithmSpecification"].get("ContainerEntrypoint")
        self.write("resourceconfig", {
            # the toolkit looks up the name of its host in the network, so it must be the name of this machine
            "current_host": name if self.entrypoint else "localhost",
            "hosts": hosts if self.entrypoint else ["localhost"],
            "current_instance_type": instance, "current_group_name": "homogeneousCluster", "network_interface_name": "lo",
            "instance_groups": [{"instance_group_name": "homogeneousCluster", "instance_type": instance, "hosts": hosts}],
        })  # fmt: skip
        self.environment = environment(
            endpoint,
            folder,
            {
                "TRAINING_JOB_NAME": request["TrainingJobName"],
                "SAGEMAKER_BASE_DIR": ROOT,
                **request.get("Environment", {}),
            },
        )
        if self.entrypoint:  # the drivers of the SDK contain the paths of their folders
            for path in (folder / "input/data/sm_drivers").rglob("*"):
                if path.suffix in (".py", ".sh", ".json"):
                    text = path.read_text().replace(ROOT, str(folder))
                    text = text.replace('SM_MASTER_ADDR = "algo-1"', 'SM_MASTER_ADDR = "localhost"')
                    path.write_text(text.replace("SM_MASTER_PORT = 7777", f"SM_MASTER_PORT = {port}"))

    @property
    def checkpoints(self):
        return self.base / "checkpoints"

    def write(self, name, content):
        (self.base / f"input/config/{name}.json").write_text(json.dumps(content))

    def start(self):
        if self.entrypoint:
            command = [*self.entrypoint, *self.request["AlgorithmSpecification"].get("ContainerArguments", [])]
        else:
            command = ["train"]
        command = [part.replace(ROOT, str(self.base)) for part in command]
        self.process = subprocess.Popen(
            command, cwd=self.base, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append((int(time.time() * 1000), line.rstrip("\n")))

    def kill(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def said(self, pattern):
        return any(re.search(pattern, text) for _, text in list(self.lines))
