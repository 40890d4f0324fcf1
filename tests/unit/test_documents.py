"""README and docs agree with the repository: settings, rules, links and commands."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import make_settings  # docs/make_settings.py
import make_workflow  # docs/make_workflow.py

REPOSITORY = Path(__file__).parents[2]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", make_settings.texts(), ids=lambda path: path.name)
def test_settings_pages_match_the_schema(path):
    assert path.read_text(encoding="utf-8") == make_settings.texts()[path], "run `make docs`"


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_have_targets(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(linked), f"{page.name}: {target}"


def test_readme_leads_to_every_page():
    waiting, reached = [REPOSITORY / "README.md"], set()
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = re.findall(r"\]\(([^)#\s]+\.md)", page.read_text(encoding="utf-8"))
        waiting += {(page.parent / link).resolve() for link in links if "://" not in link} - reached
    assert set(PAGES) <= reached


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_existing_commands(page):
    targets = set(re.findall(r"^([a-z-]+):.*##", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = re.findall(r"(?:`|^    )make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) <= targets


def test_the_table_of_rules_follows_the_workflow():
    text = make_workflow.CONTRIBUTING.read_text(encoding="utf-8")
    assert text == make_workflow.with_part(make_workflow.CONTRIBUTING, "rules", make_workflow.table()), (
        "run `make docs`"
    )
    assert {path.name for path in (REPOSITORY / "workflow/scripts").glob("*.py")} == {
        script for _, scripts in make_workflow.rules().values() for script in scripts
    }
    assert "| `prepare` | `images.smk` | `prepare.py` | `images/preparing.prepare_bucket` |" in text


def test_citation_and_environment_name_one_version():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert f"## {project['version']} " in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
