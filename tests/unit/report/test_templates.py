"""The pages name the licence of the network's weights and highlight one with special terms."""

import shutil
from pathlib import Path

import pytest

from flystage.report.templates import render

REPORT = Path(__file__).parents[3] / "workflow/report"

TEMPLATE = '{% from "network.html.j2" import named, terms %}{{ named(network) }} {{ terms(network) }}'
SAID = {  # source, licence: what is said, and whether it stands out
    ("none", ""): ("resnet50 (random weights)", False),
    ("imagenet", "BSD-3-Clause"): ("resnet50 (imagenet weights, licence BSD-3-Clause)", False),
    ("pretrained", "cc-by-nc-4.0"): ("resnet50 (pretrained weights, licence cc-by-nc-4.0)", True),
    ("pretrained", ""): ("resnet50 (pretrained weights, licence not stated)", True),
    ("mine.pth", ""): ("resnet50 (mine.pth weights, licence not stated)", False),
    ("mine.pth", "dinov3-license"): ("resnet50 (mine.pth weights, licence dinov3-license)", True),
}


@pytest.mark.parametrize(("source", "licence"), SAID)
def test_page_names_the_licence_and_highlights_special_terms(tmp_path, source, licence):
    words, stands_out = SAID[source, licence]
    shutil.copy(REPORT / "network.html.j2", tmp_path)
    (tmp_path / "page.html.j2").write_text(TEMPLATE, encoding="utf-8")
    network = {"name": "resnet50", "source": source, "licence": licence}
    render(tmp_path / "page.html.j2", tmp_path / "page.html", network=network)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith(words)
    assert ('<p class="alarm">' in page) == stands_out
    assert (f"<strong>{licence or 'not stated'}</strong>" in page) == stands_out
