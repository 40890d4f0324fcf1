"""The version of a script covers all modules that it imports, directly or indirectly."""

import os
import shutil
from pathlib import Path

import pytest

from flystage.run import code_versions

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def library(tmp_path, monkeypatch):
    folder = tmp_path / "flystage"
    folder.mkdir()
    monkeypatch.setattr(code_versions, "LIBRARY", folder)

    def write(**files):
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")

    def of(text):
        script = tmp_path / "script.py"
        script.write_text(text, encoding="utf-8")
        return [Path(module).stem for module in code_versions.modules_of(script)]

    return write, of


def test_imports_are_followed_and_sorted(library):
    write, of = library
    write(
        a="from flystage.b import x\nimport numpy",
        b="import flystage.c",
        c="from flystage import d as other",
        d="",
        unused="",
    )
    assert of("from flystage import a") == ["a", "b", "c", "d"]
    assert of("import flystage.c as c") == ["c", "d"]
    assert of("import os") == []


def test_packages_are_followed_and_names_in_modules_are_ignored(library, tmp_path):
    write, of = library
    (tmp_path / "flystage/deep").mkdir()
    write(a="from flystage.deep.b import x\nfrom flystage.deep import c", d="")
    for name, text in {"__init__": "", "b": "from flystage.d import y", "c": ""}.items():
        (tmp_path / f"flystage/deep/{name}.py").write_text(text)
    assert sorted(of("from flystage import a")) == ["__init__", "a", "b", "c", "d"]


def test_lazy_imports_count(library):
    write, of = library
    write(a="def f():\n    if True:\n        from flystage.b import x\n", b="")
    assert of("def g():\n    from flystage.a import f") == ["a", "b"]


def test_circular_imports_end(library):
    write, of = library
    write(a="import flystage.b", b="import flystage.a")
    assert of("import flystage.a") == ["a", "b"]


def test_scripts_of_the_workflow_import_existing_modules_only():
    scripts = sorted((REPOSITORY / "workflow" / "scripts").glob("*.py"))
    assert len(scripts) > 8
    for script in scripts:
        found = code_versions.modules_of(script)
        assert found and all(Path(module).is_file() for module in found)
        assert f"{code_versions.LIBRARY}/run/rule_log.py" in found


def test_preparing_does_not_depend_on_training():
    found = {
        Path(module).stem for module in code_versions.modules_of(REPOSITORY / "workflow" / "scripts" / "prepare.py")
    }
    assert found == {
        "__init__", "cells", "dates", "disclosure", "errors", "files", "lock_places", "locks", "records", "rule_log",
        "standard_error", "white",
        "blank_borders", "greyscale", "misfits", "ndtiff", "pictures", "planes", "preparing", "reading", "shaped", "stacks", "tiff",
        "tiff_directories", "tiff_notes", "tiff_pages", "tiff_stack",
    }  # fmt: skip


def test_the_network_is_found_behind_a_lazy_import():
    found = {
        Path(module).stem for module in code_versions.modules_of(REPOSITORY / "workflow" / "scripts" / "features.py")
    }
    assert {"features", "backbones", "vector_cache", "weights"} <= found


def test_the_version_of_code_depends_on_its_content_only(library, tmp_path):
    write, of = library
    write(a="import os\n", b="")
    of("from flystage import a\n")
    script = tmp_path / "script.py"
    first = code_versions.code_version(script)
    (tmp_path / "elsewhere").mkdir()
    os.utime(script, (1, 1))
    assert (
        code_versions.code_version(shutil.copy(script, tmp_path / "elsewhere"))
        == code_versions.code_version(script)
        == first
    )
    write(b="changed\n")  # the script does not use it
    assert code_versions.code_version(script) == first
    write(a="import sys\n")
    assert code_versions.code_version(script) != first
    write(a="import os\n")
    of("from flystage import a  # edited\n")
    assert code_versions.code_version(script) != first


def test_the_version_of_a_large_file_is_its_size_and_date(tmp_path):
    path, other = tmp_path / "weights.pth", tmp_path / "others.pth"
    assert code_versions.content_version(path) is None and code_versions.content_version(tmp_path) is None
    path.write_bytes(b"one")
    other.write_bytes(b"one")
    os.utime(path, (1, 1))
    assert code_versions.content_version(path) == code_versions.content_version(other)
    other.write_bytes(b"two")
    assert code_versions.content_version(path) != code_versions.content_version(other)
    path.write_bytes(bytes(code_versions.LARGE + 1))
    os.utime(path, ns=(5, 7))
    assert code_versions.content_version(path) == [code_versions.LARGE + 1, 7]


def test_a_page_depends_on_all_templates_that_it_includes(tmp_path):
    page = '{% include "style" %}\n{% from "words" import named %}'
    texts = {"page": page, "style": "", "words": '{% include "more" %}', "more": "", "others": ""}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert code_versions.templates_of(tmp_path / "page") == [
        str(tmp_path / name) for name in ("more", "page", "style", "words")
    ]
    report = REPOSITORY / "workflow/report"
    names = [Path(path).name for path in code_versions.templates_of(report / "predictions.html.j2")]
    assert names == ["network.html.j2", "predictions.html.j2", "review.css.j2", "review.js.j2", "style.css.j2"]
    assert str(report / "script.js.j2") in code_versions.templates_of(report / "report.html.j2")
