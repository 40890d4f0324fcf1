"""Run a training job or a tuning trial on SageMaker. It starts the same program that trains locally."""

import os
import sys

from flystage.jobs import execution

if os.environ.get("FLYSTAGE_RECORD_ONLY"):
    sys.argv.append("--record-only")

execution.main()
