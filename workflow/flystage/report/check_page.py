"""Write the page of the data check: what was found, and pictures of every stage as they will be stored."""

import base64
import os
from itertools import groupby

import cv2

from flystage.dataset.splitting import SPLITS
from flystage.raw.naming import picture_name
from flystage.report.templates import render

WIDTH = 200  # pixels of a picture on the page


def write_check_page(findings, data_set, config, template, path):
    """Write the page.

    findings: of `look`. data_set: the DataSet. config: the checked configuration. template, path: the file of the template and
    of the page.
    """
    by_split = {split: sorted(name for name, its in data_set.split_of.items() if its == split) for split in SPLITS}
    looks = {
        stage: [_shown(each) for each in group]
        for stage, group in groupby(findings.looks, lambda each: each.image.stage)
    }
    render(
        template,
        path,
        lines=findings.lines,
        faults=findings.faults,
        warnings=findings.warnings,
        stages=findings.stages,
        rows=findings.stage_rows,
        looks=looks,
        by_split=by_split,
        images=len([image for image in data_set.found.images if not image.status]),
        set_aside=[image for image in data_set.found.images if image.status],
        method=config["image"]["normalize"],
        note=config["note"],
    )


def _shown(look):
    facts = look.facts
    kind = "{dtype}, {width} x {height}, {minimum:g} to {maximum:g}".format_map(facts) if facts else ""
    return {
        "name": picture_name(os.path.basename(look.image.path), look.image.frame),
        "folder": os.path.dirname(look.image.path),
        "embryo": look.image.embryo,
        "reason": look.reason,
        "facts": kind,
        "clipped": facts.get("clipped"),
        "levels": f"{facts['levels']} grey levels, {facts['left']} of them left after scaling"
        if "left" in facts
        else "",
        "picture": None if look.picture is None else _jpeg(look.picture),
    }


def _jpeg(picture):
    small = cv2.resize(picture, (WIDTH, WIDTH), interpolation=cv2.INTER_AREA)
    return base64.b64encode(cv2.imencode(".jpg", small)[1]).decode()
