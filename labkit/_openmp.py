"""Make torch's threads sleep while they wait for each other. Imported before torch, or it has no effect.

By default a waiting OpenMP thread spins. With a browser on the same two cores the thread it waits for is
then not scheduled: a 6 ms step was measured at 250 to 650 ms, and at 10 ms when waiting threads sleep.
"""

import os
import sys

#: Whether torch was there first and keeps spinning (``labkit.doctor`` says so).
TOO_LATE = "torch" in sys.modules and "OMP_WAIT_POLICY" not in os.environ

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
