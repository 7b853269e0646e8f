"""An old name, for notebooks that were released with it."""

from course_utils.lessons.cifar.figures import *  # noqa: F403
from course_utils.plotting.curves import TRAINING_ABOVE_VALIDATION
from course_utils.plotting.curves import plot_runs as _plot_runs
from course_utils.plotting.grids import *  # noqa: F403


def plot_runs(histories, title=""):
    """Draw loss and accuracy, training above validation, by `course_utils.plotting.curves.plot_runs`."""
    return _plot_runs({"": histories}, TRAINING_ABOVE_VALIDATION, title=title)
