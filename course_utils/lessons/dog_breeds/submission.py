"""A submission file for Kaggle, read so that nobody has to trust it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from course_utils import artifacts
from course_utils.errors import CheckFailed
from course_utils.lessons.dog_breeds.dataset import MOST_BYTES

__all__ = ["parse_submission", "read_submission"]

_TOLERANCE = 1e-3


# Reading what anybody may have written.


def read_submission(name: str = "submission.csv") -> bytes:
    """Read a submission from ``artifacts/``, as `artifacts.read_file` does.

    Parameters
    ----------
    name : str

    Returns
    -------
    bytes

    Raises
    ------
    CheckFailed
        If it is missing, no plain file, or larger than 64 MiB.
    """
    return artifacts.read_file(name, MOST_BYTES, "writes it")


def parse_submission(
    content: bytes, ids: Sequence[str], breeds: Sequence[str], name: str = "submission.csv"
) -> np.ndarray:
    """Check a submission in Kaggle's form: the columns and their order, the ids, the numbers, the sum of each row.

    Parameters
    ----------
    content : bytes
        Of the file; UTF-8.
    ids : sequence of str
        Of the test pictures. Rows may come in any order, as on Kaggle.
    breeds : sequence of str
        The columns after ``id``, in this order.
    name : str
        How messages call the file.

    Returns
    -------
    numpy.ndarray of shape (len(ids), len(breeds)), float64
        Probabilities, rows in the order of `ids`.

    Raises
    ------
    CheckFailed
        At the first thing that is not right, with its line.

    Examples
    --------
    >>> parse_submission(b"id,beagle,pug\\nb,0.25,0.75\\na,1,0\\n", ["a", "b"], ["beagle", "pug"])
    array([[1.  , 0.  ],
           [0.25, 0.75]])
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CheckFailed(
            f"{name} is no text in UTF-8. Write it with encoding='utf-8', as a plain CSV file."
        ) from error
    if not text.strip():
        raise CheckFailed(f"{name} is empty.")
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    probs = np.full((len(ids), len(breeds)), np.nan)
    place, seen = {picture: index for index, picture in enumerate(ids)}, set()
    try:
        _check_columns(next(rows), breeds, name)
        for row in rows:
            if not row:
                continue  # an empty line
            where = f"{name}, line {rows.line_num}"
            if len(row) != 1 + len(breeds):
                raise CheckFailed(f"{where} has {len(row)} entries; an id and {len(breeds)} probabilities are wanted.")
            picture = row[0]
            if picture not in place:
                raise CheckFailed(f"{where}: {_shown(picture)} is not the id of a test picture.")
            if picture in seen:
                raise CheckFailed(f"{where}: the id {picture} comes a second time.")
            seen.add(picture)
            probs[place[picture]] = _numbers(row[1:], breeds, where)
    except csv.Error as error:
        raise CheckFailed(f"{name}, line {rows.line_num}, is no line of a CSV file ({error}).") from error
    if len(seen) < len(ids):
        missing = next(picture for picture in ids if picture not in seen)
        raise CheckFailed(
            f"{name} has no row for {len(ids) - len(seen)} of {len(ids)} test pictures, {missing} for one."
        )
    return probs


def _check_columns(header: list[str], breeds: Sequence[str], name: str) -> None:
    wanted = ["id", *breeds]
    if header == wanted:
        return
    if len(header) == 1 and ";" in header[0]:
        raise CheckFailed(f"{name} has semicolons between its columns; Kaggle wants commas.")
    present = set(header)
    missing = [column for column in wanted if column not in present]
    if missing:
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise CheckFailed(
            f"{name} lacks the column {missing[0]!r}{others}. The first line names the columns, as in "
            "sample_submission.csv."
        )
    twice = [column for index, column in enumerate(header) if column in header[:index]]
    if twice:
        raise CheckFailed(f"{name} has the column {_shown(twice[0])} twice.")
    known = set(wanted)
    unknown = [column for column in header if column not in known]
    if unknown:
        raise CheckFailed(f"{name} has a column {_shown(unknown[0])}, which sample_submission.csv does not have.")
    index = next(i for i, (own, other) in enumerate(zip(header, wanted, strict=True)) if own != other)
    raise CheckFailed(
        f"The columns of {name} are in another order than those of sample_submission.csv: column {index + 1} is "
        f"{_shown(header[index])}, and must be {wanted[index]!r}. The probabilities must change places with the names."
    )


def _numbers(texts: list[str], breeds: Sequence[str], where: str) -> np.ndarray:
    try:
        values = np.array([float(text) for text in texts])
    except ValueError:
        index = next(i for i, text in enumerate(texts) if not _is_number(text))
        raise CheckFailed(f"{where}: {_shown(texts[index])} in column {breeds[index]} is not a number.") from None
    bad = ~np.isfinite(values)
    if bad.any():
        index = int(bad.argmax())
        raise CheckFailed(f"{where}: {values[index]} in column {breeds[index]} is not a finite number.")
    if (values < 0).any():
        index = int((values < 0).argmax())
        raise CheckFailed(f"{where}: {values[index]:g} in column {breeds[index]} is negative; a probability is not.")
    total = values.sum()
    if abs(total - 1) > _TOLERANCE:
        raise CheckFailed(
            f"{where}: the probabilities sum to {total:.6g}; they must sum to one. Are they logits, or written with "
            "too few digits?"
        )
    return values


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
