"""Figures on support vector machines, and what the notebook promises about Circles for any draw of them."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.svm import SVC, LinearSVC

from course_utils.lessons.neural_networks import svm_figures as figures
from course_utils.lessons.neural_networks.circles import circles

POINTS = np.array([[0.1, 0.2], [-0.3, 0.1], [1.0, 0.5], [-1.0, -0.4]])
SIGNS = np.array([1, 1, -1, -1])
TICKS = np.linspace(-1, 1, 5)
BOWL = TICKS[:, None] ** 2 + (TICKS - 0.5) ** 2
ROWS = [{"support_vectors": 4, "train": 90.0, "test": 80.0}, {"support_vectors": 2, "train": 95.0, "test": 85.0}]

FIGURES = {
    "plot_points": (POINTS, SIGNS),
    "plot_line": (POINTS, SIGNS, {"upright": (np.array([1.0, 0.0]), 0.2), "none": (np.zeros(2), 0.0)}),
    "plot_losses_of_margin": (),
    "plot_bowls": ({"one": (TICKS, BOWL), "two": (TICKS, BOWL)},),
    "plot_lift": (POINTS, SIGNS, (POINTS**2).sum(axis=1)),
    "plot_scores": (POINTS, SIGNS, {str(n): (lambda at: 2 - 4 * (at**2).sum(axis=1), [0, 2]) for n in range(5)}),
    "plot_kernel_matrices": ({"one": np.eye(4), "two": np.ones((4, 4))}, 2),
    "plot_counts": ([0.1, 1.0], {"γ = 1": ROWS, "γ = 2": ROWS}),
}


def draw(name: str) -> Figure:
    figure = getattr(figures, name)(*FIGURES[name])
    figure.canvas.draw()
    return figure


def signed(seed):
    data = circles(seed)
    return data.X_train, np.where(data.Y_train[:, 1] == 1, 1, -1), data.X_test, np.where(data.Y_test[:, 1] == 1, 1, -1)


def test_every_figure_is_tried():
    assert set(FIGURES) == set(figures.__all__)


@pytest.mark.parametrize("name", FIGURES)
def test_axes_are_labelled_and_nothing_stays_open(name):
    figure = draw(name)
    panels = [ax for ax in figure.axes if ax.get_subplotspec() is not None]
    # Panels that share their scale are labelled on the left and below.
    assert panels
    assert panels[0].get_ylabel()
    assert panels[-1].get_xlabel()
    assert not plt.get_fignums()


def test_the_title_of_a_line_counts_what_is_on_its_own_side():
    upright, none = draw("plot_line").axes
    # Of the four points two lie to the right of -0.2, one of which is of the disc, and two to the left.
    assert "50.0 % right" in upright.get_title()
    assert "50.0 % right" in none.get_title()  # a score of 0 everywhere: all are taken for the disc
    crosses = [[li.get_xdata().tolist() for li in ax.lines if li.get_marker() == "x"] for ax in (upright, none)]
    assert crosses == [[[-0.3, 1.0]], [[1.0, -1.0]]]


def test_margins_are_drawn_only_where_the_score_reaches_them():
    flat = figures.plot_scores(POINTS, SIGNS, {"flat": (lambda at: 0.5 * at[:, 0], [])}).axes[0]
    steep = figures.plot_scores(POINTS, SIGNS, {"steep": (lambda at: 2 * at[:, 0], [])}).axes[0]
    drawn = [{float(level) for c in ax.collections for level in getattr(c, "levels", [])} for ax in (flat, steep)]
    assert drawn == [{0.0}, {-1.0, 0.0, 1.0}]


def test_support_vectors_have_a_ring_and_spare_panels_are_left_out():
    figure = draw("plot_scores")
    assert len(figure.axes) == 5  # two rows of four would be eight
    assert figure.axes[0].lines[0].get_xydata().tolist() == POINTS[[0, 2]].tolist()


def test_the_lowest_point_of_a_bowl_has_the_star():
    star = draw("plot_bowls").axes[0].lines[-1]
    assert star.get_marker() == "*"
    assert star.get_xydata().tolist() == [[0.5, 0.0]]  # column is w_1, row is w_2


def test_a_line_fails_on_circles_and_a_curve_does_not_whatever_the_draw():
    for seed in range(10):
        points, signs, test_points, test_signs = signed(seed)
        assert 0.35 <= LinearSVC().fit(points, signs).score(test_points, test_signs) <= 0.60
        for settings in ({"kernel": "rbf"}, {"kernel": "poly", "degree": 2}):
            assert SVC(**settings).fit(points, signs).score(test_points, test_signs) >= 0.9
        for settings in ({"kernel": "poly", "degree": 3}, {"kernel": "sigmoid"}):
            assert SVC(**settings).fit(points, signs).score(test_points, test_signs) <= 0.7


def test_with_all_mirror_images_a_linear_svm_ends_without_weights():
    points, signs, *_ = signed(0)
    points, signs = np.concatenate([points, -points]), np.concatenate([signs, signs])
    for model in (SVC(kernel="linear"), LinearSVC()):
        assert np.abs(model.fit(points, signs).coef_).max() < 1e-6
