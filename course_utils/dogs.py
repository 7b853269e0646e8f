"""An old name, for notebooks that were released with it."""

from course_utils.lessons.dog_breeds.dataset import *  # noqa: F403
from course_utils.lessons.dog_breeds.feature_maps import *  # noqa: F403
from course_utils.lessons.dog_breeds.submission import *  # noqa: F403
