"""Test that the library's rooms have short modules and a docstring, and import in one direction."""

import ast
from pathlib import Path

import pytest

import flystage

LIBRARY = Path(flystage.__file__).parent
ORDER = flystage.__doc__.rsplit("\n", 2)[1].removesuffix(".").split(", ")
TESTS = Path(__file__).parent
MOST_LINES = 400  # of a module


def rooms_imported(path):
    """Return the rooms of the library that a file imports anywhere."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: use an absolute import, which names the room"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("flystage.")}


def test_the_library_lists_all_rooms():
    assert sorted(ORDER) == sorted(path.name for path in LIBRARY.iterdir() if (path / "__init__.py").exists())
    assert [path.name for path in LIBRARY.glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("room", ORDER)
def test_a_room_has_modules_and_a_docstring(room):
    modules = [path for path in (LIBRARY / room).glob("*.py") if path.name != "__init__.py"]
    assert len(modules) >= 2
    init = ast.parse((LIBRARY / room / "__init__.py").read_text(encoding="utf-8"))
    assert len(init.body) == 1 and len(ast.get_docstring(init)) > 40
    assert all(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) for path in modules)


@pytest.mark.parametrize("room", ORDER)
def test_imports_follow_the_order_of_the_rooms(room):
    above = set(ORDER[: ORDER.index(room) + 1])
    for path in (LIBRARY / room).glob("*.py"):
        assert rooms_imported(path) <= above, path


def test_modules_are_short():
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in LIBRARY.rglob("*.py")}
    assert {path: number for path, number in lines.items() if number > MOST_LINES} == {}


def test_module_names_are_unique():
    names = [path.stem for path in LIBRARY.rglob("*.py") if path.name != "__init__.py"] + ORDER
    assert sorted(names) == sorted(set(names))


def test_unit_tests_are_in_the_room_of_their_module():
    folders = {path.parent.name for path in TESTS.rglob("test_*.py")} - {TESTS.name}
    assert folders <= set(ORDER)
    for folder in folders:
        for path in (TESTS / folder).glob("test_*.py"):
            assert (LIBRARY / folder / f"{path.stem.removeprefix('test_')}.py").exists(), path
