"""A key or a value that YAML reads as something else than is written gives a message with the place and what to type."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flystage.core.errors import FlystageError
from flystage.run.yaml_slips import as_written, refuse_slips


def check(text):
    refuse_slips("FILE", yaml.compose(text))


SLIPS = {  # text of the file; facts of the message in their order
    "octal keys": ("stages: {008: 0.2, 010: 4.3}", "FILE, stages, line 1: ... 010 ... octal ... 8. ... \"010\""),
    "an octal entry": ("stages: [051, 060]", "stages, line 1: ... 051 ... octal ... 41 ... \"051\" ... 51"),
    "an octal bound": ("stages:\n  from: 51\n  to: 0144\n  every: 9", "stages.to, line 3: ... octal ... 100 ... 144"),
    "an octal value": ("image: {angles: [045, 90]}", "image.angles, line 1: ... octal ... 37 ... Write 45"),
    "an octal text": ("note: 007", "note, line 1: ... octal ... 7 ... \"007\""),
    "base 60 in a time": ('stages: {"051": 1:20}', "stages.051, line 1: ... 1:20 ... 80 (base 60) ... \"80 min\""),
    "base 60 in a name": ("stages: [1:27, 51]", "stages, line 1: ... 1:27 ... 87 ... \"1:27\""),
    "base 60 in a key": ("stages: {1:27: 3}", "stages, line 1: ... 87 ... \"1:27\""),
    "base 60 in a text": ("note: 12:30:00", "note, line 1: ... 45000 ... \"12:30:00\""),
    "base 60 with a fraction": ("frames: {first: 1:20.5}", "frames.first, line 1: ... 80.5 (base 60)"),
    "a stage that is a truth value": ("stages: [TRUE, NA]", "stages, line 1: ... TRUE as true ... \"TRUE\""),
    "stages that are truth values": ("stages: {no: 1, on: 2}", "stages, line 1: ... no as false ... \"no\""),
    "a stage that is nothing": ("stages: [a, ~]", "~ as nothing ... \"~\""),
    "an empty stage": ("stages:\n  - a\n  -\n", "stages, line 3: ... empty ... Delete"),
    "a stage that is a date": ("stages: [2023-08-11, a]", "a date ... \"2023-08-11\""),
    "a stage with an underscore": ("stages: [1_000, a]", "the number 1000 ... \"1_000\""),
    "a hexadecimal stage": ("stages: {0x10: 1}", "the number 16 ... \"0x10\""),
    "a date": ("results: 2023-08-11", "results, line 1: ... a date ... \"2023-08-11\""),
    "an impossible date": ("note: 2023-13-45", "note, line 1: ... a date"),
    "not a number": ("split: {train: .nan}", "split.train, line 1: ... .nan"),
    "infinite": ("max_bad: -.INF", "max_bad, line 1: ... -.INF"),
    "a variant named off": ("compare: {variants: {off: {}}}", "compare.variants, line 1: ... off as false ... \"off\""),
    "a variant named 1": ("compare: {variants: {1: {}}}", "compare.variants, line 1: ... 1 as the number 1 ... \"1\""),
    "a list as a key": ("? [a, b]\n: 1", "line 1: a key is a list"),
    "a tag": ("note: !mine x", "note, line 1: !mine x ... single quotes"),
    "a set": ("note: !!set {a, b}", "note, line 1: ... single quotes"),
    "an equals sign": ("note: =", "note, line 1: = ... single quotes"),
    "a value within itself": ("raw: &here [*here]", "raw, line 1: ... itself"),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_one_message_with_the_place(slip):
    text, expected = SLIPS[slip]
    with pytest.raises(FlystageError) as refused:
        check(text)
    message = str(refused.value)
    assert "\n" not in message and message.startswith("FILE, ")
    assert re.search(".*".join(map(re.escape, expected.split(" ... "))), message), message


@pytest.mark.parametrize(
    "text",
    [
        'stages: ["051", "1:20", "no", "2023-08-11", ~a]',
        "stages: [51, 4.10, -15, +20, .5, 089, 1e3, 0o17]",
        "stages: {51: 1, 60: 2.5, 1-cell: 4.3 h}",
        "stages: {from: 51, to: 195, every: 9}",
        "hardware: {gpu: yes}",
        "labels: ~",
        "image: {max_pixels: 100_000_000}",
        "split: {seed: 0xFF}",
        "note: 0:30",
        "x: &same {b: 1}\ny: {<<: *same}\nz: [*same, *same]",
    ],
)
def test_what_yaml_reads_as_written_passes(text):
    check(text)


@given(st.text(st.sampled_from("0123456789:.-+_xeonyfNA~ "), min_size=1, max_size=8))
def test_a_stage_that_passes_is_the_text_or_the_number_that_is_written(written):
    text = f"stages:\n - {written}\n"
    try:
        check(text)
        (node,) = yaml.compose(text).value[0][1].value
    except (yaml.YAMLError, FlystageError):
        return
    if isinstance(node, yaml.ScalarNode):
        (name,) = yaml.safe_load(text)["stages"]
        assert name == node.value or float(node.value) == name


def test_the_text_of_a_value_is_that_of_the_last_file_which_sets_it(tmp_path):
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    files[0].write_text("note: no\nraw: [a, 2023_08_11]\n")
    files[1].write_text("note: off\n")
    assert as_written(files, ["note"], False) == "off"
    assert as_written(files, ["raw", 1], 20230811) == "2023_08_11"
    assert as_written(files, ["note"], True) is None  # from --config
    assert as_written(files, ["split", "train"], 3) is None
