"""The phenomena: one file each, a frozen ``Config`` and the class that trains it."""

from labkit.experiments import grokking

#: name on the command line and in tests -> module with ``Config``
EXPERIMENTS = {"grokking": grokking}
