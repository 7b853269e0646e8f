"""An old name, for notebooks that were released with it."""

from course_utils.lessons.dog_breeds.figures import *  # noqa: F403
from course_utils.plotting.curves import plot_splits
from course_utils.plotting.grids import *  # noqa: F403


def plot_losses(histories, guess):
    """Draw log losses by `course_utils.plotting.curves.plot_splits`."""
    return plot_splits(histories, "Log loss (nats)", guess=guess)
