"""A value has the type of its setting, whether it comes from a file or from --config."""

from pathlib import Path

import pytest
import yaml
from snakemake.cli import parse_config

from flystage.core.errors import FlystageError
from flystage.run.setting_types import from_command_line, refuse_not_finite, with_numbers

SCHEMA = yaml.safe_load((Path(__file__).parents[3] / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"tune": {"trials": "1e1"}}, {"tune": {"trials": 10}}),
        ({"tune": {"trials": 4.0}}, {"tune": {"trials": 4}}),
        ({"tune": {"trials": 4.5}}, {"tune": {"trials": 4.5}}),
        ({"buckets": 4.0}, {"buckets": 4}),
        ({"max_bad": ".5e0"}, {"max_bad": 0.5}),
        ({"image": {"page": 2.0}}, {"image": {"page": 2}}),
        ({"image": {"page": "last"}}, {"image": {"page": "last"}}),
        ({"crossval": {"folds": 0.0}}, {"crossval": {"folds": 0}}),
        ({"evaluate": {"top_k": [1, 3.0]}}, {"evaluate": {"top_k": [1, 3]}}),
        ({"evaluate": {"views": 4.0}}, {"evaluate": {"views": 4}}),
        ({"image": {"white": 4095.0}}, {"image": {"white": 4095.0}}),
        ({"stages": ["1e3", 4.0]}, {"stages": ["1e3", 4.0]}),
        ({"name_pattern": "1e3"}, {"name_pattern": "1e3"}),
        ({"compare": {"variants": {"a": {"tune": {"trials": "1e1"}}}}},) * 2,  # checked as configurations of their own
    ],
)
def test_numbers_of_files_have_the_type_of_their_setting(given, expected):
    result = with_numbers(given, SCHEMA)
    if "compare" in given:
        expected = {"compare": {"variants": {"a": {"tune": {"trials": 10}}}}}
    assert repr(result) == repr(expected)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ('hardware={"gpu": true}', {"gpu": True, "workers": 2}),
        ("hardware={'gpu': True, 'workers': 0}", {"gpu": True, "workers": 0}),
        ("hardware={gpu: maybe}", {"gpu": "maybe", "workers": 2}),
        ("labels=null", None),
        ("labels=a.csv", "a.csv"),
        ("frames=null", None),
        ("frames={first: 51, every: 1.5}", {"first": 51, "every": 1.5}),
        ("note=", ""),
        ("note=051", "051"),
        ("note=1e3", "1e3"),
        ("results=2023", "2023"),
        ("buckets=4", 4),
        ("stages=[051, 060]", ["051", "060"]),
        ("stages={051: 0.2, 060: 1}", {"051": "0.2", "060": "1"}),
        ("stages={from: 51, to: 195, every: 9}", {"from": 51, "to": 195, "every": 9}),
        ("evaluate={top_k: [1, 2]}", {"top_k": [1, 2]}),
        ("tune={learning_rate: [1e-4, 0.01], folds: auto}", {"learning_rate": [1e-4, 0.01], "folds": "auto"}),
        ("compare={variants: {a: {train: {epochs: 3}}}}", {"variants": {"a": {"train": {"epochs": 3}}}}),
        ("other={a: 1}", {"a": "1"}),
    ],
)
def test_values_of_the_command_line_have_the_type_of_their_setting(entry, expected):
    key = entry.split("=")[0]
    given = parse_config([entry])
    files = {"hardware": {"gpu": False, "workers": 2}, "raw": ["raw"]}
    config = files | given | ({key: files[key] | given[key]} if key in files else {})
    result = from_command_line(config, given, [entry], SCHEMA)
    assert result[key] == expected and type(result[key]) is type(expected)
    assert result["raw"] == ["raw"]


def test_a_number_that_is_not_finite_is_named():
    for config in ({"split": {"train": float("nan")}}, {"split": {"train": [1, float("inf")]}}):
        with pytest.raises(FlystageError, match=r"split\.train.*(nan|inf)"):
            refuse_not_finite(config)
    refuse_not_finite({"split": {"train": 0.5}, "raw": ["nan"], "note": "inf"})
