"""An old name, for the `nbgrader_config.py` of courses that use it."""

import warnings

from course_utils.grading.nbgrader_plugins import *  # noqa: F403

warnings.warn(
    f"{__name__} is now course_utils.grading.nbgrader_plugins; change the name in nbgrader_config.py.",
    FutureWarning,
    stacklevel=2,
)
