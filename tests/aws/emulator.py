"""Emulate SageMaker on this machine for tests. moto's server answers S3, IAM, STS and CloudWatch, and submitted jobs really run.

Training jobs run through the SDK's drivers or the real training toolkit, endpoints through the real inference toolkit.
To use it by hand, run `python tests/aws/emulator.py --port 5000` and set the variables that it prints.
"""

import argparse
import json
import logging
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import boto3
from moto.iam.models import iam_backends
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from container import TOOLKIT, Host, Objects, environment, free_port
from requests_checked import problem

ACCOUNT, REGION, BUCKET, ROLE = "123456789012", "eu-central-1", "flies", "flystage-jobs"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
logging.getLogger("werkzeug").setLevel(logging.ERROR)  # otherwise it logs every request
GROUP = "/aws/sagemaker/TrainingJobs"
IN_PROGRESS = "Cannot update in-progress endpoint"


class RefusalError(Exception):
    """An answer that is an error. code: AWS's name of the error. text: its message."""

    def __init__(self, code, text, status=400):
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


@dataclass
class Mishap:
    """An event for the next job whose name matches. kind: fail, interrupt or stop. after: pattern that its log must match first."""

    job: str
    kind: str
    after: str = ""


@dataclass
class Denial:
    """An operation, for S3 such as "s3 PUT", that is refused the next `times` times."""

    operation: str
    code: str
    times: int
    text: str = "not today"


@dataclass
class State:
    training: dict = field(default_factory=dict)
    tuning: dict = field(default_factory=dict)
    models: dict = field(default_factory=dict)
    configs: dict = field(default_factory=dict)
    endpoints: dict = field(default_factory=dict)


class Emulator(ThreadedMotoServer):
    """The emulator. folder: for the containers. `calls` lists every request: "sagemaker CreateModel", "s3 GET", ..."""

    def __init__(self, folder, port=0):
        super().__init__("127.0.0.1", port, verbose=False)
        self.folder = Path(folder)
        self.state, self.calls, self.requests = State(), [], []
        self.mishaps, self.denials, self.endpoint_fate = [], [], "up"  # or "failed"
        self.creating_seconds = 0
        self.sampler = log_uniform
        self.lock = threading.RLock()
        self.hosts, self.servers = [], []

    def _server_entry(self):
        moto = DomainDispatcherApplication(create_backend_app)

        def application(environ, start_response):
            return self.answer(environ, start_response, moto)

        self._server = make_server(self._ip_address, self._port, application, True, request_handler=MotoRequestHandler)
        self._server_ready_event.set()
        self._server.serve_forever()

    @property
    def url(self):
        host, port = self.get_host_and_port()
        return f"http://{host}:{port}"

    def client(self, service):
        with self.lock:  # creating clients is not thread-safe
            return boto3.client(
                service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="emulator", aws_secret_access_key="x"
            )  # fmt: skip

    def set_up(self):
        """Create a bucket, and a role that SageMaker may assume."""
        self.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.make_role(ROLE, "sagemaker.amazonaws.com")
        self.calls.clear()

    def make_role(self, name, service):
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)

    def close(self):
        for host in self.hosts:
            host.kill()
        for server in self.servers:
            server.kill()
        self.stop()

    # all requests: those to SageMaker are answered here, all others by moto

    def answer(self, environ, start_response, moto):
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        path = environ.get("PATH_INFO", "")
        invoked = re.fullmatch(r"/endpoints/([^/]+)/invocations", path)
        service = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        service = service[1] if service else "unsigned"
        operation = target.split(".")[-1] or ("InvokeEndpoint" if invoked else environ["REQUEST_METHOD"])
        if service == "iam" and "emulator/" not in environ["HTTP_AUTHORIZATION"]:
            operation = "SimulatePrincipalPolicy"  # the only IAM call of the SDK, which most users' rights do not allow
        if not environ.get("HTTP_AUTHORIZATION", "").startswith("AWS4-HMAC-SHA256 Credential=emulator/"):
            container = "Credential=container/" in environ.get("HTTP_AUTHORIZATION", "")
            self.calls.append(f"{'container: ' if container else ''}{service} {operation}")
        try:
            if operation == "SimulatePrincipalPolicy":
                raise RefusalError("AccessDenied", "not authorized to perform iam:SimulatePrincipalPolicy", 403)
            self.refuse(operation, service)
            if invoked:
                return self.invoke(unquote(invoked[1]), environ, start_response)
            if target.startswith("SageMaker."):
                body = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or "{}")
                self.requests.append((operation, body))
                if wrong := problem(operation, body):
                    raise RefusalError("ValidationException", f"1 validation error detected: {wrong}")
                with self.lock:
                    answer = getattr(self, f"on_{operation}")(body)
                return self.reply(start_response, 200, answer or {})
        except RefusalError as refusal:
            if service in ("s3", "iam"):
                text = f"<Error><Code>{refusal.code}</Code><Message>{refusal.text}</Message></Error>".encode()
                start_response(f"{refusal.status} Refused", [("Content-Type", "application/xml")])
                return [b"" if environ["REQUEST_METHOD"] == "HEAD" else text]
            answer = {"__type": refusal.code, "message": refusal.text, "Message": refusal.text}
            return self.reply(start_response, refusal.status, answer, [("x-amzn-ErrorType", refusal.code)])
        return moto(environ, start_response)

    @staticmethod
    def reply(start_response, status, answer, headers=()):
        start_response(
            f"{status} {'OK' if status == 200 else 'Error'}", [("Content-Type", "application/x-amz-json-1.1"), *headers]
        )
        return [json.dumps(answer).encode()]

    def refuse(self, operation, service):
        for denial in self.denials:
            if denial.operation in (operation, f"{service} {operation}") and denial.times > 0:
                denial.times -= 1
                status = {"AccessDenied": 403, "SlowDown": 503}.get(denial.code, 400)
                raise RefusalError(denial.code, denial.text, status)

    def need_role(self, arn):
        """Raise RefusalError unless SageMaker may assume the role."""
        refused = RefusalError(
            "ValidationException",
            f"Could not assume role {arn}. Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' to"
            " assume the role.",
        )
        try:
            role = iam_backends[ACCOUNT]["aws"].get_role(arn.split("/")[-1])
        except Exception as error:
            raise refused from error
        if '"sagemaker.amazonaws.com"' not in json.dumps(role.assume_role_policy_document).replace("\\", ""):
            raise refused

    @staticmethod
    def find(things, name, noun):
        if name not in things:
            raise RefusalError("ValidationException", f'Could not find {noun} "{name}".')
        return things[name]

    @staticmethod
    def add(things, name, noun, thing):
        if name in things:
            raise RefusalError("ResourceInUse", f"{noun} {name} exists already")
        things[name] = thing

    @staticmethod
    def arn(kind, name):
        return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name.lower()}"

    # training jobs

    def on_CreateTrainingJob(self, request):  # noqa: N802
        name = request["TrainingJobName"]
        self.need_role(request["RoleArn"])
        stopping = request["StoppingCondition"]
        if request.get("EnableManagedSpotTraining"):
            if stopping.get("MaxWaitTimeInSeconds", 0) < stopping["MaxRuntimeInSeconds"]:
                raise RefusalError("ValidationException", "MaxWaitTimeInSeconds must be at least MaxRuntimeInSeconds")
        elif "MaxWaitTimeInSeconds" in stopping:
            raise RefusalError("ValidationException", "MaxWaitTimeInSeconds requires EnableManagedSpotTraining")
        if name in self.state.training:
            raise RefusalError("ResourceInUse", "Training job names must be unique within an AWS account and region")
        self.begin_training(request)
        return {"TrainingJobArn": self.arn("training-job", name)}

    def begin_training(self, request):
        name = request["TrainingJobName"]
        job = {
            "TrainingJobName": name,
            "TrainingJobArn": self.arn("training-job", name),
            "TrainingJobStatus": "InProgress",
            "SecondaryStatus": "Starting",
            "CreationTime": time.time(),
            "LastModifiedTime": time.time(),
            "ModelArtifacts": {"S3ModelArtifacts": ""},
            **{key: value for key, value in request.items() if key != "Tags"},
        }
        entry = {"job": job, "request": request, "tags": request.get("Tags", []), "stop": threading.Event(), "parts": 0}
        self.state.training[name] = entry
        entry["thread"] = threading.Thread(target=self.train, args=(entry,), daemon=True)
        entry["thread"].start()
        return entry

    def on_DescribeTrainingJob(self, request):  # noqa: N802
        return self.find(self.state.training, request["TrainingJobName"], "training job")["job"]

    def on_StopTrainingJob(self, request):  # noqa: N802
        entry = self.find(self.state.training, request["TrainingJobName"], "training job")
        if entry["job"]["TrainingJobStatus"] != "InProgress":
            raise RefusalError(
                "ValidationException", "The request was rejected because the training job is in status Stopped"
            )
        entry["job"]["TrainingJobStatus"] = "Stopping"
        entry["stop"].set()

    def on_ListTrainingJobs(self, request):  # noqa: N802
        jobs = [entry["job"] for entry in self.state.training.values()]
        wanted, status = request.get("NameContains", ""), request.get("StatusEquals")
        keys = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingJobStatus")
        return {
            "TrainingJobSummaries": [
                {key: job[key] for key in keys}
                for job in jobs
                if wanted in job["TrainingJobName"] and status in (None, job["TrainingJobStatus"])
            ]
        }

    def mishap(self, name):
        with self.lock:
            for mishap in self.mishaps:
                if re.search(mishap.job, name):
                    self.mishaps.remove(mishap)
                    return mishap
        return None

    def train(self, entry):
        """Run a training job from start to end, in its own thread."""
        request, job, mishap = entry["request"], entry["job"], self.mishap(entry["request"]["TrainingJobName"])
        try:
            while True:
                end, hosts = self.one_run(entry, mishap)
                mishap = None
                if end != "Interrupted":
                    break
                job["SecondaryStatus"] = "Interrupted"
                time.sleep(0.5)
            job["TrainingEndTime"] = time.time()
            if end == "Completed":
                job["SecondaryStatus"] = "Uploading"
                uri = f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{request['TrainingJobName']}/output/model.tar.gz"
                Objects(self.client("s3")).send_archive([host.base / "model" for host in hosts], uri)
                job["ModelArtifacts"] = {"S3ModelArtifacts": uri}
            elif end == "Failed":
                failures = [path.read_text() for host in hosts if (path := host.base / "output/failure").exists()]
                job["FailureReason"] = f"AlgorithmError: {(failures or ['exit code 1'])[0]}, exit code: 1"[:1000]
            elif end == "Stopped" and job["SecondaryStatus"] == "MaxRuntimeExceeded":
                job["FailureReason"] = "Training job runtime exceeded MaxRuntimeInSeconds provided"
            values = metrics(request["AlgorithmSpecification"].get("MetricDefinitions", []), hosts)
            job["FinalMetricDataList"] = [
                {"MetricName": key, "Value": value, "Timestamp": time.time()} for key, value in values.items()
            ]
            for host in hosts:
                shutil.rmtree(host.base, ignore_errors=True)
            job["TrainingJobStatus"], job["SecondaryStatus"] = end, end
        except Exception as error:  # for example an unreadable channel
            job["FailureReason"] = f"ClientError: {type(error).__name__}: {error}"[:1000]
            job["TrainingJobStatus"] = job["SecondaryStatus"] = "Failed"

    def one_run(self, entry, mishap):
        """Run the containers once. Return (status at the end, hosts)."""
        request, job, name = entry["request"], entry["job"], entry["request"]["TrainingJobName"]
        entry["parts"] += 1
        objects, logs, part, port = Objects(self.client("s3")), self.client("logs"), entry["parts"], free_port()
        job["SecondaryStatus"] = "Downloading"
        names = [f"algo-{number + 1}" for number in range(request["ResourceConfig"]["InstanceCount"])]
        hosts = [
            Host(self.folder / name / f"{host}-{part}", host, names, request, objects, self.url, port) for host in names
        ]
        self.hosts += hosts
        if mishap and mishap.kind == "fail":
            for host in hosts:
                host.entrypoint = ["/bin/sh"]
                failing = f"echo CUDA out of memory | tee {host.base}/output/failure; exit 1"
                host.request = request | {"AlgorithmSpecification": {"ContainerArguments": ["-c", failing]}}
        for host in hosts:
            host.start()
        job["SecondaryStatus"], job["TrainingStartTime"] = "Training", time.time()
        told = CloudWatch(logs, name, hosts, part)
        deadline = time.monotonic() + request["StoppingCondition"]["MaxRuntimeInSeconds"]
        while True:
            told.tell()
            ended = [host.process.poll() for host in hosts]
            if any(code not in (None, 0) for code in ended):
                end = "Failed"
            elif all(code == 0 for code in ended):
                end = "Completed"
            elif entry["stop"].is_set():
                end = "Stopped"
            elif time.monotonic() > deadline:
                end, job["SecondaryStatus"] = "Stopped", "MaxRuntimeExceeded"
            elif mishap and mishap.kind in ("interrupt", "stop") and hosts[0].said(mishap.after):
                end = "Interrupted" if mishap.kind == "interrupt" else "Stopped"
            else:
                time.sleep(0.1)
                continue
            break
        for host in hosts:
            host.kill()
            host.reader.join()
        told.tell()
        if "CheckpointConfig" in request:
            objects.send_folder(hosts[0].checkpoints, request["CheckpointConfig"]["S3Uri"])
        return end, hosts

    # tuning jobs

    def on_CreateHyperParameterTuningJob(self, request):  # noqa: N802
        name = request["HyperParameterTuningJobName"]
        self.need_role(request["TrainingJobDefinition"]["RoleArn"])
        config = request["HyperParameterTuningJobConfig"]
        limits = config["ResourceLimits"]
        if limits["MaxParallelTrainingJobs"] > limits["MaxNumberOfTrainingJobs"]:
            raise RefusalError("ValidationException", "MaxParallelTrainingJobs exceeds MaxNumberOfTrainingJobs")
        for entry in config["ParameterRanges"].get("ContinuousParameterRanges", []):
            if float(entry["MinValue"]) >= float(entry["MaxValue"]):
                raise RefusalError("ValidationException", "MinValue must be below MaxValue")
        job = {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobArn": self.arn("hyper-parameter-tuning-job", name),
            "HyperParameterTuningJobConfig": config,
            "HyperParameterTuningJobStatus": "InProgress",
            "CreationTime": time.time(),
            "TrainingJobStatusCounters": dict.fromkeys(
                ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0
            ),
            "ObjectiveStatusCounters": {"Succeeded": 0, "Pending": 0, "Failed": 0},
        }
        entry = {
            "job": job,
            "request": request,
            "tags": request.get("Tags", []),
            "trials": [],
            "stop": threading.Event(),
        }
        self.add(self.state.tuning, name, "tuning job", entry)
        threading.Thread(target=self.tune, args=(entry,), daemon=True).start()
        return {"HyperParameterTuningJobArn": job["HyperParameterTuningJobArn"]}

    def on_DescribeHyperParameterTuningJob(self, request):  # noqa: N802
        entry = self.state.tuning.get(request["HyperParameterTuningJobName"])
        if entry is None:  # unlike training jobs
            raise RefusalError("ResourceNotFound", "Amazon SageMaker can't find a tuning job of this name.")
        counters = dict.fromkeys(entry["job"]["TrainingJobStatusCounters"], 0)
        for trial in entry["trials"]:
            status = trial["entry"]["job"]["TrainingJobStatus"]
            counters[{"Failed": "NonRetryableError", "Stopping": "InProgress"}.get(status, status)] += 1
        entry["job"]["TrainingJobStatusCounters"] = counters
        return entry["job"]

    def on_StopHyperParameterTuningJob(self, request):  # noqa: N802
        entry = self.find(self.state.tuning, request["HyperParameterTuningJobName"], "tuning job")
        entry["job"]["HyperParameterTuningJobStatus"] = "Stopping"
        entry["stop"].set()

    def on_ListTrainingJobsForHyperParameterTuningJob(self, request):  # noqa: N802
        entry = self.find(self.state.tuning, request["HyperParameterTuningJobName"], "tuning job")
        start, most = int(request.get("NextToken", 0)), request.get("MaxResults", 10)  # 10 is AWS's default
        summaries = []
        for trial in entry["trials"][start : start + most]:
            job = trial["entry"]["job"]
            keys = ("TrainingJobName", "TrainingJobArn", "TrainingJobStatus", "CreationTime", "FailureReason")
            summary = {key: job[key] for key in keys if key in job}
            summary["TunedHyperParameters"] = trial["settings"]
            if job.get("FinalMetricDataList"):
                metric = job["FinalMetricDataList"][0]
                summary["FinalHyperParameterTuningJobObjectiveMetric"] = {
                    "MetricName": metric["MetricName"], "Value": metric["Value"], "Type": "Minimize",
                }  # fmt: skip
            summaries.append(summary)
        more = start + most < len(entry["trials"])
        return {"TrainingJobSummaries": summaries} | ({"NextToken": str(start + most)} if more else {})

    def tune(self, entry):
        request, job = entry["request"], entry["job"]
        config, definition = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
        limits, name = config["ResourceLimits"], request["HyperParameterTuningJobName"]
        for number in range(limits["MaxNumberOfTrainingJobs"]):
            while not entry["stop"].is_set() and self.running(entry) >= limits["MaxParallelTrainingJobs"]:
                time.sleep(0.1)
            if entry["stop"].is_set():
                break
            settings = self.sampler(number, config["ParameterRanges"])
            inner = {
                **{
                    key: value
                    for key, value in definition.items()
                    if key not in ("StaticHyperParameters", "TuningObjective")
                },
                "TrainingJobName": f"{name}-{number + 1:03d}-{random.randrange(16**8):08x}",
                "HyperParameters": definition.get("StaticHyperParameters", {}) | settings,
                "Tags": request.get("Tags", []),
            }
            with self.lock:
                entry["trials"].append({"settings": settings, "entry": self.begin_training(inner)})
        while self.running(entry):
            if entry["stop"].is_set():
                for trial in entry["trials"]:
                    trial["entry"]["stop"].set()
            time.sleep(0.1)
        completed = [
            trial["entry"]["job"]
            for trial in entry["trials"]
            if trial["entry"]["job"]["TrainingJobStatus"] == "Completed"
        ]
        if entry["stop"].is_set():
            job["HyperParameterTuningJobStatus"] = "Stopped"
        elif not any(trial.get("FinalMetricDataList") for trial in completed):
            job["FailureReason"] = (
                "All training jobs failed. Please take a look at the training jobs failures to get more details."
            )
            job["HyperParameterTuningJobStatus"] = "Failed"
        else:
            job["HyperParameterTuningJobStatus"] = "Completed"

    @staticmethod
    def running(entry):
        return sum(trial["entry"]["thread"].is_alive() for trial in entry["trials"])

    # models and endpoints

    def on_CreateModel(self, request):  # noqa: N802
        self.need_role(request["ExecutionRoleArn"])
        self.add(self.state.models, request["ModelName"], "model", request)
        return {"ModelArn": self.arn("model", request["ModelName"])}

    def on_DescribeModel(self, request):  # noqa: N802
        name = request["ModelName"]
        about = {"ModelArn": self.arn("model", name), "CreationTime": time.time()}
        return self.find(self.state.models, name, "model") | about

    def on_DeleteModel(self, request):  # noqa: N802
        self.find(self.state.models, request["ModelName"], "model")
        del self.state.models[request["ModelName"]]

    def on_CreateEndpointConfig(self, request):  # noqa: N802
        self.find(self.state.models, request["ProductionVariants"][0]["ModelName"], "model")
        self.add(self.state.configs, request["EndpointConfigName"], "endpoint configuration", request)
        return {"EndpointConfigArn": self.arn("endpoint-config", request["EndpointConfigName"])}

    def on_DescribeEndpointConfig(self, request):  # noqa: N802
        name = request["EndpointConfigName"]
        about = {"EndpointConfigArn": self.arn("endpoint-config", name), "CreationTime": time.time()}
        return self.find(self.state.configs, name, "endpoint configuration") | about

    def on_DeleteEndpointConfig(self, request):  # noqa: N802
        self.find(self.state.configs, request["EndpointConfigName"], "endpoint configuration")
        del self.state.configs[request["EndpointConfigName"]]

    def on_CreateEndpoint(self, request):  # noqa: N802
        name = request["EndpointName"]
        config = self.find(self.state.configs, request["EndpointConfigName"], "endpoint configuration")
        endpoint = {
            "EndpointName": name,
            "EndpointArn": self.arn("endpoint", name),
            "EndpointConfigName": request["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": time.time(),
            "LastModifiedTime": time.time(),
        }
        entry = {"endpoint": endpoint, "tags": request.get("Tags", []), "server": None}
        self.add(self.state.endpoints, name, "endpoint", entry)
        model = self.state.models[config["ProductionVariants"][0]["ModelName"]]
        threading.Thread(target=self.serve, args=(entry, model), daemon=True).start()
        return {"EndpointArn": endpoint["EndpointArn"]}

    def on_DescribeEndpoint(self, request):  # noqa: N802
        return self.find(self.state.endpoints, request["EndpointName"], "endpoint")["endpoint"]

    def on_DeleteEndpoint(self, request):  # noqa: N802
        entry = self.find(self.state.endpoints, request["EndpointName"], "endpoint")
        if entry["endpoint"]["EndpointStatus"] == "Creating":
            raise RefusalError("ValidationException", f'{IN_PROGRESS} "{entry["endpoint"]["EndpointArn"]}".')
        if entry["server"]:
            entry["server"].kill()
        del self.state.endpoints[request["EndpointName"]]

    def on_ListEndpoints(self, request):  # noqa: N802
        return {
            "Endpoints": [
                entry["endpoint"] for name, entry in self.state.endpoints.items() if request["NameContains"] in name
            ]
        }

    def on_ListEndpointConfigs(self, request):  # noqa: N802
        names = [name for name in self.state.configs if request["NameContains"] in name]
        return {
            "EndpointConfigs": [
                {"EndpointConfigName": name, "EndpointConfigArn": self.arn("endpoint-config", name), "CreationTime": 0}
                for name in names
            ]
        }

    def on_ListModels(self, request):  # noqa: N802
        names = [name for name in self.state.models if request["NameContains"] in name]
        return {
            "Models": [{"ModelName": name, "ModelArn": self.arn("model", name), "CreationTime": 0} for name in names]
        }

    def on_ListTags(self, request):  # noqa: N802
        kind, name = request["ResourceArn"].split(":")[-1].split("/", 1)
        for found, entry in {
            "endpoint": self.state.endpoints, "endpoint-config": self.state.configs, "model": self.state.models,
            "training-job": self.state.training,
        }[kind].items():  # fmt: skip
            if found.lower() == name:
                return {"Tags": entry.get("tags", entry.get("Tags", []))}
        raise RefusalError("ValidationException", "no such resource")

    def serve(self, entry, model):
        endpoint, name = entry["endpoint"], entry["endpoint"]["EndpointName"]
        time.sleep(self.creating_seconds)
        if self.endpoint_fate != "up":
            endpoint["FailureReason"] = (
                "The primary container for production variant AllTraffic did not pass the ping health check."
            )
            endpoint["EndpointStatus"] = "Failed"
            return
        base, port = self.folder / f"{name}-{time.monotonic_ns()}", free_port()
        (base / "model").mkdir(parents=True)
        archive, container = base / "model.tar.gz", model["PrimaryContainer"]
        objects = Objects(self.client("s3"))
        archive.write_bytes(objects.read(*container["ModelDataUrl"].removeprefix("s3://").split("/", 1)))
        shutil.unpack_archive(archive, base / "model", filter="data")
        archive.unlink()
        variables = environment(self.url, base, container["Environment"])
        variables["PYTHONPATH"] += f":{base}/model/code"
        log = open(base / "log", "w")  # noqa: SIM115
        server = subprocess.Popen(
            [TOOLKIT / "bin/python", Path(__file__).with_name("endpoint_container.py"), base / "model", str(port)],
            env=variables, cwd=base, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.servers.append(server)
        entry["server"], entry["url"] = server, f"http://localhost:{port}"
        while server.poll() is None:
            try:
                with urllib.request.urlopen(f"{entry['url']}/ping", timeout=60) as answer:
                    if answer.status == 200:
                        endpoint["EndpointStatus"] = "InService"
                        return
            except urllib.error.HTTPError as error:
                reason = error.read().decode()
                endpoint["FailureReason"], endpoint["EndpointStatus"] = (
                    f"did not pass the ping health check: {reason}",
                    "Failed",
                )
                return
            except OSError:
                time.sleep(0.1)
        endpoint["FailureReason"], endpoint["EndpointStatus"] = (base / "log").read_text()[-500:], "Failed"

    def invoke(self, name, environ, start_response):
        entry = self.find(self.state.endpoints, name, "endpoint")
        if entry["endpoint"]["EndpointStatus"] != "InService":
            raise RefusalError("ValidationException", f"Endpoint {name} is not in service")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {"Content-Type": environ.get("CONTENT_TYPE", ""), "Accept": environ.get("HTTP_ACCEPT", "*/*")}
        request = urllib.request.Request(f"{entry['url']}/invocations", data=body, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                start_response("200 OK", [("Content-Type", answer.headers["Content-Type"])])
                return [answer.read()]
        except urllib.error.HTTPError as error:
            said = error.read().decode()
            told = {"Message": f"Received client error ({error.code}) from primary with message \"{said[:300]}\"",
                    "OriginalStatusCode": error.code, "OriginalMessage": said}  # fmt: skip
            return self.reply(start_response, 424, told, [("x-amzn-ErrorType", "ModelError")])


class CloudWatch:
    """Copy the output of a job's hosts to the log streams of moto."""

    def __init__(self, client, job, hosts, part):
        self.client, self.hosts, self.told = client, hosts, [0] * len(hosts)
        self.streams = [f"{job}/{host.name}-{1700000000 + part}" for host in hosts]
        with suppress(client.exceptions.ResourceAlreadyExistsException):
            client.create_log_group(logGroupName=GROUP)
        for stream in self.streams:
            client.create_log_stream(logGroupName=GROUP, logStreamName=stream)

    def tell(self):
        for place, (host, stream) in enumerate(zip(self.hosts, self.streams, strict=True)):
            new = host.lines[self.told[place] :][:1000]
            if new:
                events = [{"timestamp": when, "message": text or " "} for when, text in new]
                self.client.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)
                self.told[place] += len(new)


def metrics(definitions, hosts):
    """Return the last value that each regular expression finds in the output of the first host."""
    found = {}
    for definition in definitions:
        for _, text in hosts[0].lines:
            if match := re.search(definition["Regex"], text):
                found[definition["Name"]] = float(match[1])
    return found


def log_uniform(number, ranges):
    """Return the settings of trial `number` as text, as SageMaker passes them."""
    chance, settings = random.Random(number), {}
    for entry in ranges.get("ContinuousParameterRanges", []):
        low, high = float(entry["MinValue"]), float(entry["MaxValue"])
        settings[entry["Name"]] = repr(low * (high / low) ** chance.random())
    for entry in ranges.get("CategoricalParameterRanges", []):
        settings[entry["Name"]] = chance.choice(entry["Values"])
    return settings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=5000)
    port = parser.parse_args().port
    with tempfile.TemporaryDirectory() as folder:
        emulator = Emulator(folder, port)
        emulator.start()
        emulator.set_up()
        print(
            f"export AWS_ENDPOINT_URL={emulator.url} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION={REGION}"
        )
        print(f"bucket {BUCKET}, role {ROLE_ARN}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            emulator.close()
            for call in emulator.calls:
                print(call, file=sys.stderr)


if __name__ == "__main__":
    main()
