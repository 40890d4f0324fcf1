"""Give a value the type that its setting has: texts such as 1e-4 from YAML, and all values of --config, which come as text."""

import math
import re

from flystage.core.errors import FlystageError

EXPONENT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)[eE][+-]?\d+")  # YAML 1.1 reads 1e-4 as text
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
VARIANTS = ("compare", "variants")  # their settings have the types of the whole configuration


def with_numbers(config, schema):
    """Return the configuration in which a text such as 1e-4 is a number and 4.0 is a whole number where the setting wants one."""
    return _converted(config, schema, schema, (), _number)


def from_command_line(config, given, entries, schema):
    """Return the configuration in which the values of --config have the types of their settings.

    config: nested dict. given: the part of it that --config sets. Snakemake leaves values within lists and groups as text and
    guesses the others, so 051 is 51. entries: the texts after --config, such as ["note=051"].
    """
    texts = dict(entry.split("=", 1) for entry in entries or () if "=" in entry)
    as_text = {key: texts.get(key, value) if isinstance(value, int | float) else value for key, value in given.items()}
    typed = _converted(as_text, schema, schema, (), _typed)
    return _merged(config, typed)


def refuse_not_finite(value, place=()):
    """Raise FlystageError with the name of the setting if a number is not finite, as NaN in a JSON file."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        refuse_not_finite(entry, (*place, str(key)))
    if isinstance(value, float) and not math.isfinite(value):
        raise FlystageError(
            f"Configuration, {'.'.join(place)}: {value} is not a number to calculate with. Write a number."
        )


def _merged(config, typed):
    if not (isinstance(config, dict) and isinstance(typed, dict)):
        return typed
    return config | {key: _merged(config.get(key), value) for key, value in typed.items()}


def _converted(value, schema, root, place, convert):
    """Return a value, or all values of a list or a group, after `convert(value, branches of its schema)`."""
    if place[:-1] == VARIANTS:
        schema = root
    branches = list(_branches(schema, root))
    if isinstance(value, dict):
        return {
            key: _converted(entry, {"anyOf": _of_key(branches, key)}, root, (*place, key), convert)
            for key, entry in value.items()
        }
    if isinstance(value, list):
        items = {"anyOf": [branch["items"] for branch in branches if "items" in branch]}
        return [_converted(entry, items, root, place, convert) for entry in value]
    return convert(value, branches)


def _branches(schema, root):
    """Yield the schemas of which a value must fulfil one, without $ref and anyOf."""
    if "$ref" in schema:
        named = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        schema = named | {key: value for key, value in schema.items() if key != "$ref"}
    if "anyOf" not in schema:
        yield schema
    for branch in schema.get("anyOf", []):
        yield from _branches(branch, root)


def _of_key(branches, key):
    schemas = [branch["properties"][key] for branch in branches if key in branch.get("properties", {})]
    others = (branch.get("additionalProperties") for branch in branches)
    return schemas or [other for other in others if isinstance(other, dict)]


def _kinds(branches):
    """Return the names of the types that are allowed, such as integer. Listed texts count as string."""
    kinds = set()
    for branch in branches:
        named = branch.get("type", [])
        kinds |= {named} if isinstance(named, str) else set(named)
        listed = [*branch.get("enum", []), *([branch["const"]] if "const" in branch else [])]
        kinds |= {"listed" if isinstance(value, str) else "integer" for value in listed}
    return kinds


def _number(value, branches):
    kinds = _kinds(branches)
    if isinstance(value, str) and EXPONENT.fullmatch(value) and kinds & {"integer", "number"} and "string" not in kinds:
        value = float(value)
    whole = isinstance(value, float) and value.is_integer() and "integer" in kinds and "number" not in kinds
    return int(value) if whole else value


def _typed(value, branches):
    kinds = _kinds(branches)
    if value is None and "null" not in kinds and "string" in kinds:
        return ""  # --config note=
    if not isinstance(value, str) or not kinds:
        return value
    if value.lower() in ("null", "none", "~") and "null" in kinds:
        return None
    if "string" in kinds:
        return value
    if "boolean" in kinds and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if NUMBER.fullmatch(value) and kinds & {"integer", "number"}:
        return int(value) if re.fullmatch(r"[+-]?\d+", value) else float(value)
    return value
