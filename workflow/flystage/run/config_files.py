"""Looking at configuration files before YAML and Snakemake do, with one sentence that names file and line for each mistake."""

import codecs
import difflib
import json
import os
import re

import yaml

from flystage.core.errors import FlystageError

BACKSLASH = "a backslash within double quotes means something else; put regular expressions into single quotes"
CONTROL = re.compile(r"[\x00-\x1f]")


def check_config_file(path):
    """Raise FlystageError when `path` is no configuration: missing, not UTF-8, not YAML, empty, no settings, or one twice."""
    text = _text(path)
    try:
        if isinstance(json.loads(text), dict):
            return
    except ValueError:
        pass  # it is YAML, then
    try:
        root = yaml.compose(text)
    except yaml.YAMLError as error:
        raise FlystageError(_yaml_sentence(path, text, error)) from error
    if root is None:
        raise FlystageError(f"The configuration file {path} is empty: write settings into it, as in config.yaml.")
    if not isinstance(root, yaml.MappingNode):
        kind = "a list" if isinstance(root, yaml.SequenceNode) else "text"
        raise FlystageError(
            f"The configuration file {path}, line {root.start_mark.line + 1}: it is {kind}, and must be settings, each as"
            " `name: value`, as in config.yaml."
        )
    _refuse_slips(path, text, root, "")


def _text(path):
    """The text of a configuration file, in UTF-8 with or without a byte-order mark."""
    if os.path.isdir(path):
        raise FlystageError(f"The configuration file {path} is a folder; name a file in it.")
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError as error:
        folder = os.path.dirname(path) or "."
        there = [
            name for name in (os.listdir(folder) if os.path.isdir(folder) else []) if name.endswith((".yaml", ".yml"))
        ]
        close = difflib.get_close_matches(os.path.basename(path), there, n=1)
        hint = f"did you mean {os.path.join(os.path.dirname(path), close[0])}?" if close else "correct its name."
        if "." not in os.path.basename(path):
            hint = "if it is a target, write it before --configfile."
        raise FlystageError(f"There is no configuration file {path}; {hint}") from error
    except OSError as error:
        raise FlystageError(
            f"The configuration file {path} cannot be read ({error.strerror}); mend its permissions."
        ) from error
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:4]:
        raise FlystageError(
            f'The configuration file {path}, line 1: it is saved as UTF-16 ("Unicode"); save it as UTF-8.'
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        shown = content.split(b"\n")[line - 1].decode("latin-1").strip()
        raise FlystageError(
            f"The configuration file {path}, line {line}: it is not saved as UTF-8 (perhaps as Latin-1) at {shown!r}; save it as UTF-8."
        ) from error


def _yaml_sentence(path, text, error):
    """One sentence for what YAML cannot read: file, line, the line itself, and what is most likely wrong there."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:  # a character that YAML does not take
        position = getattr(error, "position", 0)
        line = text[:position].count("\n") + 1
        return f"The configuration file {path}, line {line}: it has a character that YAML does not take; delete it."
    lines, number = text.splitlines() or [""], mark.line
    problem = getattr(error, "problem", None) or "it is not YAML"
    tabs = [place for place, line in enumerate(lines) if "\t" in line[: len(line) - len(line.lstrip())]]
    if "escape character" in problem:
        what = BACKSLASH
    elif tabs and "\\t" in problem or tabs and abs(tabs[0] - number) <= 1:
        number, what = tabs[0], "it begins with a tab; indent with spaces"
    elif "quoted scalar" in f"{getattr(error, 'context', '')} {problem}":
        number = error.context_mark.line if error.context_mark else number
        what = "a quotation mark is missing at the end"
    elif "mapping values are not allowed" in problem:
        what = (
            "it is indented otherwise than the lines around it, the line above has no colon, or it has one too many (then put"
            " the value into quotes)"
        )
    elif "expected <block end>" in problem:
        what = "it is indented otherwise than the lines around it; settings of one group begin in one column"
        if "<scalar>" in problem:
            what = "there is a quotation mark within quotes; write it twice"
    elif "expected ',' or" in problem:
        number = error.context_mark.line if error.context_mark else number
        what = "a bracket is not closed, or a comma is missing"
    elif "could not find expected ':'" in problem:
        number = error.context_mark.line if error.context_mark else number
        what = "a colon with a space behind it is missing after the setting's name"
    elif "cannot start any token" in problem or "undefined alias" in problem:
        what = "text that begins with such a sign must stand in single quotes"
    else:
        what = f"it is not YAML ({problem})"
    return f"The configuration file {path}, line {number + 1}: {what}: {_line(number, text)}"


def _line(number, text):
    """A line of a text, without what does not show and not too long."""
    lines = text.splitlines() or [""]
    return " ".join(lines[min(number, len(lines) - 1)].split())[:120]


def _refuse_slips(path, text, node, where):
    """What YAML takes without a word: two settings of one name, of which it keeps the last, and \\b as a control character."""
    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            _refuse_slips(path, text, entry, where)
    if not isinstance(node, yaml.MappingNode):
        return
    seen = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        name, line = f"{where}{key.value}", key.start_mark.line + 1
        if name in seen and key.value != "<<":
            raise FlystageError(
                f"The configuration file {path}, line {line}: {name} stands there again, after line {seen[name]}; keep one of them."
            )
        seen[name] = line
        if name == "name_pattern" and isinstance(value, yaml.ScalarNode) and CONTROL.search(value.value.strip()):
            raise FlystageError(
                f"The configuration file {path}, line {line}: {BACKSLASH}: {_line(value.start_mark.line, text)}"
            )
        _refuse_slips(path, text, value, f"{name}.")
