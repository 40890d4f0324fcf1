"""A closed standard error output is opened, so that no other file takes its number."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import flystage

LIBRARY = Path(flystage.__file__).parents[1]


def test_a_closed_standard_error_is_opened_so_that_no_other_file_takes_its_number(tmp_path):
    code = f"""
        import os, sys
        from flystage.run.standard_error import open_standard_error
        open_standard_error()
        file = open({str(tmp_path / "file")!r}, "w")
        assert file.fileno() > 2
        print("a message", file=sys.stderr, flush=True)
        os.write(2, b"a message of a library")
        """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={"PYTHONPATH": str(LIBRARY)},
        preexec_fn=lambda: os.close(2),
    )
    assert process.wait() == 0 and (tmp_path / "file").read_text() == ""
