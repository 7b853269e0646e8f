"""An old name, for notebooks that were released with it."""

from course_utils.lessons.cifar.figures import *  # noqa: F403
from course_utils.plotting.curves import plot_runs


def plot_curves(groups, splits=("train", "validation"), num_classes=None):
    """Draw loss and accuracy by `course_utils.plotting.curves.plot_runs`."""
    return plot_runs(groups, [("loss", splits), ("accuracy", splits)], num_classes=num_classes)
