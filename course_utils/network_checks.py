"""An old name, for notebooks that were released with it."""

from course_utils.checks.networks import *  # noqa: F403
