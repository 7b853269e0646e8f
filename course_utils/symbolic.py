"""An old name, for notebooks that were released with it."""

from course_utils.checks.formulas import *  # noqa: F403
