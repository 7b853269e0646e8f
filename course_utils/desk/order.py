"""In which order answers are read: copies together, then like after like, or a random order that stays the same.

An order is all that likeness decides here. No mark follows from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from course_utils.desk.answers import Answer

__all__ = ["ORDERS", "Pile", "piles"]

ORDERS = ("alike", "random")
# Characters of an answer by which its likeness is told.
_LONGEST = 5_000


@dataclass(frozen=True)
class Pile:
    """Answers that are decided on together: exact copies, or all that are blank.

    Parameters
    ----------
    answers : tuple of Answer
    blank : bool
    """

    answers: tuple[Answer, ...]
    blank: bool = False

    @property
    def key(self) -> str:
        """By what a page names the pile."""
        return "blank" if self.blank else self.answers[0].digest[:16]

    @property
    def students(self) -> tuple[str, ...]:
        """Whose answers these are."""
        return tuple(answer.student for answer in self.answers)


def piles(answers: Sequence[Answer], order: str = "alike", seed: str = "") -> list[Pile]:
    """Return a question's answers in the order in which they are read.

    Parameters
    ----------
    answers : sequence of Answer
    order : {"alike", "random"}
        Like after like, by the characters that answers have in common; or random, the same at each start. Who reads
        later answers more strictly does not always meet the same students then.
    seed : str
        What a random order depends on beside the answers.

    Returns
    -------
    list of Pile
        Blank answers last.
    """
    groups: dict[str, list[Answer]] = {}
    blank = tuple(answer for answer in answers if answer.blank)
    for answer in answers:
        if not answer.blank:
            groups.setdefault(answer.digest, []).append(answer)
    found = [Pile(tuple(group)) for _, group in sorted(groups.items())]
    if order == "random":
        found.sort(key=lambda pile: hashlib.sha256(f"{seed}/{pile.students[0]}".encode()).digest())
    else:
        found = [found[index] for index in _alike([pile.answers[0].source for pile in found])]
    return [*found, *([Pile(blank, blank=True)] if blank else [])]


def _alike(texts: Sequence[str]) -> list[int]:
    """Return the positions of texts so that like follows like."""
    if len(texts) < 3:
        return list(range(len(texts)))
    from scipy.cluster.hierarchy import leaves_list, linkage
    from sklearn.feature_extraction.text import TfidfVectorizer

    shown = [text[:_LONGEST] or " " for text in texts]
    try:
        vectors = TfidfVectorizer(analyzer="char", ngram_range=(3, 5), sublinear_tf=True).fit_transform(shown)
    except ValueError:  # all of them are shorter than three characters
        return sorted(range(len(texts)), key=lambda index: texts[index])
    likeness = (vectors @ vectors.T).toarray()
    first, second = _pairs(len(texts))
    distances = (1.0 - likeness[first, second]).clip(0.0, 1.0)
    return leaves_list(linkage(distances, "average")).tolist()


def _pairs(count: int) -> tuple:
    import numpy as np

    return np.triu_indices(count, 1)
