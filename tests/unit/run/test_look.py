"""The data check before a run, on small data sets with the folder layouts of labs."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import yaml

from flystage.core.errors import FlystageError
from flystage.dataset.gathering import gather
from flystage.dataset.white import read_white
from flystage.run import look as looking
from flystage.run.look import look
from flystage.run.settings import checked

REPOSITORY = Path(__file__).parents[3]
DEFAULT = (REPOSITORY / "config.yaml").read_text(encoding="utf-8")


def picture(seed, top=2000, dtype=np.uint16):
    return (np.random.default_rng(seed).random((24, 32)) * top).astype(dtype)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """Return a function(names, plane=function of a number, settings) -> (DataSet, Findings) of TIFs of these names."""
    monkeypatch.chdir(tmp_path)

    def of(names, plane=picture, **settings):
        shutil.rmtree("raw", ignore_errors=True)
        for number, name in enumerate(names):
            path = Path("raw", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, plane(number))
        config = yaml.safe_load(DEFAULT) | {
            "model": {"backbone": "resnet18", "weights": "none", "pooling": "mean", "hidden": [8], "dropout": 0}
        }
        config["image"]["size"] = 32
        for key, value in settings.items():
            config[key] = config[key] | value if isinstance(config[key], dict) else value
        config = checked(config, REPOSITORY / "workflow/schemas/config.schema.yaml")
        data_set = gather(config, f"{config['results']}/catalog.csv")
        return data_set, look(config, data_set)

    return of


def embryos(template, stages, number=4, slices=1):
    return [
        template.format(stage=stage, embryo=embryo, slice=slice)
        for stage in stages
        for embryo in range(number)
        for slice in range(slices)
    ]


WORDS = ["1-cell", "64-cell", "30% epiboly", "50% epiboly", "5-somite", "14-somite", "prim-5"]
BY_FOLDER = r"(?P<embryo>E\d+)"
E = {"name_pattern": BY_FOLDER}
STAGE_AND_EMBRYO = {"name_pattern": r"Stage\((?P<stage>\d+)\)-(?P<embryo>E\d+)"}
HOURS = {"stages": {"1-cell": 0.2, "64-cell": 2, "30% epiboly": 4.7}, "time_unit": "h"}


@pytest.mark.parametrize(
    ("template", "stages", "settings", "names", "times", "unit"),
    [
        ("Stage({stage})/Stage({stage})-E00{embryo}-019.tif", ["0060", "0120"], STAGE_AND_EMBRYO,
         ["0060", "0120"], [60, 120], "min"),
        ("Stage({stage})-E00{embryo}-019.tif", ["0060", "0120"], STAGE_AND_EMBRYO,
         ["0060", "0120"], [60, 120], "min"),
        ("E0{embryo}_t{stage}_z2.tif", ["120", "60"], {"name_pattern": r"(?P<embryo>E\d+)_t(?P<stage>\d+)"},
         ["60", "120"], [60, 120], "min"),
        ("{stage}/E{embryo}.tif", WORDS, E | {"stages": WORDS}, WORDS, None, "stages"),
        ("{stage}/E{embryo}.tif", WORDS[:3], E | HOURS,
         WORDS[:3], [0.2, 2, 4.7], "h"),
        ("{stage}/E{embryo}.tif", ["24hpf", "4.7hpf"], E, ["4.7hpf", "24hpf"], [4.7, 24], "h"),
        ("{stage}/E{embryo}.tif", ["0min", "15min", "-15min"], E, ["-15min", "0min", "15min"], [-15, 0, 15], "min"),
        ("{stage}/E{embryo}.tif", ["1,5h", "2h"], E, ["1,5h", "2h"], [1.5, 2], "h"),
        ("{stage}/E{embryo}.tif", ["2dpf", "36hpf"], E, ["36hpf", "2dpf"], [36, 48], "h"),
        ("{stage}/E{embryo}.tif", ["stage14", "stage5", "stage10"], E, ["stage5", "stage10", "stage14"], None, "stages"),
        ("{stage}/E{embryo}.tif", ["HH10+", "HH8"], E, ["HH8", "HH10+"], None, "stages"),
        ("movie_E00{embryo}/{stage}/img1.tif", ["0060", "0120"], {"name_pattern": r"movie_(?P<embryo>[^/]+)/(?P<stage>\d+)/"},
         ["0060", "0120"], [60, 120], "min"),
    ],
)  # fmt: skip
def test_layouts_of_labs_give_stages_in_order_with_times(lab, template, stages, settings, names, times, unit):
    data_set, findings = lab(embryos(template, stages), **settings)
    assert (findings.stages.names, findings.stages.unit) == (tuple(names), unit)
    assert findings.stages.times == (times and tuple(map(float, times)))
    assert len(data_set.split_of) == 4 and set(data_set.split_of.values()) == {"train", "val", "test"}
    assert not findings.faults and not findings.warnings
    assert f"{len(names)} stages, " in "\n".join(findings.lines) and "4 embryos, " in "\n".join(findings.lines)


def test_unknown_embryos_give_a_warning_and_few_jobs(lab):
    data_set, findings = lab(
        embryos("movie_E{embryo}/{stage}/img{slice}.tif", ["0060", "0120"], 9, 10), name_pattern=None
    )
    assert any("(?P<embryo>...)" in warning for warning in findings.warnings)
    assert len(data_set.rows) <= 24 and sum(map(len, data_set.rows.values())) == 180


def test_saturated_brightfield_images_are_an_error_with_a_fix(lab):
    names = embryos("{stage}/E{embryo}.tif", ["051", "060"])
    bright = lambda seed: 30000 + picture(seed, 20000)  # noqa: E731
    (fault,) = lab(names, bright, name_pattern=BY_FOLDER)[1].faults
    assert "8 of 8 images" in fault and "image.normalize: {method: percentile}" in fault and "max_saturated" in fault
    percentile = {"normalize": {"method": "percentile", "factor": 6, "low": 0.5, "high": 99.8}}
    assert not lab(names, bright, name_pattern=BY_FOLDER, image=percentile)[1].faults
    assert not lab(names, bright, name_pattern=BY_FOLDER, max_saturated=1)[1].faults


def test_up_to_a_fifth_of_the_images_may_saturate(lab):
    names = embryos("{stage}/E{embryo}.tif", ["051", "060"], 5)

    def some(count):
        return lambda seed: 30000 + picture(seed, 20000) if seed < count else picture(seed)

    assert not lab(names, some(2), name_pattern=BY_FOLDER)[1].faults  # of ten
    assert lab(names, some(8), name_pattern=BY_FOLDER)[1].faults


def test_a_batch_with_another_type_size_or_brightness_is_a_warning(lab):
    names = embryos("m{slice}/{stage}/E{embryo}.tif", ["051", "060"], 4, 3)

    def odd(dtype=np.uint16, height=24, times=1):
        def plane(number):
            last = names[number].startswith("m2")
            made = picture(number)[: height if last else 24]
            return (made * times).astype(dtype) if last else made

        return plane

    settings = {"name_pattern": "/" + BY_FOLDER}  # the folders m0, m1, m2 hold the same embryos
    assert not lab(names, **settings)[1].warnings
    for other, facts in (
        ({"dtype": np.int32}, ["type", "uint16"]),
        ({"height": 20}, ["size", "32 x 24"]),
        ({"times": 4}, ["brighter", "median"]),
    ):
        warnings = " ".join(lab(names, odd(**other), **settings)[1].warnings)
        assert all(fact in warnings for fact in [*facts, "folder", "raw/m2"]), warnings


def test_sizes_that_differ_everywhere_are_not_a_batch(lab):
    names = embryos("{stage}/E{embryo}.tif", ["051", "060"], 6)
    assert not lab(names, lambda number: picture(number)[: 12 + number], name_pattern=BY_FOLDER)[1].warnings


def test_a_time_that_the_name_does_not_show_follows_it(lab):
    lines = lab(embryos("{stage}/E{embryo}.tif", ["36hpf", "2dpf"]), name_pattern=BY_FOLDER)[1].lines
    assert "  36hpf 4/4, 2dpf (48 h) 4/4" in lines


def test_folders_and_excluded_images_are_listed_with_an_example(lab):
    names = [*embryos("{stage}/E{embryo}.tif", ["051", "060", "069"]), "051/overview.tif"]
    lines = "\n".join(lab(names, name_pattern=BY_FOLDER, stages=["051", "060"], unmatched="exclude")[1].lines)
    assert "13 images found (raw/051: 5, raw/060: 4, raw/069: 4): 8 to use, 5 excluded." in lines
    assert "  4 x stage 069 is not selected, for example E0.tif" in lines
    assert "  1 x its name does not fit name_pattern, for example overview.tif" in lines


def test_new_images_are_counted(lab):
    names = embryos("{stage}/E{embryo}.tif", ["051", "060"])
    Path("results").mkdir()
    Path("results/catalog.csv").write_text("path,frame,embryo,split\nraw/051/E0.tif,,E0,train\n", encoding="utf-8")
    lines = lab(names, name_pattern=BY_FOLDER)[1].lines
    assert any(line.startswith("7 ") and "new since" in line for line in lines)
    Path("results/catalog.csv").unlink()
    assert "new since" not in "\n".join(lab(names, name_pattern=BY_FOLDER)[1].lines)


def test_a_full_or_unwritable_disk_is_an_error(lab, monkeypatch):
    names = embryos("{stage}/E{embryo}.tif", ["051", "060"])
    monkeypatch.setattr(looking.shutil, "disk_usage", lambda place: SimpleNamespace(free=1000))
    (fault,) = lab(names, name_pattern=BY_FOLDER)[1].faults
    assert "GiB free" in fault and "image.size" in fault
    Path("file").write_text("", encoding="utf-8")
    (fault,) = lab(names, name_pattern=BY_FOLDER, results="file/results")[1].faults
    assert "file/results" in fault and "not writable" in fault


def test_floats_have_one_white_level_that_is_kept(lab):
    names = embryos("{stage}/E{embryo}.tif", ["051", "060"])
    data_set, findings = lab(names, lambda seed: picture(seed, 0.16, np.float32), name_pattern=BY_FOLDER)
    assert any("floats" in line and "is taken as 1 " in line and "image.white" in line for line in findings.lines)
    assert read_white(data_set.lock) == 1
    _, findings = lab(names, lambda seed: picture(seed, 200, np.float32), name_pattern=BY_FOLDER)
    assert any("is taken as 1 " in line for line in findings.lines)  # not estimated again
    _, findings = lab(names, lambda seed: picture(seed, 200, np.float32), name_pattern=BY_FOLDER, image={"white": 255})
    assert not any("is taken as" in line for line in findings.lines)


def test_unusable_layouts_give_an_error_or_a_warning(lab):
    some = [*embryos("{stage}/E{embryo}.tif", ["051", "060"]), *embryos("{stage}/overview{embryo}.tif", ["051"])]
    with pytest.raises(FlystageError, match="4 of 12 TIFs, for example 'overview0.tif'"):
        lab(some, name_pattern=BY_FOLDER)
    with pytest.raises(FlystageError, match="8 of 8 embryos have a single image"):
        lab(embryos("{stage}/E{embryo}_{stage}.tif", ["051", "060"]), name_pattern=r"(?P<embryo>E\d+_\d+)")
    _, findings = lab(embryos("{stage}/E{embryo}.tif", ["0180", "180", "36O", "051 "]), name_pattern=BY_FOLDER)
    assert "'0180', '180'" in " ".join(findings.warnings) and "'36O'" in " ".join(findings.warnings)


def test_weights_and_steps_on_aws_are_listed(lab):
    on_aws = {
        "compute": {"train": "sagemaker"},
        "aws": {"bucket": "flies", "role": "arn:aws:iam::123456789012:role/me"},
    }
    lines = lab(embryos("{stage}/E{embryo}.tif", ["051", "060"]), name_pattern=BY_FOLDER, **on_aws)[1].lines
    assert "On AWS, bucket flies: train." in lines
    assert any("resnet18" in line and "random" in line for line in lines)
