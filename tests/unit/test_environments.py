"""The conda environments and requirements.lock name the same versions."""

import re
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]


def locked():
    """{package: set of versions} of requirements.lock."""
    versions = {}
    for line in (REPOSITORY / "requirements.lock").read_text().splitlines():
        match = re.match(r"([\w.-]+)==(\S+)", line)
        versions.setdefault(match[1], set()).add(match[2])
    return versions


@pytest.mark.parametrize("path", sorted((REPOSITORY / "envs").glob("*.yaml")), ids=lambda path: path.stem)
def test_pins_are_those_of_the_lock(path):
    environment = yaml.safe_load(path.read_text())
    pins = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    for pin in pins:
        package, version = pin.split("==")
        assert version in locked()[package], pin


def test_every_rule_has_an_environment_that_exists():
    for rules in (REPOSITORY / "workflow/rules").glob("*.smk"):
        text = rules.read_text()
        assert text.count("\nrule ") == text.count("    conda:")
        for name in re.findall(r'"\.\./\.\./envs/(\w+)\.yaml"', text):
            assert (REPOSITORY / f"envs/{name}.yaml").exists()


def test_the_lock_names_no_host():
    assert "://" not in (REPOSITORY / "requirements.lock").read_text()
