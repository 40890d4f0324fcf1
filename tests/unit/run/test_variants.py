"""Variants change only some settings, and share files only if all settings that decide them are equal."""

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


def test_each_variant_is_the_checked_configuration_with_its_changes():
    found = variants(plain={}, slow={"train": {"epochs": 7}, "image": {"normalize": {"method": "percentile"}}})
    assert found["plain"]["crossval"]["folds"] == found["slow"]["crossval"]["folds"] == 0
    assert found["plain"]["train"]["epochs"] == DEFAULT["train"]["epochs"]
    assert found["slow"]["train"] == found["plain"]["train"] | {"epochs": 7}
    assert found["plain"]["image"]["normalize"]["method"] == "multiply"
    assert found["slow"]["image"] == found["plain"]["image"] | {"normalize": found["slow"]["image"]["normalize"]}
    assert found["slow"]["image"]["normalize"]["method"] == "percentile"


@pytest.mark.parametrize("name", ["..", ".", "../x", "a/b", "-rf", "", "a b", "a\n", "~", "é", "*"])
def test_a_name_that_is_not_a_plain_folder_name_is_refused(name):
    message = sentence(variants, **{name: {}})
    assert message.startswith("Configuration, compare.variants, ") and "letters, digits" in message


def test_errors_in_a_variant_name_the_variant():
    message = sentence(variants, x={"split": {"seed": 2}})
    assert message.startswith("Configuration, compare.variants, x: ")
    assert "image, model, train, tune" in message and "split" in message
    assert sentence(variants, x={"train": {"epochs": -1}}).startswith(
        "Configuration, compare.variants, x: train.epochs"
    )
    assert "compare.variants: there is nothing to compare" in sentence(variants)


IMAGE_CHANGES = (
    {"size": 64}, {"field": 900}, {"normalize": {"method": "percentile"}}, {"normalize": {"factor": 2}}, {"white": 4095},
    {"page": "max"}, {"channel": 2}, {"max_pixels": 1000}, {"angles": [90]}, {"angles": []}, {"max_blank": 0.5}, {"min_levels": 3},
)  # fmt: skip


@pytest.mark.parametrize("change", IMAGE_CHANGES)
def test_only_variants_with_equal_image_settings_share_pngs(change):
    changed = merged(DEFAULT, {"image": change})
    assert data_key(changed) != data_key(DEFAULT)
    assert data_key(merged(DEFAULT, {"train": {"epochs": 7}})) == data_key(DEFAULT)
    fewer_angles = "angles" in change and set(change["angles"]) <= set(DEFAULT["image"]["angles"])
    assert images_are_made(changed, DEFAULT) == fewer_angles


def test_a_variant_without_new_angles_uses_the_pngs_of_the_run():
    run, variant = (merged(DEFAULT, {"image": {"angles": angles}}) for angles in ([90, 180], [90, 180, 270]))
    assert images_are_made(run, variant) and images_are_made(run, run) and not images_are_made(variant, run)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"model": {"backbone": "resnet18"}}, False), ({"model": {"weights": "none"}}, False), ({"train": {"seed": 9}}, False),
        ({"model": {"pooling": "mean"}}, False),
        ({"model": {"hidden": [8]}}, True), ({"train": {"epochs": 7}}, True), ({"image": {"angles": []}}, True),
    ],
)  # fmt: skip
def test_starting_weights_are_shared_if_network_weights_and_seed_agree(change, same):
    assert (weights_key(merged(DEFAULT, change)) == weights_key(DEFAULT)) == same
