"""Figures of a class: marks, cells, which belong together; plain functions of tables of points."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["CellFigures", "Correlation", "MessageGroup", "figures_of", "grouped", "item_rest", "quartiles"]

# From how many with the same sentence on a cell it is remarked, and which share of the class.
_MANY, _MANY_SHARE = 3, 0.25
_NUMBER = re.compile(r"[-+−]?(?:\d+(?:[.,]\d+)*(?:e[-+]?\d+)?|\bnan\b|\binf\b)", re.IGNORECASE)
_LIST = re.compile(r"[(\[](?:\s*#\s*,?)+[)\]]")


@dataclass(frozen=True)
class Correlation:
    """How points of a cell go with those of the rest of the sheet.

    Parameters
    ----------
    r : float or None
        None where nothing varies.
    low, high : float or None
        95 % interval by Fisher's z; None for fewer than five.
    n : int
    """

    r: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class CellFigures:
    """Figures of one cell.

    Parameters
    ----------
    n : int
        Of how many they are.
    waiting : int
        How many a person has still to read.
    mean, full, zero : float or None
        Shares: of the points, of the class with all of them, of the class with none.
    rest : Correlation
    flags : tuple of str
    """

    n: int
    waiting: int
    mean: float | None
    full: float | None
    zero: float | None
    rest: Correlation
    flags: tuple[str, ...]


@dataclass(frozen=True)
class MessageGroup:
    """Failures of a cell with the same sentence, numbers in it aside.

    Parameters
    ----------
    count : int
    sentence : str
        The one that most of them have.
    exact : int
        How many have just that one.
    """

    count: int
    sentence: str
    exact: int


def item_rest(item: np.ndarray, rest: np.ndarray) -> Correlation:
    """Return the correlation of a cell with the rest of the sheet.

    Parameters
    ----------
    item, rest : numpy.ndarray of shape (n,)
        NaN where somebody has no points yet; these are left out.

    Examples
    --------
    >>> found = item_rest(np.array([0.0, 0, 1, 1, 1]), np.array([1.0, 2, 3, 5, 4]))
    >>> round(found.r, 2), round(found.low, 2), round(found.high, 2), found.n
    (0.87, -0.07, 0.99, 5)
    """
    there = ~(np.isnan(item) | np.isnan(rest))
    item, rest = item[there], rest[there]
    n = len(item)
    if n < 3 or np.ptp(item) < 1e-12 or np.ptp(rest) < 1e-12:
        return Correlation(None, None, None, n)
    r = float(np.clip(np.corrcoef(item, rest)[0, 1], -1.0, 1.0))
    if n < 5:
        return Correlation(r, None, None, n)
    z, half = math.atanh(min(max(r, -0.999999), 0.999999)), 1.959964 / math.sqrt(n - 3)
    return Correlation(r, math.tanh(z - half), math.tanh(z + half), n)


def figures_of(
    table: np.ndarray, points: Sequence[float], groups: Sequence[Sequence[MessageGroup]]
) -> list[CellFigures]:
    """Return the figures of each cell.

    The rest of the sheet is made of the other cells that everybody has points of, so that it is the same sheet for all.

    Parameters
    ----------
    table : numpy.ndarray of shape (n, cells)
        NaN where a person has still to read.
    points : sequence of float
        What each cell is worth.
    groups : sequence of sequences of MessageGroup
        How each cell failed.
    """
    complete = ~np.isnan(table).any(axis=0) if len(table) else np.zeros(table.shape[1], bool)
    total = np.where(complete, np.nan_to_num(table), 0.0).sum(axis=1)
    found = []
    for column, worth in enumerate(points):
        scores = table[:, column]
        there = scores[~np.isnan(scores)]
        rest = item_rest(scores, total - (scores if complete[column] else 0.0))
        n, waiting = len(there), len(scores) - len(there)
        if not n or not worth:
            found.append(CellFigures(n, waiting, None, None, None, rest, ()))
            continue
        mean, full, zero = there.mean() / worth, (there >= worth - 1e-9).mean(), (there <= 1e-9).mean()
        flags = _flags(n, float(full), float(zero), rest, groups[column], len(scores))
        found.append(CellFigures(n, waiting, float(mean), float(full), float(zero), rest, flags))
    return found


def _flags(
    n: int, full: float, zero: float, rest: Correlation, groups: Sequence[MessageGroup], everybody: int
) -> tuple[str, ...]:
    flags = []
    if n > 1 and full == 1:
        flags.append("all right")
    if n > 1 and zero == 1:
        flags.append("all wrong")
    if rest.r is not None and rest.r < 0:
        sure = rest.high is not None and rest.high < 0
        flags.append("negative" if sure else "negative, but the interval holds 0")
    if groups and groups[0].count >= max(_MANY, _MANY_SHARE * everybody):
        flags.append(f"{groups[0].count} with the same sentence")
    return tuple(flags)


def grouped(sentences: Iterable[str]) -> list[MessageGroup]:
    """Return failures in groups, largest first: sentences that differ in numbers alone are one.

    Examples
    --------
    >>> told = ["got 5, not 3", "got 7, not 3", "got 7, not 3", "not filled in"]
    >>> [(one.count, one.sentence) for one in grouped(told)]
    [(3, 'got 7, not 3'), (1, 'not filled in')]
    """
    groups: dict[str, Counter[str]] = {}
    for sentence in sentences:
        plain = _NUMBER.sub("#", sentence)
        groups.setdefault(_LIST.sub("#", plain), Counter())[sentence] += 1
    found = []
    for counter in groups.values():
        sentence, exact = min(counter.items(), key=lambda entry: (-entry[1], entry[0]))
        found.append(MessageGroup(counter.total(), sentence, exact))
    return sorted(found, key=lambda group: (-group.count, group.sentence))


def quartiles(values: Sequence[float]) -> tuple[float, float, float] | None:
    """Return lower quartile, median and upper quartile; None of nothing."""
    return tuple(float(value) for value in np.percentile(values, [25, 50, 75])) if len(values) else None
