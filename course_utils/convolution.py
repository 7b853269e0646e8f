"""An old name, for notebooks that were released with it."""

from course_utils.lessons.convolutions.operation import *  # noqa: F403
