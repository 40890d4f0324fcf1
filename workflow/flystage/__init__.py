"""The library behind the flystage workflow: plain functions over paths, arrays, tables and a few records. It never imports
snakemake.

Its rooms stand here in the order in which data flows. A room imports from those above it, never from one below:
core, raw, images, dataset, network, run, report, evaluation, certainty, prediction, export, training, jobs, cloud.
"""

import os
import sys


def _end_quietly(kind, error, stack):
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, stack)


# Ctrl-C may meet a job while it still imports what it needs: that is no fault.
if "FLYSTAGE_RESULTS" in os.environ:
    sys.excepthook = _end_quietly
