"""An old name, for notebooks that were released with it."""

from course_utils.lessons.visualisation.figures import *  # noqa: F403
