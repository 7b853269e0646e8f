"""Small figures that the notebooks share: pictures, arrays with their numbers, kernels, maps side by side."""

from course_utils.plotting.figures import play, save_png, show_figure
from course_utils.plotting.panels import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    SKY,
    VERMILLION,
    YELLOW,
    show_cells,
    show_image,
    show_kernel,
    show_maps,
    show_positions,
    show_shapes,
    show_window,
)

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PINK",
    "SKY",
    "VERMILLION",
    "YELLOW",
    "play",
    "save_png",
    "show_cells",
    "show_figure",
    "show_image",
    "show_kernel",
    "show_maps",
    "show_positions",
    "show_shapes",
    "show_window",
]
