"""The library behind the flystage workflow: plain functions over paths, arrays, tables and a few records.

It never imports snakemake. Its subpackages (rooms) are listed in import order: each imports only from itself and from those before it.
core, raw, images, dataset, network, run, report, evaluation, certainty, prediction, export, training, jobs, cloud.
"""

import os
import sys


def _end_quietly(kind, error, stack):
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, stack)


# Print no traceback if Ctrl-C stops a job while it is still importing modules.
if "FLYSTAGE_RESULTS" in os.environ:
    sys.excepthook = _end_quietly
