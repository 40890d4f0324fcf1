"""What the pages say of a network's licence; the templates around it are tried by whole runs."""

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
def test_a_licence_is_said_and_one_that_asks_for_more_stands_out(tmp_path, source, licence):
    words, stands_out = SAID[source, licence]
    shutil.copy(REPORT / "network.html.j2", tmp_path)
    (tmp_path / "page.html.j2").write_text(TEMPLATE, encoding="utf-8")
    network = {"name": "resnet50", "source": source, "licence": licence}
    render(tmp_path / "page.html.j2", tmp_path / "page.html", network=network)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith(words)
    assert (
        f'<p class="alarm">The weights of resnet50 have the licence <strong>{licence or "not stated"}' in page
    ) == stands_out
