"""Configuration files that YAML or Snakemake cannot read: one sentence with the file, the line and what to do."""

import pytest

from flystage.core.errors import FlystageError
from flystage.run.config_files import check_config_file


def sentence(path):
    with pytest.raises(FlystageError) as refused:
        check_config_file(str(path))
    assert "\n" not in str(refused.value) and str(path) in str(refused.value)
    return str(refused.value).replace(str(path), "FILE")


MISTAKES = {
    "tab": ("raw: [a]\nsplit:\n\ttrain: 1\n", "line 3: it begins with a tab; indent with spaces: train: 1"),
    "tab after spaces": ("split:\n  train: 1\n \tval: 1\n", "line 3: it begins with a tab"),
    "indented": ("raw: [a]\n results: x\n", "line 2: it is indented otherwise"),
    "indented deeper": ("split:\n  train: 1\n   val: 1\n", "line 3: it is indented otherwise"),
    "indented less": ("split:\n    train: 1\n  val: 1\n", "line 3: it is indented otherwise"),
    "double quotes": ('raw: a\nname_pattern: "(\\d+)"\n', "line 2: a backslash within double quotes means something else"),
    "double quotes that YAML takes": ('name_pattern: "\\b(?P<embryo>x)"\n', "line 1: a backslash within double quotes"),
    "quote left out": ('raw: [a]\nnote: "abc\nresults: x\n', "line 2: a quotation mark is missing at the end"),
    "quote within quotes": ("raw: [a]\nnote: 'it's'\n", "line 2: there is a quotation mark within quotes; write it twice"),
    "bracket left out": ("raw: [a, b\nresults: x\n", "line 1: a bracket is not closed"),
    "colon left out": ("results: x\nraw [a]\n", "line 2: a colon with a space behind it is missing"),
    "no space": ("raw:[a]\n", "line 1: it is text, and must be settings"),
    "a colon too many": ("note: a: b\n", "line 1: it is indented otherwise than the lines around it, the line above has no"),
    "a sign": ("note: @me\n", "line 1: text that begins with such a sign must stand in single quotes"),
    "an alias": ("raw: a\nnote: *me\n", "line 2: text that begins with such a sign must stand in single quotes"),
    "a control character": ("raw: a\nnote: a\x01\n", "line 2: it has a character that YAML does not take"),
    "two documents": ("raw: a\n---\nnote: b\n", "line 2: it is not YAML"),
    "empty": ("", "FILE is empty"),
    "remarks alone": ("# nothing yet\n", "FILE is empty"),
    "a list": ("# mine\n- raw: a\n- results: b\n", "line 2: it is a list, and must be settings"),
    "text": ("all of it", "line 1: it is text"),
    "a setting twice": ("raw: a\nresults: b\nraw: c\n", "line 3: raw stands there again, after line 1; keep one of them"),
    "twice in a group": ("split: {train: 1, train: 2}\n", "line 1: split.train stands there again"),
    "twice in a list": ("stages: [{a: 1, a: 2}]\n", "stages.a stands there again"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence_with_the_line(tmp_path, mistake):
    text, expected = MISTAKES[mistake]
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    told = sentence(path)
    assert told.startswith("The configuration file FILE") and expected in told


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('raw: a\nnote: "café"\n'.encode("latin-1"), "line 2: it is not saved as UTF-8 (perhaps as Latin-1) at 'note: \"café\"'"),
        ("raw: a\n".encode("utf-16"), 'line 1: it is saved as UTF-16 ("Unicode"); save it as UTF-8'),
        ("raw: a\n".encode("utf-16-be"), "it is saved as UTF-16"),
        ("raw: a\n".encode("utf-16-le"), "it is saved as UTF-16"),
    ],
)  # fmt: skip
def test_another_encoding_is_told(tmp_path, content, expected):
    (tmp_path / "mine.yaml").write_bytes(content)
    assert expected in sentence(tmp_path / "mine.yaml")


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfraw: [a]\r\nresults: b\r\n",
        "note: früh, 蠅\n".encode(),
        b'{\n\t"raw": ["a"],\n\t"results": "b"\n}\n',
        b"x: &same {b: 1}\ny: {<<: *same, c: 1}\nz:\n  b: 1\n",
        b"name_pattern: '\\b(?P<embryo>x)'\n",
        b'note: "two\\nlines"\n',
    ],
    ids=["mark", "letters", "JSON", "the same name elsewhere", "single quotes", "a line break that is meant"],
)
def test_what_is_right_is_left_alone(tmp_path, content):
    (tmp_path / "mine.yaml").write_bytes(content)
    check_config_file(str(tmp_path / "mine.yaml"))


def test_a_misspelled_name_is_told_with_what_was_meant(tmp_path):
    (tmp_path / "mine.yaml").write_text("raw: a\n")
    assert f"did you mean {tmp_path}/mine.yaml?" in sentence(tmp_path / "mien.yaml")
    assert "correct its name" in sentence(tmp_path / "nowhere" / "zzz.yaml")
    assert "if it is a target, write it before --configfile" in sentence(tmp_path / "predict")
    assert "is a folder" in sentence(tmp_path)


def test_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "mine.yaml").write_text("raw: a\n")
    monkeypatch.setattr("builtins.open", refused)
    assert "cannot be read (Permission denied)" in sentence(tmp_path / "mine.yaml")
