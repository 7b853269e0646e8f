"""An old name, for notebooks that were released with it."""

from course_utils.lessons.losses.figures import *  # noqa: F403
from course_utils.plotting.curves import plot_splits


def plot_histories(histories, ylabel):
    """Draw pairs of losses by `course_utils.plotting.curves.plot_splits`."""
    runs = {name: {"train_loss": train, "validation_loss": val} for name, (train, val) in histories.items()}
    return plot_splits(runs, ylabel, log=True)
