"""Test that the profiles agree with one another and with the rules."""

import re
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
DEFAULT, SLURM = (
    yaml.safe_load((REPOSITORY / f"workflow/profiles/{name}/config.yaml").read_text()) for name in ("default", "slurm")
)
LOCAL = ("cores", "__use_yte__", "__definitions__")  # Snakemake also reads the default profile on a cluster


def test_settings_of_the_default_profile_also_apply_on_a_cluster():
    assert {key: SLURM.get(key) for key in DEFAULT if key not in LOCAL} == {
        key: value for key, value in DEFAULT.items() if key not in LOCAL
    }


def test_every_rule_is_local_or_has_resources_that_increase_on_retry():
    rules = set()
    for path in [REPOSITORY / "Snakefile", *(REPOSITORY / "workflow/rules").glob("*.smk")]:
        rules |= set(
            re.findall(r"^(?:use rule \w+ as|rule|checkpoint) (\w+)(?: with)?:$", path.read_text(), re.MULTILINE)
        )
    local = set(
        re.findall(
            r"^    (\w+),$", (REPOSITORY / "Snakefile").read_text().split("localrules:")[1].split("\n\n")[0], re.M
        )
    )
    assert local | set(SLURM["set-resources"]) == rules and not local & set(SLURM["set-resources"])
    for resources in SLURM["set-resources"].values():
        assert all("attempt" in resources[name] for name in ("mem_mb", "runtime"))
