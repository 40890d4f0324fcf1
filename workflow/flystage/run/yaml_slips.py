"""Refuse keys and values that YAML 1.1 reads as something else than is written: 060 as 48, 1:20 as 80, no as false."""

import re

import yaml

from flystage.core.errors import FlystageError

STANDARD = (
    "str",
    "int",
    "float",
    "bool",
    "null",
    "timestamp",
    "map",
    "seq",
    "merge",
)  # tags of values that settings have
OCTAL = re.compile(r"[+-]?0[\d_]+")
NAMES = "stages"  # the setting whose keys and entries may be numbers that a person means as names


def refuse_slips(path, root):
    """Raise FlystageError with the place and what to type if YAML misreads something in a configuration file.

    path: of the file. root: its MappingNode, as `yaml.compose` returns it.
    """
    _refuse_in(path, root, (), {})


def as_written(paths, place, value):
    """Return the text that a configuration file has for a plain value; None if no file has this value at this place.

    paths: of configuration files, of which the last counts. place: keys and places in lists. value: as YAML reads it.
    """
    for path in reversed(paths):
        with open(path, encoding="utf-8-sig") as file:
            node = yaml.compose(file)
        for part in place:
            node = _below(node, part)
        if isinstance(node, yaml.ScalarNode) and yaml.safe_load(yaml.serialize(node)) == value:
            return node.value
    return None


def _below(node, part):
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part]
    return None


def _refuse_in(path, node, place, known):
    """Check a node and all below it once. place: names above it. known: {id of a node: whether it is still being checked}."""
    if id(node) in known:
        if known[id(node)]:
            raise FlystageError(f"{_where(path, node, place)}: the value contains itself (*). Write it out.")
        return
    known[id(node)] = True
    _refuse_tag(path, node, place)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _refuse_key(path, key, place)
            _refuse_in(path, value, (*place, str(key.value)), known)
    elif isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            if place == (NAMES,) and isinstance(entry, yaml.ScalarNode):
                _refuse_name(path, entry, place, "an entry")
            _refuse_in(path, entry, place, known)
    else:
        _refuse_value(path, node, place)
    known[id(node)] = False


def _where(path, node, place):
    return f"{path}, {'.'.join(place) or 'line'}{', line' if place else ''} {node.start_mark.line + 1}"


def _refuse_tag(path, node, place):
    if _kind(node) not in STANDARD:
        its_tag = node.tag if node.tag.startswith("!") or not isinstance(node.value, str) else ""
        written = f"{its_tag} {node.value if isinstance(node.value, str) else ''}".strip()
        raise FlystageError(
            f"{_where(path, node, place)}: {written} has a special meaning in YAML. Put the text in single quotes."
        )


def _refuse_key(path, key, place):
    if not isinstance(key, yaml.ScalarNode):
        raise FlystageError(
            f"{_where(path, key, place)}: a key is a list or a group. Write a name, a colon and a space before the value."
        )
    if place == (NAMES,):
        _refuse_name(path, key, place, "a key")
    elif _kind(key) not in ("str", "merge"):
        if not key.value:
            raise FlystageError(f"{_where(path, key, place)}: a name is missing before the colon. Write it.")
        raise FlystageError(
            f'{_where(path, key, place)}: YAML reads the name {key.value} as {_meaning(key)}. Write "{key.value}" in quotes.'
        )


def _refuse_name(path, node, place, what):
    """Refuse a stage's name that is not the text or the number that is written."""
    harmless = _kind(node) in ("str", "merge") or re.fullmatch(r"[+-]?(0|[1-9]\d*)(\.\d*)?|[+-]?\.\d+", node.value)
    if harmless:
        return
    if not node.value:
        raise FlystageError(f"{_where(path, node, place)}: {what} is empty. Delete it, or write the name of a stage.")
    plain = node.value.lstrip("+-0") or "0"
    time = f" for the stage of that name, or {plain} for the time" if _is_octal(node) and what == "an entry" else ""
    raise FlystageError(
        f"{_where(path, node, place)}: YAML reads {node.value} as {_meaning(node)}."
        f' Write "{node.value}" in quotes{time}.'
    )


def _refuse_value(path, node, place):
    """Refuse a value that has another meaning than it seems: octal, base 60, a date, or no number at all."""
    kind, where = _kind(node), _where(path, node, place)
    if kind == "float" and node.value.lower().lstrip("+-") in (".nan", ".inf"):
        raise FlystageError(f"{where}: {node.value} is not a number to calculate with. Write a number.")
    if kind in ("int", "float") and ":" in node.value:
        minutes = (
            f' Write "{number_of(node):g} min" if you mean hours and minutes.'
            if place[:1] == (NAMES,) and node.value.count(":") == 1
            else f' Write "{node.value}" in quotes if it is text, or one number.'
        )
        raise FlystageError(f"{where}: YAML reads {node.value} as {_meaning(node)}.{minutes}")
    if _is_octal(node):
        plain = node.value.lstrip("+-0") or "0"
        raise FlystageError(
            f"{where}: YAML reads {node.value} as {_meaning(node)}. Write {plain} for the number,"
            f' or "{node.value}" in quotes for text.'
        )
    if kind == "timestamp":
        raise FlystageError(f'{where}: YAML reads {node.value} as a date. Write "{node.value}" in quotes.')


def _kind(node):
    return node.tag.removeprefix("tag:yaml.org,2002:")


def _is_octal(node):
    return _kind(node) == "int" and OCTAL.fullmatch(node.value) is not None


def number_of(node):
    """Return the number that YAML reads; None if it reads something else."""
    if _kind(node) not in ("int", "float"):
        return None
    constructor = yaml.constructor.SafeConstructor()
    return constructor.construct_yaml_int(node) if _kind(node) == "int" else constructor.construct_yaml_float(node)


def _meaning(node):
    """Return in words what YAML reads."""
    kind = _kind(node)
    if kind == "bool":
        return "true" if node.value.lower() in ("true", "yes", "on") else "false"
    if kind == "null":
        return "nothing"
    if kind == "timestamp":
        return "a date"
    base = "octal number " if _is_octal(node) else "number "
    return f"the {base}{number_of(node):.12g}{' (base 60)' if ':' in node.value else ''}"
