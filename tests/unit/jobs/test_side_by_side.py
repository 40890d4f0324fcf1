"""Work dealt to processes: all of it is answered, and an error is that of the work."""

import os

import pytest

from flystage.core.errors import FlystageError
from flystage.jobs.side_by_side import side_by_side


@pytest.mark.parametrize("processes", [1, 2, 9])
def test_everything_is_answered_once(processes):
    found = list(side_by_side(lambda item: (item * item, os.getpid()), [1, 2, 3, 4], processes))
    assert sorted(square for square, _ in found) == [1, 4, 9, 16]
    assert len({process for _, process in found}) == min(processes, 4)


def test_nothing_to_do_is_done():
    assert list(side_by_side(abs, [], 2)) == []


def test_an_error_is_raised_here():
    def refuse(item):
        raise FlystageError(f"no {item}")

    with pytest.raises(FlystageError, match="no 1"):
        list(side_by_side(refuse, [1, 2], 2))


def test_a_process_that_is_killed_is_told():
    with pytest.raises(FlystageError, match="ended from outside"):
        list(side_by_side(lambda item: os.kill(os.getpid(), 9), [1, 2], 2))
