"""An old name, for the `nbgrader_config.py` of courses that use it."""

import warnings

from course_utils.classroom.deadlines import *  # noqa: F403

warnings.warn(
    f"{__name__} is now course_utils.classroom.deadlines; change the name in nbgrader_config.py.",
    FutureWarning,
    stacklevel=2,
)
