"""Write config.yaml and docs/settings.md from the schema, which describes every setting once: `make docs`."""

import sys
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[1]
SCHEMA = REPOSITORY / "workflow/schemas/config.schema.yaml"
COLUMN = 26  # column at which comments begin in config.yaml
PAGE = """# Every setting

`make docs` writes this page and [config.yaml](../config.yaml) from
[the schema](../workflow/schemas/config.schema.yaml).
Put the settings that you change into your own file.
[What runs again](rerunning.md) lists the effect of each change.

"""


def config_text(schema):
    """Return the text of config.yaml: every setting with its default and its description."""
    lines = [f"# {line}" for line in schema["description"].splitlines()]
    after_section = True
    for name, setting in schema["properties"].items():
        described = _yaml_lines(name, setting, "")
        if after_section or len(described) > 1:
            lines.append("")
        lines += described
        after_section = len(described) > 1
    return "\n".join(lines) + "\n"


def settings_page(schema):
    """Return the text of docs/settings.md: a table with a row for each setting."""
    rows = ["| setting | default | meaning |", "|---|---|---|", *_rows(schema, "")]
    return PAGE + "\n".join(rows) + "\n"


def _yaml_lines(name, setting, indent):
    """Return the lines of one setting, or of a section with its settings."""
    key = f"{indent}{name}:"
    if "properties" not in setting:
        key += f" {_value(setting['default'])}"
    comments = setting.get("description", "").splitlines()
    if len(comments) > 1:
        lines = [f"{indent}# {comment}" for comment in comments] + [key]
    else:
        lines = [f"{key:<{COLUMN - 2}}  # {comments[0]}" if comments else key]
    for child, of_child in setting.get("properties", {}).items():
        lines += _yaml_lines(child, of_child, f"{indent}  ")
    return lines


def _value(value):
    """Return a default as YAML on one line."""
    if isinstance(value, str) and "\\" in value:
        return f"'{value}'"  # quotes are not needed here, but users copy it into quotes
    if value == "":
        return '""'
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("\n...")


def _rows(schema, prefix):
    for name, setting in schema["properties"].items():
        words = " ".join(setting.get("description", "").splitlines())
        words = ". ".join(filter(None, [words, setting.get("details")]))
        if "properties" in setting:
            if words:
                yield f"| **`{prefix}{name}`** | | {_words(words)} |"
            yield from _rows(setting, f"{prefix}{name}.")
        else:
            yield f"| `{prefix}{name}` | `{_value(setting['default'])}` | {_words(words)} |"


def _words(text):
    """Return text for a cell of the table, in which a <name> is not HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def texts():
    """Return {path: its text} of the pages that this script writes."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return {REPOSITORY / "config.yaml": config_text(schema), REPOSITORY / "docs/settings.md": settings_page(schema)}


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(REPOSITORY), file=sys.stderr)
