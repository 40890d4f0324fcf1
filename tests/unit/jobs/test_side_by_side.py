"""Test parallel processes: every item gets an answer, and errors are raised."""

import os

import pytest

from flystage.core.errors import FlystageError
from flystage.jobs.side_by_side import side_by_side


@pytest.mark.parametrize("processes", [1, 2, 9])
def test_every_item_is_answered_once(processes):
    found = list(side_by_side(lambda item: (item * item, os.getpid()), [1, 2, 3, 4], processes))
    assert sorted(square for square, _ in found) == [1, 4, 9, 16]
    assert len({process for _, process in found}) == min(processes, 4)


def test_no_items_give_no_answers():
    assert list(side_by_side(abs, [], 2)) == []


def test_error_of_an_item_is_raised_in_the_parent():
    def refuse(item):
        raise FlystageError(f"no {item}")

    with pytest.raises(FlystageError, match="no 1"):
        list(side_by_side(refuse, [1, 2], 2))


def test_killed_process_raises_an_error_with_its_exit_code():
    with pytest.raises(FlystageError, match=r"exit code -9.*--cores"):
        list(side_by_side(lambda item: os.kill(os.getpid(), 9), [1, 2], 2))
