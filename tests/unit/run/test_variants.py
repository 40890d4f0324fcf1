"""Variants of a run: what they may change, and what they share, which must be alike in every setting that decides it."""

from pathlib import Path

import pytest
import yaml

from flystage.run.variants import configurations, data_key, images_are_made, merged, weights_key
from raw_files import sentence

REPOSITORY = Path(__file__).parents[3]
SCHEMA = REPOSITORY / "workflow/schemas/config.schema.yaml"
DEFAULT = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))


def variants(**over):
    config = merged(DEFAULT, {"compare": {"variants": over}})
    return configurations(config, config, SCHEMA)


def test_each_variant_is_the_configuration_with_its_changes_and_is_checked():
    found = variants(plain={}, slow={"train": {"epochs": 7}, "image": {"normalize": {"method": "percentile"}}})
    assert found["plain"]["crossval"]["folds"] == found["slow"]["crossval"]["folds"] == 0
    assert found["plain"]["train"]["epochs"] == DEFAULT["train"]["epochs"]
    assert found["slow"]["train"] == found["plain"]["train"] | {"epochs": 7}
    assert found["plain"]["image"]["normalize"]["method"] == "multiply"
    assert found["slow"]["image"] == found["plain"]["image"] | {"normalize": found["slow"]["image"]["normalize"]}
    assert found["slow"]["image"]["normalize"]["method"] == "percentile"


@pytest.mark.parametrize("name", ["..", ".", "../x", "a/b", "-rf", "", "a b", "a\n", "~", "é", "*"])
def test_a_name_that_leads_out_of_the_folder_or_is_an_option_is_refused(name):
    assert "a name is made of letters" in sentence(variants, **{name: {}})


def test_what_a_variant_cannot_change_and_wrong_values_name_the_variant():
    assert "a variant can change image, model, train, tune, and not split" in sentence(
        variants, x={"split": {"seed": 2}}
    )
    assert sentence(variants, x={"train": {"epochs": -1}}).startswith(
        "Configuration, compare.variants, x: train.epochs"
    )
    assert "there is nothing to compare" in sentence(variants)


IMAGE_CHANGES = (
    {"size": 64}, {"field": 900}, {"normalize": {"method": "percentile"}}, {"normalize": {"factor": 2}}, {"white": 4095},
    {"page": "max"}, {"channel": 2}, {"max_pixels": 1000}, {"angles": [90]}, {"angles": []}, {"max_blank": 0.5}, {"min_levels": 3},
)  # fmt: skip


@pytest.mark.parametrize("change", IMAGE_CHANGES)
def test_pngs_are_shared_by_variants_that_prepare_them_alike_alone(change):
    changed = merged(DEFAULT, {"image": change})
    assert data_key(changed) != data_key(DEFAULT)
    assert data_key(merged(DEFAULT, {"train": {"epochs": 7}})) == data_key(DEFAULT)
    fewer_angles = "angles" in change and set(change["angles"]) <= set(DEFAULT["image"]["angles"])
    assert images_are_made(changed, DEFAULT) == fewer_angles


def test_the_pngs_of_a_run_serve_a_variant_with_no_angle_more():
    run, variant = (merged(DEFAULT, {"image": {"angles": angles}}) for angles in ([90, 180], [90, 180, 270]))
    assert images_are_made(run, variant) and images_are_made(run, run) and not images_are_made(variant, run)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"model": {"backbone": "resnet18"}}, False), ({"model": {"weights": "none"}}, False), ({"train": {"seed": 9}}, False),
        ({"model": {"hidden": [8]}}, True), ({"train": {"epochs": 7}}, True), ({"image": {"angles": []}}, True),
    ],
)  # fmt: skip
def test_starting_weights_are_shared_where_network_weights_and_seed_are_alike(change, same):
    assert (weights_key(merged(DEFAULT, change)) == weights_key(DEFAULT)) == same
