"""Several test processes share the cores, so threads that wait for one another must not take them."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in the Snakefile; read when torch is loaded
