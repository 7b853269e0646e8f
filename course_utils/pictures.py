"""An old name, for notebooks that were released with it."""

from course_utils.lessons.convolutions.still_life import *  # noqa: F403
