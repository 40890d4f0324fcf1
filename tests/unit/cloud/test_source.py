"""Tests of the code archive for containers, and that local rules do not import AWS packages."""

import importlib.util
import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from flystage.cloud import source
from flystage.core.errors import FlystageError
from flystage.run.code_versions import LIBRARY, modules_of

REPOSITORY = Path(__file__).parents[3]


def test_an_archive_depends_only_on_content_and_holds_needed_modules(tmp_path):
    files = source.source_files("training/train.py", "resnet18", "requirements.txt")
    assert source.archive(files) == source.archive(dict(reversed(list(files.items()))))
    with tarfile.open(fileobj=io.BytesIO(source.archive(files))) as tar:
        names = set(tar.getnames())
    assert {"train.py", "requirements.txt", "flystage/__init__.py", "flystage/jobs/execution.py"} <= names
    assert not [name for name in names if "cloud" in name or "report" in name or name.startswith("timm/")]
    assert "flystage/prediction/serving.py" in source.source_files("inference/inference.py", "resnet18")


WITHOUT_THE_REST = """
import sys
for name in ("huggingface_hub", "safetensors", "yaml"):
    sys.modules[name] = None
import timm, torch
assert timm.__file__ == sys.argv[1], timm.__file__
assert timm.create_model("test_vit", num_classes=0, img_size=64).eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 64)
"""


def test_packed_timm_is_pure_python_and_works_without_dependencies(tmp_path):
    files = source.source_files("training/train.py", "timm/test_vit")
    assert files == source.source_files("training/train.py", "efficientnet_lite0")  # also a network of timm
    timm = {name: path for name, path in files.items() if name.startswith("timm/")}
    assert {Path(name).suffix for name in timm} <= {".py", ".txt", ".json", ".typed"}
    with tarfile.open(fileobj=io.BytesIO(source.archive(timm))) as tar:
        tar.extractall(tmp_path, filter="data")
    subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_REST, tmp_path / "timm/__init__.py"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)}, check=True,
    )  # fmt: skip


def test_missing_timm_stops_with_a_message(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FlystageError, match=r"timm/test_vit.*\btimm\b.*not installed"):
        source.source_files("training/train.py", "timm/test_vit")


def test_local_rules_import_no_aws_packages():
    scripts = list((REPOSITORY / "workflow/scripts").glob("*.py"))
    local = [path for path in scripts if not re.search(r"sagemaker|endpoint|aws", path.name)]
    assert len(scripts) - len(local) == 5
    library = [path for path in LIBRARY.rglob("*.py") if path.parent != LIBRARY / "cloud"]
    for script in [*local, *library]:
        for path in [script, *map(Path, modules_of(script))]:
            assert not re.search(r"^\s*(import|from) (boto|sagemaker)", path.read_text(), re.MULTILINE), (script, path)
