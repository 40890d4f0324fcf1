"""A training job or a tuning trial on SageMaker: the entry point that trains locally, with what this job adds to it."""

import os
import sys

from flystage.jobs import execution

if os.environ.get("FLYSTAGE_RECORD_ONLY"):
    sys.argv.append("--record-only")

execution.main()
