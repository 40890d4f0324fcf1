"""Two runs never work on one results folder."""

import subprocess
import sys

import pytest

from flystage.errors import FlystageError
from flystage.running import hold

HOLDER = "import sys, time; from flystage.running import hold; h = hold(sys.argv[1]); print('held', flush=True); time.sleep(60)"


def test_a_folder_is_held_until_its_process_ends_however_it_ends(tmp_path, pytestconfig):
    folder = tmp_path / "results"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(pytestconfig.rootpath / "workflow")},
    )
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(FlystageError, match="Another run is working on"):
        hold(folder)
    holder.kill()
    holder.wait()
    hold(folder)
