"""Run a scoring job on SageMaker: write the probabilities of all PNGs that the job lists to scores.json."""

import json
import os
from pathlib import Path

from flystage.core.records import write_json
from flystage.network.checkpoint import load_checkpoint, stages_of
from flystage.prediction.inference import stage_probabilities

JOB = Path(os.environ["SM_CHANNEL_JOB"]) / "job.json"
IMAGES = Path(os.environ["SM_CHANNEL_IMAGES"])

job = json.loads(JOB.read_text(encoding="utf-8"))
checkpoint = load_checkpoint(IMAGES / job["checkpoint"])
pngs = [str(IMAGES / png) for png in job["pngs"]]
print(f"Classifying {len(pngs)} images", flush=True)
probabilities = stage_probabilities(checkpoint, pngs, JOB.with_name("cache"), os.cpu_count(), job["views"])
write_json(
    stages_of(checkpoint).record() | {"probabilities": probabilities.tolist()},
    Path(os.environ["SM_MODEL_DIR"]) / "scores.json",
)
