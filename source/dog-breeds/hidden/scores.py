"""What a submission of dog breeds is worth: the key, and the log loss as Kaggle works it out."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_utils import environment
from course_utils.checks import CheckFailed, NotGradable
from course_utils.lessons.dog_breeds import dataset, submission

__all__ = ["Graded", "answer_key", "grade_submission", "kaggle_log_loss", "require"]


@dataclass(frozen=True)
class Graded:
    """A submission that was handed in, measured.

    Parameters
    ----------
    log_loss : float
        On the labels that were kept back, in nats.
    pictures : int
    source : str
        "dog breeds" or "stand-in".
    breeds : int
    """

    log_loss: float
    pictures: int
    source: str
    breeds: int


def kaggle_log_loss(probs: np.ndarray, labels: np.ndarray) -> float:
    """Return the multi-class log loss as Kaggle works it out: rows divided by their sums, then clipped.

    Parameters
    ----------
    probs : numpy.ndarray of shape (N, K)
    labels : numpy.ndarray of shape (N,), int

    Returns
    -------
    float
        In nats.

    Examples
    --------
    >>> round(kaggle_log_loss(np.array([[1.0, 1.0], [0.0, 2.0]]), np.array([0, 1])), 4)
    0.3466
    """
    probs = np.asarray(probs, dtype=np.float64)
    own = probs[np.arange(len(labels)), labels] / probs.sum(axis=1)
    return float(-np.log(own.clip(1e-15, 1 - 1e-15)).mean())


def answer_key(folder: dataset.DogBreeds | str) -> dict[str, str]:
    """Return the breeds of the test pictures.

    Those of the stand-in lie beside this file. Kaggle keeps its own secret: ``test_labels.csv`` (id, breed) must lie in
    the folder on the machine that grades.

    Parameters
    ----------
    folder : DogBreeds or "stand-in"

    Returns
    -------
    dict of str to str
        By id.

    Raises
    ------
    NotGradable
        If there is no key, or it leaves pictures out.
    """
    if isinstance(folder, str) or folder.source == dataset.STAND_IN:
        return json.loads(Path(__file__).with_name("key.json").read_text(encoding="utf-8"))
    path = folder.folder / "test_labels.csv"
    if not path.is_file():
        raise NotGradable(f"{path} is missing: without the breeds of the test pictures no submission can be graded.")
    with path.open(newline="", encoding="utf-8-sig") as file:
        key = dict(row for row in list(csv.reader(file))[1:] if len(row) == 2)
    missing = [picture for picture in folder.test_ids if key.get(picture) not in folder.breeds]
    if missing:
        raise NotGradable(f"{path} has no breed for {len(missing)} of the test pictures, {missing[0]} for one.")
    return {picture: key[picture] for picture in folder.test_ids}


def grade_submission(name: str = "submission.csv") -> Graded:
    """Read ``artifacts/submission.csv`` as it was handed in, check its form, and measure it.

    Parameters
    ----------
    name : str
        Of the file.

    Returns
    -------
    Graded

    Raises
    ------
    CheckFailed
        If the form is not right, or the course counts only real pictures.
    NotGradable
        If it is for Kaggle's pictures, and these or their labels are not here.
    """
    content = submission.read_submission(name)
    key = answer_key(dataset.STAND_IN)
    source, ids, breeds = dataset.STAND_IN, tuple(key), dataset.STAND_IN_BREEDS
    if not _is_for(content, breeds):
        real = _real_folder()
        if real is not None and _is_for(content, real.breeds):
            source, ids, breeds, key = dataset.KAGGLE, real.test_ids, real.breeds, answer_key(real)
        elif real is None and _columns(content) > 100:
            raise NotGradable(
                "A submission for Kaggle's pictures can be graded only where COURSE_DATA names a folder that holds "
                "dog-breeds."
            )
        elif real is not None and _columns(content) > 100:  # meant for the real pictures, with a wrong header
            ids, breeds = real.test_ids, real.breeds
    probs = submission.parse_submission(content, ids, breeds, f"artifacts/{name}")
    counts = environment.counted_data()
    if source == dataset.STAND_IN and counts not in (environment.ANY_DATA, dataset.STAND_IN):
        raise CheckFailed(
            f"artifacts/{name} is for the pictures of the stand-in; this course counts those for Kaggle's pictures. "
            "Put them where the notebook finds them, then run it again."
        )
    number = {breed: index for index, breed in enumerate(breeds)}
    labels = np.array([number[key[picture]] for picture in ids])
    return Graded(kaggle_log_loss(probs, labels), len(ids), source, len(breeds))


def require(graded: Graded, limit: float, hint: str) -> None:
    """Check that a submission's log loss is low enough, and print it.

    Parameters
    ----------
    graded : Graded
    limit : float
        The largest log loss that is enough, in nats.
    hint : str
        The next step for whoever is above.

    Raises
    ------
    CheckFailed
        If it is higher.
    """
    found = f"The log loss on the {graded.pictures:,} test pictures is {graded.log_loss:.3f} nats"
    if graded.log_loss > limit:
        guess = np.log(graded.breeds)
        raise CheckFailed(
            f"{found}; {limit:g} or less is wanted here, and {guess:.2f} is what equal probabilities give.\n{hint}"
        )
    print(f"{found} ({graded.source}).")


def _real_folder() -> dataset.DogBreeds | None:
    """Return Kaggle's folder, if it is here."""
    place = environment.data_folder()
    folder = next((place / name for name in dataset.NAMES if (place / name).is_dir()), None)
    return None if folder is None else dataset.read_folder(folder)


def _header(content: bytes) -> list[str]:
    line = content[: 2**16].partition(b"\n")[0].decode("utf-8-sig", errors="replace")
    return [part.strip() for part in line.strip("\r").split(",")]


def _columns(content: bytes) -> int:
    return len(_header(content))


def _is_for(content: bytes, breeds: Sequence[str]) -> bool:
    """Whether most of the columns are these breeds: the rest is said by `parse_submission`."""
    return len(set(_header(content)) & set(breeds)) > len(breeds) / 2
