"""An old name, for notebooks that were released with it."""

from course_utils.lessons.cifar.challenge import *  # noqa: F403
