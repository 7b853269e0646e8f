"""Notebooks that were released already find what they import under its old name."""

import importlib
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

# What the notebooks of version 0.1 import, by module.
NAMES = {
    "challenge": "PICTURES accuracy summary",
    "checks": (
        "CheckFailed assert_array assert_calls assert_equal assert_gradient assert_keys assert_length "
        "assert_no_calls assert_number assert_tensor assert_unchanged numerical_gradient"
    ),
    "convolution": (
        "AUTOGRAD READY_GRADIENTS READY_MADE SHAPES classical_cnn convolve line_images outline shape_image "
        "shape_windows"
    ),
    "curve_plots": "plot_batch_variance plot_curves",
    "data": "Batches CIFAR10 STAND_IN cifar10 cifar10_classes cifar10_source cutout flip held_out normalise",
    "derivations": "check_step",
    "dog_plots": "plot_breeds plot_confusions plot_losses plot_temperatures",
    "dogs": (
        "KAGGLE batches cached check_split dog_breeds halves maps one_of_each parse_submission probabilities "
        "read_submission"
    ),
    "loss_plots": (
        "plot_bce_examples plot_condition plot_descent plot_fits plot_gradient_bars plot_histories "
        "plot_jacobian plot_loss_against_metric plot_losses_of_logit plot_softmax plot_two_tasks plot_valley "
        "plot_weights"
    ),
    "network_checks": "assert_accuracy assert_same_network assert_shapes share_right",
    "network_plots": (
        "plot_augmented plot_comparison plot_connections plot_layer_costs plot_learning_rates plot_pictures plot_runs"
    ),
    "pictures": "grey still_life",
    "plotting": (
        "BLUE ORANGE play show_cells show_figure show_image show_kernel show_maps show_positions show_shapes "
        "show_window"
    ),
    "sweep_plots": "plot_final plot_first_epoch plot_runs plot_schedules plot_sweeps plot_versions",
    "symbolic": "assert_expression",
    "training": "folder load mixed_precision pick_device read_record train",
    "vision": (
        "SHAPES choose class_names deprocess draw_mosaics draw_pictures draw_scenes example_pictures kind "
        "load normalise own_pictures preprocess split"
    ),
    "vision_plots": "plot_fooling plot_iterations plot_maps plot_peaks plot_responses plot_shares plot_transfer",
}
HISTORY = {"train_loss": [2.0, 1.0], "validation_loss": [2.0, 1.5], "train_accuracy": [0.1, 0.2]}
HISTORY |= {"validation_accuracy": [0.1, 0.2]}


@pytest.mark.parametrize("module", NAMES)
def test_what_a_released_notebook_imports_is_there(module):
    found = importlib.import_module(f"course_utils.{module}")
    assert [name for name in NAMES[module].split() if not hasattr(found, name)] == []


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("curve_plots", "plot_curves", ({"SGD": {"one": HISTORY}}, ("train",), 10)),
        ("dog_plots", "plot_losses", ({"head": HISTORY}, np.log(12))),
        ("loss_plots", "plot_histories", ({"few": ([2.0, 1.0], [2.0, 1.5])}, "Loss (1)")),
        ("network_plots", "plot_runs", ({"one": HISTORY},)),
        ("sweep_plots", "plot_runs", ({"one": HISTORY}, "Dropout")),
    ],
)
def test_figures_that_changed_their_name_are_drawn_as_before(module, name, arguments):
    assert isinstance(getattr(importlib.import_module(f"course_utils.{module}"), name)(*arguments), Figure)


@pytest.mark.parametrize(
    ("old", "name", "new"),
    [
        ("grading.preprocessors", "GradeNotebook", "grading.nbgrader_plugins"),
        ("grading.preprocessors", "RepairNotebook", "grading.nbgrader_plugins"),
        ("grading.preprocessors", "ClearCoursesHiddenTests", "grading.nbgrader_plugins"),
        ("grading.preprocessors", "FeedbackNotes", "grading.nbgrader_plugins"),
        ("grading.preprocessors", "SubmissionExporter", "grading.nbgrader_plugins"),
        ("grading.preprocessors", "move_links_away", "grading.nbgrader_plugins"),
        ("olat.late", "LatePolicy", "classroom.deadlines"),
        ("olat.plugins", "OlatExtractor", "stages.zip_collect"),
        ("olat.plugins", "OlatCollector", "stages.zip_collect"),
    ],
)
def test_settings_of_a_course_that_exists_are_found_with_a_warning(old, name, new):
    sys.modules.pop(f"course_utils.{old}", None)
    with pytest.warns(FutureWarning, match=f"course_utils.{old} is now course_utils.{new}; change the name"):
        module = importlib.import_module(f"course_utils.{old}")
    assert getattr(module, name) is getattr(importlib.import_module(f"course_utils.{new}"), name)
