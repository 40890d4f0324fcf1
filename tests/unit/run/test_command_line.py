"""An option given twice, of which Snakemake would drop the first in silence, is refused with what to type."""

import pytest

from flystage.core.errors import FlystageError
from flystage.run.command_line import has_option, refuse_dropped_values


@pytest.mark.parametrize(
    ("line", "what_to_type"),
    [
        ("--cores 1 --configfile a.yaml --configfile b.yaml", "--configfile a.yaml b.yaml"),
        ("--configfile a.yaml b.yaml -n --configfiles c.yaml check", "--configfile a.yaml b.yaml c.yaml check"),
        ("--configfile=a.yaml --configfile=b.yaml", "--configfile a.yaml b.yaml"),
        ("--configf a.yaml --configfile b.yaml", "--configfile a.yaml b.yaml"),
        ("--config note=x -C buckets=3", "--config note=x buckets=3"),
        ("-R train --forcerun report", "--forcerun train report"),
        ("--until dataset -U features", "--until dataset features"),
    ],
)
def test_an_option_given_twice_is_refused(line, what_to_type):
    with pytest.raises(FlystageError) as refused:
        refuse_dropped_values(line.split())
    assert str(refused.value).endswith(f": {what_to_type}") and " 2 times" in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "--cores 1 check --configfile a.yaml b.yaml --config note=x",
        "--config note=--configfile --cores all -n -p",
        "--rerun-triggers mtime params --until dataset",
        "",
    ],
)
def test_other_command_lines_pass(line):
    refuse_dropped_values(line.split())


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("--until tune", True),
        ("-U tune", True),
        ("--until=tune", True),
        ("--unt tune", True),
        ("-Utune", True),
        ("--cores 2 tune", False),
        ("", False),
    ],
)
def test_an_option_is_found_in_any_spelling(words, found):
    assert has_option(words.split(), "--until") == found
