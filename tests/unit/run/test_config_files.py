"""Unreadable configuration files give a message with the file, the line and the fix."""

import re

import pytest

from flystage.core.errors import FlystageError
from flystage.run.config_files import check_config_file


def sentence(path):
    with pytest.raises(FlystageError) as refused:
        check_config_file(str(path))
    assert "\n" not in str(refused.value) and str(path) in str(refused.value)
    return str(refused.value).replace(str(path), "FILE")


ERRORS = {  # text of the file; facts of the message in their order
    "tab": ("raw: [a]\nsplit:\n\ttrain: 1\n", "line 3: ... tab ... spaces ... train: 1"),
    "tab after spaces": ("split:\n  train: 1\n \tval: 1\n", "line 3: ... tab ... spaces"),
    "indented": ("raw: [a]\n results: x\n", "line 2: ... indentation ... results: x"),
    "indented deeper": ("split:\n  train: 1\n   val: 1\n", "line 3: ... indentation ... val: 1"),
    "indented less": ("split:\n    train: 1\n  val: 1\n", "line 3: ... indentation ... val: 1"),
    "double quotes": ('raw: a\nname_pattern: "(\\d+)"\n', "line 2: ... backslash ... double quotes ... single quotes"),
    "double quotes that YAML takes": ('name_pattern: "\\b(?P<embryo>x)"\n', "line 1: ... backslash ... double quotes"),
    "quote left out": ('raw: [a]\nnote: "abc\nresults: x\n', "line 2: ... quotation mark ... missing"),
    "quote within quotes": ("raw: [a]\nnote: 'it's'\n", "line 2: ... quotation mark within quotes ... twice"),
    "bracket left out": ("raw: [a, b\nresults: x\n", "line 1: ... bracket"),
    "colon left out": ("results: x\nraw [a]\n", "line 2: ... colon ... missing"),
    "no space": ("raw:[a]\n", "line 1: ... contains text ... name: value"),
    "a colon too many": ("note: a: b\n", "line 1: ... indentation ... colon ... quotes"),
    "a sign": ("note: @me\n", "line 1: ... special character ... single quotes"),
    "an alias": ("raw: a\nnote: *me\n", "line 2: ... special character ... single quotes"),
    "a control character": ("raw: a\nnote: a\x01\n", "line 2: ... character ... YAML ... Delete"),
    "two documents": ("raw: a\n---\nnote: b\n", "line 2: ... second document"),
    "an equals sign": ("[tune]\ntrials = 3\n", "line 2: ... name: value ... = ... trials = 3"),
    "JSON with a setting twice": ('{"raw": "a", "tune": {"trials": 3, "trials": 4}}', "duplicate key trials"),
    "a number twice": ("stages: {51: 1, 51.0: 2}", "duplicate key stages.51.0"),
    "a value that YAML misreads": ("note: 12:30:00\n", "FILE, note, line 1: ... 45000"),
    "empty": ("", "FILE is empty"),
    "comments only": ("# nothing yet\n", "FILE is empty"),
    "a list": ("# mine\n- raw: a\n- results: b\n", "line 2: ... a list ... settings"),
    "text": ("all of it", "line 1: ... contains text ... settings"),
    "a setting twice": ("raw: a\nresults: b\nraw: c\n", "line 3: ... duplicate key raw ... line 1"),
    "twice in a group": ("split: {train: 1, train: 2}\n", "line 1: ... duplicate key split.train ... line 1"),
    "twice in a list": ("stages: [{a: 1, a: 2}]\n", "duplicate key stages.a "),
}  # fmt: skip


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_is_one_message_with_the_line(tmp_path, error):
    text, expected = ERRORS[error]
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    message = sentence(path)
    assert message.startswith(("The configuration file FILE", "FILE, "))
    assert re.search(".*".join(map(re.escape, expected.split(" ... "))), message), message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('raw: a\nnote: "café"\n'.encode("latin-1"), ["line 2: ", "Latin-1", "'note: \"café\"'", "UTF-8"]),
        ("raw: a\n".encode("utf-16"), ["line 1: ", "UTF-16", "UTF-8"]),
        ("raw: a\n".encode("utf-16-be"), ["UTF-16"]),
        ("raw: a\n".encode("utf-16-le"), ["UTF-16"]),
    ],
)  # fmt: skip
def test_another_encoding_is_named(tmp_path, content, expected):
    (tmp_path / "mine.yaml").write_bytes(content)
    message = sentence(tmp_path / "mine.yaml")
    assert all(fact in message for fact in expected)


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
def test_valid_files_pass(tmp_path, content):
    (tmp_path / "mine.yaml").write_bytes(content)
    check_config_file(str(tmp_path / "mine.yaml"))


def test_a_misspelled_file_name_is_named_with_a_similar_one(tmp_path):
    (tmp_path / "mine.yaml").write_text("raw: a\n")
    assert f" {tmp_path}/mine.yaml?" in sentence(tmp_path / "mien.yaml")
    assert "Correct its name" in sentence(tmp_path / "nowhere" / "zzz.yaml")
    assert "before --configfile" in sentence(tmp_path / "predict")
    assert "is a folder" in sentence(tmp_path)


def test_a_file_without_read_permission_is_named(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "mine.yaml").write_text("raw: a\n")
    monkeypatch.setattr("builtins.open", refused)
    assert "(Permission denied)" in sentence(tmp_path / "mine.yaml")
