"""The practical on MNIST: runs that are kept and read back, parts for a script, the split of the digits, figures."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import numpy as np
import pytest
import torch

from course_utils import artifacts
from course_utils.errors import CheckFailed
from course_utils.lessons.mnist_practical import digits, figures, runs
from course_utils.notebooks.cells import is_test
from course_utils.plotting import save_png
from tests.support.engine import SOURCE


@pytest.fixture
def here(monkeypatch, tmp_path):
    for name in ("COURSE_GRADING", "COURSE_FILES", "COURSE_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "no data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_a_run_logs_is_kept_and_read_back(here):
    for value in (7.0, 0.25):  # the second run takes the place of the first
        with runs.Run("try-1") as run:
            run.writer.add_scalar("dev/loss", value, 3)
            run.writer.add_scalar("dev/loss", value / 2, 6)
            run.writer.add_scalar("l2", 4.0, 3)
    found = runs.read_scalars("try-1")
    assert sorted(found) == ["dev/loss", "l2"]
    assert found["dev/loss"].steps.tolist() == [3, 6] and found["dev/loss"].values.tolist() == [0.25, 0.125]
    assert (np.diff(found["dev/loss"].times) >= 0).all()
    assert len(list((here / "runs" / "try-1").iterdir())) == 1
    with runs.Run("try-1"):
        pass  # nothing was logged: what there is stays
    assert runs.read_scalars("try-1")["l2"].values.tolist() == [4.0]


def test_tensorboard_shows_runs_that_came_without_their_folder(here, capsys):
    """As on another machine, with the networks and event files alone."""
    with runs.Run("try-1") as run:
        run.writer.add_scalar("dev/loss", 1.0, 3)
    (before,) = (here / "runs" / "try-1").iterdir()
    runs.open_tensorboard()
    assert list((here / "runs" / "try-1").iterdir()) == [before]  # what is there is not doubled
    before.unlink()
    runs.open_tensorboard()
    (kept,) = (here / "runs" / "try-1").glob("*tfevents*")
    assert kept.read_bytes() == (here / "artifacts" / "try-1.tfevents").read_bytes()
    assert "tensorboard --logdir runs" in capsys.readouterr().out


def test_a_run_that_ended_with_an_error_is_not_handed_in(here):
    with pytest.raises(ZeroDivisionError), runs.Run("broken") as run:
        run.writer.add_scalar("l2", 1.0, 1)
        raise ZeroDivisionError
    assert not (here / "artifacts" / "broken.tfevents").exists()


def test_every_scalar_is_read_not_a_sample(here):
    with runs.Run("long") as run:
        for step in range(10_500):
            run.writer.add_scalar("l2", step, step)
    assert len(runs.read_scalars("long")["l2"].steps) == 10_500


def test_more_than_can_be_handed_in_is_told(here, monkeypatch):
    monkeypatch.setattr(runs, "MOST_EVENTS", 1000)
    with pytest.raises(artifacts.ArtifactError, match="Log every n-th step only"), runs.Run("long") as run:
        for step in range(100):
            run.writer.add_scalar("l2", 1.0, step)


@pytest.mark.parametrize(
    "content, message",
    [(None, "is missing"), (b"", "holds no scalars"), (b"loss 0.1\n" * 50, "no scalars|cannot be read")],
)
def test_event_files_that_are_none_are_told_in_a_sentence(here, content, message):
    (here / "artifacts").mkdir()
    if content is not None:
        (here / "artifacts" / "try.tfevents").write_bytes(content)
    with pytest.raises(CheckFailed, match=message):
        runs.read_scalars("try")
    with pytest.raises(ValueError, match="An artifact's name"):
        runs.read_scalars("../try")


def test_the_dev_split_is_none_of_the_digits_to_train_on(here):
    loaded = digits.load()
    assert (len(loaded.images), len(loaded.dev_images), loaded.source) == (1047, 250, "stand-in")
    train = {image.numpy().tobytes() for image in loaded.images}
    assert not any(image.numpy().tobytes() in train for image in loaded.dev_images)
    again, labels = digits.dev_split("stand-in")
    assert torch.equal(again, loaded.dev_images) and torch.equal(labels, loaded.dev_labels)
    assert len(loaded.batches(100)) == len(loaded.batches(100, all_of_them=True)) == 11


def test_parts_are_the_last_definitions_with_the_imports(here):
    cells = [
        "import math\n%matplotlib inline",
        "def f():\n    return 1",
        "this is no Python",
        "def f():\n    return math.pi",
    ]
    cells += [
        "def _help():\n    return math.e",
        "def unused():\n    return 2",
        "def f():\n    return math.pi * _help()",
    ]
    path = runs.write_parts(["f"], cells)
    text = path.read_text(encoding="utf-8")
    assert path == here / "runs" / "notebook_parts.py" and "import math" in text and "return 1" not in text
    assert "def _help" in text and "unused" not in text
    with pytest.raises(CheckFailed, match="defines 'g'"):
        runs.write_parts(["f", "g"], cells)


def test_the_script_trains_with_the_parts_of_the_notebook(here):
    script = here / "mnist_cnn.py"
    script.write_bytes((SOURCE / "mnist-practical" / "mnist_cnn.py").read_bytes())
    words = [sys.executable, str(script), "--out-name", "shell", "--filters", "3", "3", "--lambda", "0.001"]
    without = subprocess.run(words, capture_output=True, text=True)
    assert without.returncode == 1 and "run the last code cell of mnist-cnn.ipynb" in without.stderr
    notebook = nbformat.read(SOURCE / "mnist-practical" / "mnist-cnn.ipynb", as_version=4)
    by_id = {cell.id: cell.source for cell in notebook.cells}
    names = by_id["script"].partition("parts = [")[2].partition("]")[0].replace('"', "").split(", ")
    code = [c.source for c in notebook.cells if c.cell_type == "code" and not is_test(c) and c.id != "setup"]
    imports = "\n".join(
        line for line in by_id["setup"].splitlines() if line.startswith(("import torch", "import time"))
    )
    more = "import numpy as np\nfrom torch import nn\nfrom course_utils import training\n"
    more += "from course_utils.lessons.mnist_practical import runs"
    runs.write_parts([*names, "train_run", "parse_flags"], [imports, more, *code])
    done = subprocess.run(words, capture_output=True, text=True)
    assert "shell: dev accuracy" in done.stdout, done.stderr
    assert {"train/loss", "dev/accuracy", "l2", "step_time"} <= set(runs.read_scalars("shell"))
    assert artifacts.read_record("shell").settings["filters"] == [3, 3]
    assert (here / "runs" / "shell").is_dir()


def test_figures_are_drawn():
    draws = np.random.default_rng(0)
    curves = {"a": ([1, 2, 3], [0.5, 0.2, 0.1]), "b": ([1, 2, 3], [0.9, 0.3, 0.3])}
    drawn = figures.plot_curves({"training": curves, "dev set": curves}, "Step", ["Loss (nats)"] * 2, log=True)
    assert [ax.get_xlabel() for ax in drawn.axes] == ["Step", "Step"] and save_png(drawn)
    maps = {"conv1": draws.random((8, 6, 6)), "pool": draws.random((8, 3, 3))}
    assert save_png(figures.plot_flow(draws.random((8, 8)), maps, np.full(10, 0.1)))
    before = np.array([[1.0, 2.0, 0.0, 4.0]] * 2)
    masks = figures.plot_masks(before, before * np.array([[1, 0, 1, 0], [2, 2, 2, 2]]), shown=4)
    assert "67 % of the active units" in masks.axes[0].get_title() and "0 %" in masks.axes[1].get_title()
