"""An old name, for notebooks that were released with it."""

from course_utils.photographs import *  # noqa: F403
from course_utils.pretrained import *  # noqa: F403
