"""Write pages from templates, with numbers that name their source and with figures inside the page."""

import re
from pathlib import Path

import jinja2
from markupsafe import Markup

from flystage.core.disclosure import file_shown
from flystage.core.files import written_whole
from flystage.network.classifiers import asks_for_more

WAYS = {  # to format a number
    "percent": lambda number: f"{100 * number:.1f} %",
    "whole": lambda number: f"{100 * number:.0f}",  # for the ends of a share's interval
    "signed": lambda number: f"{100 * number:+.1f}",
    "tenth": lambda number: f"{number:.1f}",
    "change": lambda number: f"{number:+.1f}",
    "thousandth": lambda number: f"{number:.3f}",
    "general": lambda number: f"{number:g}",
    "count": lambda number: f"{number:.0f}",
}


def render(template, path, **values):
    """Write the page `path` from the Jinja template file `template`. All text is escaped."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.loader = jinja2.FileSystemLoader(Path(template).parent)
    environment.filters["percent"] = WAYS["percent"]
    environment.filters["asks_for_more"] = asks_for_more
    environment.filters["file_shown"] = file_shown
    environment.filters["interval"] = lambda pair: f"{100 * pair[0]:.0f} to {100 * pair[1]:.0f} %"
    page = environment.get_template(Path(template).name).render(**values)
    with written_whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def quoting(records):
    """Return a function for templates that formats a number of `records` and notes where it comes from.

    records: {name: record of plain values}. The function takes a key of WAYS, then the name and the keys that lead to the number.
    It returns <data value="0.5" data-at="name/key/...">50.0 %</data>, or a dash where there is no number.
    """

    def quoted(way, *keys):
        number = records
        for key in keys:
            known = isinstance(number, list) or number and key in number
            number = number[key] if known else None
        if number is None or number != number:
            return Markup('<span class="none">–</span>')
        at = "/".join(str(key).replace("~", "~0").replace("/", "~1") for key in keys)  # as in a JSON pointer
        return Markup('<data value="{}" data-at="{}">{}</data>').format(repr(float(number)), at, WAYS[way](number))

    return quoted


def inline_svg(path, description):
    """Return an SVG of `drawing.save` as HTML that fits its column. description: text for screen readers."""
    text = Path(path).read_text(encoding="utf-8")
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text[text.index("<svg") :], flags=re.DOTALL)
    used = set(re.findall(r"#([\w.-]+)", text))
    text = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", text)
    view = re.search(r'viewBox="[^"]*"', text)[0]
    head = Markup('<svg {} role="img" aria-label="{}" xmlns:xlink="http://www.w3.org/1999/xlink">').format(
        Markup(view), description
    )
    return Markup(head + Markup(text[text.index(">") + 1 :]))
