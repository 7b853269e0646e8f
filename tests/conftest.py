"""What all tests share: repeatable random examples, and the programs of this environment on the PATH."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# The same examples in every run, and no limit of time: a busy machine must not make a test fail.
settings.register_profile(
    "course", deadline=None, derandomize=True, max_examples=80, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("course")

# nbgrader looks for `alembic` on the PATH, and tests start `nbgrader` and `course` as a person does.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
