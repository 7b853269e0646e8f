"""An old name, for notebooks that were released with it."""

from course_utils.lessons.cifar.figures import *  # noqa: F403
from course_utils.lessons.depthwise.figures import *  # noqa: F403
from course_utils.plotting.curves import plot_runs as _plot_runs
from course_utils.plotting.grids import *  # noqa: F403


def plot_runs(histories):
    """Draw training loss and validation accuracy by `course_utils.plotting.curves.plot_runs`."""
    return _plot_runs({"": histories}, [("loss", ["train"]), ("accuracy", ["validation"])])
