"""What feedback pages say in their own words, in each language that they know.

A text of a student, a check or the course stays in the language in which it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from course_utils.classroom.marks import number

__all__ = ["LANGUAGES", "Words", "words_in"]


@dataclass(frozen=True)
class Words:
    """The words of one language.

    Parameters
    ----------
    lang : str
        As the attribute `lang` of a page has it.
    decimal : str
        What stands between units and tenths.
    texts : mapping of str to str
        With fields for `str.format`; of two forms ``NAME`` and ``NAME.1``, the second one is for exactly one.
    """

    lang: str
    decimal: str
    texts: Mapping[str, str]

    def __call__(self, name: str, /, **values: Any) -> str:
        """Return a text; numbers among the values are written as the language writes them.

        Parameters
        ----------
        name : str
        **values
            Those of its fields. `n` decides which of two forms is taken.
        """
        if values.get("n") == 1 and f"{name}.1" in self.texts:
            name = f"{name}.1"
        said = {key: self.number(value) if isinstance(value, (int, float)) else value for key, value in values.items()}
        return self.texts[name].format(**said)

    def number(self, value: float) -> str:
        """Return points as the language writes them."""
        return number(value).replace(".", self.decimal)


_ENGLISH = {
    "feedback": "Feedback",
    "feedback on": "Feedback: {name}",
    "on the whole": "Feedback on the whole assignment",
    "total": "{reached} of {n} points",
    "total.1": "{reached} of {n} point",
    "so far": "{reached} of {n} points so far; {more}",
    "so far.1": "{reached} of {n} point so far; {more}",
    "more": "{n} more are not graded yet",
    "more.1": "{n} more is not graded yet",
    "late": "{n} points were taken for lateness.",
    "late.1": "{n} point was taken for lateness.",
    "about": "About this submission",
    "exercises": "Exercises",
    "exercise": "Exercise",
    "points": "Points",
    "not graded": "Not graded yet",
    "of": "{reached} of {possible}",
    "not shown": "What is not shown here has full points, and is in the notebook at the end.",
    "open": "Not graded yet; {n} points possible",
    "open.1": "Not graded yet; {n} point possible",
    "by hand": "a person gave this mark",
    "answer": "Your answer",
    "task": "Task",
    "check": "Check",
    "stopped": "This cell stopped with an error.",
    "error": "It stopped with an error.",
    "comment": "Comment",
    "blank": "Nothing was written.",
    "in the notebook": "The exercise in the notebook",
    "to the top": "Back to the top",
    "whole notebook": "The whole notebook, with every check and output",
    "all cells": "All cells with points",
    "above": "This answer is shown above.",
    "picture": "A picture without a description",
    "part": "{name}: {reached} of {possible}",
    "missing": "{name}: not handed in",
    "why": "Why points were lost, your answers and comments: the page of {name}.",
}

_GERMAN = {
    "feedback": "Rückmeldung",
    "feedback on": "Rückmeldung: {name}",
    "on the whole": "Rückmeldung zum ganzen Übungsblatt",
    "total": "{reached} von {n} Punkten",
    "total.1": "{reached} von {n} Punkt",
    "so far": "bisher {reached} von {n} Punkten; {more}",
    "so far.1": "bisher {reached} von {n} Punkt; {more}",
    "more": "{n} weitere Punkte sind noch nicht bewertet",
    "more.1": "{n} weiterer Punkt ist noch nicht bewertet",
    "late": "{n} Punkte wurden wegen verspäteter Abgabe abgezogen.",
    "late.1": "{n} Punkt wurde wegen verspäteter Abgabe abgezogen.",
    "about": "Zu dieser Abgabe",
    "exercises": "Aufgaben",
    "exercise": "Aufgabe",
    "points": "Punkte",
    "not graded": "Noch nicht bewertet",
    "of": "{reached} von {possible}",
    "not shown": "Was hier nicht steht, hat die volle Punktzahl; Sie finden es im Notebook am Ende der Seite.",
    "open": "Noch nicht bewertet; {n} Punkte möglich",
    "open.1": "Noch nicht bewertet; {n} Punkt möglich",
    "by hand": "von einer Person bewertet",
    "answer": "Ihre Antwort",
    "task": "Aufgabe",
    "check": "Prüfung",
    "stopped": "Diese Zelle endete mit einem Fehler.",
    "error": "Sie endete mit einem Fehler.",
    "comment": "Kommentar",
    "blank": "Hier steht keine Antwort.",
    "in the notebook": "Diese Aufgabe im Notebook",
    "to the top": "Zum Seitenanfang",
    "whole notebook": "Das ganze Notebook mit allen Prüfungen und Ausgaben",
    "all cells": "Alle Zellen mit Punkten",
    "above": "Diese Antwort steht weiter oben.",
    "picture": "Ein Bild ohne Beschreibung",
    "part": "{name}: {reached} von {possible}",
    "missing": "{name}: nicht abgegeben",
    "why": "Warum Punkte fehlen, Ihre Antworten und die Kommentare stehen auf der Seite zu {name}.",
}

_WORDS = {"en": Words("en", ".", _ENGLISH), "de": Words("de", ",", _GERMAN)}
LANGUAGES = tuple(_WORDS)


def words_in(language: str) -> Words:
    """Return the words of a language.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.

    Examples
    --------
    >>> words_in("en")("total", reached=0.5, n=1), words_in("de")("total", reached=0.5, n=2.0)
    ('0.5 of 1 point', '0,5 von 2 Punkten')
    """
    return _WORDS[language]
