"""Pages from templates."""

from pathlib import Path

import jinja2

from flystage.core.files import written_whole
from flystage.network.classifiers import asks_for_more


def render(template, path, **values):
    """Write the page `path` from the Jinja template file `template`; all text is escaped."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.loader = jinja2.FileSystemLoader(Path(template).parent)
    environment.filters["percent"] = lambda share: f"{100 * share:.1f} %"
    environment.filters["asks_for_more"] = asks_for_more
    environment.filters["interval"] = lambda pair: f"{100 * pair[0]:.0f} to {100 * pair[1]:.0f} %"
    page = environment.get_template(Path(template).name).render(**values)
    with written_whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
