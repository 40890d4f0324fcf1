"""Check configuration files before Snakemake reads them, with messages that name the file and the line of each error."""

import codecs
import difflib
import json
import os
import re

import yaml

from flystage.core.errors import FlystageError
from flystage.run.yaml_slips import number_of, refuse_slips

BACKSLASH = "a backslash has a special meaning within double quotes. Put regular expressions in single quotes"
ASSIGNED = re.compile(r"^\s*[\w.]+\s*=")
CONTROL = re.compile(r"[\x00-\x1f]")


def check_config_file(path):
    """Raise FlystageError if the file `path` is missing, empty, not UTF-8, not YAML, has no settings or one setting twice."""
    text = _text(path)
    try:
        if isinstance(json.loads(text, object_pairs_hook=lambda pairs: _without_duplicates(path, pairs)), dict):
            return
    except (ValueError, RecursionError):
        pass  # not JSON, so it must be YAML
    try:
        root = yaml.compose(text)
    except yaml.YAMLError as error:
        raise FlystageError(_yaml_sentence(path, text, error)) from error
    if root is None:
        raise FlystageError(f"The configuration file {path} is empty. Write settings into it, as in config.yaml.")
    if not isinstance(root, yaml.MappingNode):
        kind = "a list" if isinstance(root, yaml.SequenceNode) else "text"
        raise FlystageError(
            f"The configuration file {path}, line {root.start_mark.line + 1}: the file contains {kind} instead of settings. Write"
            " each setting as `name: value`, as in config.yaml."
        )
    refuse_slips(path, root)
    _refuse_duplicates(path, text, root, "")


def _without_duplicates(path, pairs):
    """Return the dict of a JSON object. Raises FlystageError if it has a key twice, of which JSON keeps the last."""
    keys = [key for key, _ in pairs]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise FlystageError(f"The configuration file {path}: duplicate key {twice}. Keep only one.")
    return dict(pairs)


def _text(path):
    """Return the text of a configuration file, which must be UTF-8 with or without a byte-order mark."""
    if os.path.isdir(path):
        raise FlystageError(f"The configuration file {path} is a folder. Name a file in it.")
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError as error:
        folder = os.path.dirname(path) or "."
        there = [
            name for name in (os.listdir(folder) if os.path.isdir(folder) else []) if name.endswith((".yaml", ".yml"))
        ]
        close = difflib.get_close_matches(os.path.basename(path), there, n=1)
        hint = f"Did you mean {os.path.join(os.path.dirname(path), close[0])}?" if close else "Correct its name."
        if "." not in os.path.basename(path):
            hint = "If it is a target, write it before --configfile."
        raise FlystageError(f"The configuration file {path} does not exist. {hint}") from error
    except OSError as error:
        raise FlystageError(
            f"The configuration file {path} cannot be read ({error.strerror}). Correct its permissions."
        ) from error
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:4]:
        raise FlystageError(
            f'The configuration file {path}, line 1: the file is saved as UTF-16 ("Unicode"). Save it as UTF-8.'
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        shown = content.split(b"\n")[line - 1].decode("latin-1").strip()
        raise FlystageError(
            f"The configuration file {path}, line {line}: the file is not saved as UTF-8 (perhaps as Latin-1), see {shown!r}. Save it"
            " as UTF-8."
        ) from error


def _yaml_sentence(path, text, error):
    """Return the message for a YAML error: file, line, the text of the line, and what is probably wrong there."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:  # a character that YAML does not allow
        position = getattr(error, "position", 0)
        line = text[:position].count("\n") + 1
        return f"The configuration file {path}, line {line}: the line contains a character that YAML does not allow. Delete it."
    lines, number = text.splitlines() or [""], mark.line
    problem = getattr(error, "problem", None) or "not YAML"
    tabs = [place for place, line in enumerate(lines) if "\t" in line[: len(line) - len(line.lstrip())]]
    if "escape character" in problem:
        what = BACKSLASH
    elif tabs and "\\t" in problem or tabs and abs(tabs[0] - number) <= 1:
        number, what = tabs[0], "the line begins with a tab. Indent with spaces"
    elif "quoted scalar" in f"{getattr(error, 'context', '')} {problem}":
        number = error.context_mark.line if error.context_mark else number
        what = "the closing quotation mark is missing"
    elif "mapping values are not allowed" in problem:
        what = (
            "the line has another indentation than its neighbours, the line above has no colon, or the value contains a colon. Put"
            " a value that contains a colon in quotes"
        )
    elif "expected <block end>" in problem:
        what = "the line has another indentation than its neighbours. Start all settings of a group in the same column"
        if "<scalar>" in problem:
            what = "there is a quotation mark within quotes. Write it twice"
    elif "expected ',' or" in problem:
        number = error.context_mark.line if error.context_mark else number
        what = "a bracket is not closed, or a comma is missing"
    elif "could not find expected ':'" in problem:
        number = error.context_mark.line if error.context_mark else number
        what = "the colon and the space after the name of the setting are missing"
    elif "cannot start any token" in problem or "undefined alias" in problem:
        what = "the text begins with a special character. Put it in single quotes"
    elif "expected a single document" in f"{getattr(error, 'context', '')} {problem}":
        what = "`---` begins a second document in the file. Delete this line, or use two files"
    elif ASSIGNED.search(lines[min(number, len(lines) - 1)]):
        what = "settings are written as `name: value`, with a colon instead of ="
    else:
        what = f"the file is not YAML ({problem})"
    return f"The configuration file {path}, line {number + 1}: {what}. The line is: {_line(number, text)}"


def _line(number, text):
    """Return a line of a text without invisible characters and cut to 120 letters."""
    lines = text.splitlines() or [""]
    return " ".join(lines[min(number, len(lines) - 1)].split())[:120]


def _refuse_duplicates(path, text, node, where):
    """Raise FlystageError for errors that YAML accepts: a duplicate key, and \\b in a name_pattern as a control character."""
    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            _refuse_duplicates(path, text, entry, where)
    if not isinstance(node, yaml.MappingNode):
        return
    seen = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        name, line = f"{where}{key.value}", key.start_mark.line + 1
        same = number_of(key) if number_of(key) is not None else name  # 51 and 51.0 are one key
        if same in seen and key.value != "<<":
            raise FlystageError(
                f"The configuration file {path}, line {line}: duplicate key {name} (first used in line {seen[same]}). Keep only one."
            )
        seen[same] = line
        if name == "name_pattern" and isinstance(value, yaml.ScalarNode) and CONTROL.search(value.value.strip()):
            raise FlystageError(
                f"The configuration file {path}, line {line}: {BACKSLASH}. The line is: {_line(value.start_mark.line, text)}"
            )
        _refuse_duplicates(path, text, value, f"{name}.")
