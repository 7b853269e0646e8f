"""Imported last by the server that grader processes are forked from; see `worker`. It must not start threads."""

import sys

if "matplotlib" in sys.modules:
    sys.modules["matplotlib"].use("agg")
if "torch" in sys.modules:
    # One thread each: graders run side by side, and results do not depend on the number of cores.
    sys.modules["torch"].set_num_threads(1)
