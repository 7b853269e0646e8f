"""Figures and experiments of the notebook on concepts: each can be drawn, and shows what its text says."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_utils.lessons.neural_networks import concepts
from course_utils.lessons.neural_networks.circles import circles

DATA = circles(0, 40)
NETWORK = concepts.train(DATA, 3, num_epochs=2)
LINE = np.linspace(0.1, 1, 5)

FIGURES = {
    "draw_network": ([2, 3, 1],),
    "plot_borders": (DATA, {"one": NETWORK, "two": NETWORK}),
    "plot_sizes": ([1, 2], np.array([[0.5, 0.6], [0.7, 0.9]]), np.array([[0.5, 0.5], [0.6, 0.6]]), "Units"),
    "plot_probabilities": ([1.0, -1.0], {"softmax": np.array([0.9, 0.1]), "none": np.full(2, np.nan)}),
    "plot_constants": (LINE, {"one": LINE**2, "two": np.full(5, np.nan)}),
    "plot_rates": ({"one": LINE, "two": [np.inf, 1.0]},),
    "plot_noise": ([1, 10], [3.0, 1.0]),
    "plot_costs": ([1, 2], {"naive": [4, 16], "backpropagation": [2, 4]}, "Multiplications"),
}


def test_every_figure_is_tried():
    assert set(FIGURES) == {name for name in concepts.__all__ if name.startswith(("draw", "plot"))}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_can_be_drawn_and_nothing_stays_open(name):
    figure = getattr(concepts, name)(*FIGURES[name])
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    for ax in figure.axes:
        if ax.get_label() == "<colorbar>":
            assert ax.get_ylabel()
            continue
        assert not ax.axison or (ax.get_xlabel() and (ax.get_ylabel() or ax is not figure.axes[0]))
    assert not plt.get_fignums()


def test_the_network_to_read_off_is_told_circle_by_circle(monkeypatch):
    told = []
    monkeypatch.setattr(concepts, "show_figure", lambda figure, text: told.append(text))
    concepts.show_network(0)
    left, middle, right = (part.count("circle") for part in told[0].partition("Left")[2].split(";"))
    assert [left, middle, right] == np.random.default_rng(0).integers(3, 9, size=3).tolist()
    assert not any(letter.isdigit() for letter in told[0])


def test_a_network_without_activations_draws_a_line_and_one_with_tanh_a_ring():
    data = circles()
    labels = data.Y_test[:, 1].astype(int)
    assert concepts.train(data, activation="identity", lr=0.1).score(data.X_test, labels) < 0.65
    assert concepts.train(data).score(data.X_test, labels) > 0.92


def test_all_epochs_are_trained_and_the_seed_decides():
    assert len(NETWORK.loss_curve_) == 2
    again, other = (concepts.train(DATA, 3, num_epochs=2, seed=seed) for seed in (0, 1))
    assert again.loss_curve_ == NETWORK.loss_curve_ != other.loss_curve_


def test_the_shortest_time_is_kept():
    calls = []
    assert concepts.seconds_of(lambda: calls.append(1), 3) >= 0
    assert len(calls) == 3
