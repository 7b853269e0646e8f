"""An old name, for notebooks that were released with it."""

from course_utils.lessons.losses.derivations import *  # noqa: F403
