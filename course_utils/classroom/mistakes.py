"""What is wrong with the settings of a course, found before anything is done with them."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from traitlets import Bool, Dict, Enum, Float, Integer, List, TraitError, TraitType, Type, Unicode
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

from course_utils.classroom.settings_file import SettingsFile
from course_utils.notebooks.texts import one_line

__all__ = ["Mistake", "nearest", "wrong_settings"]

_LONGEST = 200  # characters of a value in a sentence


@dataclass(frozen=True)
class Mistake:
    """One thing that somebody should change.

    Parameters
    ----------
    text : str
        A sentence with file and line, and what to write.
    level : str
        ``"bad"``: nothing can be done before it is mended. ``"warning"``: told before every command. ``"note"``: told
        by `course doctor` alone.
    line : int
        Of the file with the settings, if it is known.
    """

    text: str
    level: str = "bad"
    line: int = 0


def wrong_settings(
    config: Config,
    classes: Sequence[type],
    file: SettingsFile,
    assignments: Collection[str],
    others: Mapping[str, type] | None = None,
) -> list[Mistake]:
    """Return what is wrong with the settings of the course's own classes: values, names, unknown assignments.

    Of the classes of others (nbgrader's), values of a type that they do not take.

    Parameters
    ----------
    config : traitlets.config.Config
    classes : sequence of type
        Configurables of the course.
    file : SettingsFile
    assignments : collection of str
        Those in ``source/``.
    others : mapping of str to type, optional
        Further configurables by their names.
    """
    own = {cls.__name__: cls for cls in classes}
    found: list[Mistake] = []
    for section, settings in config.items():
        if section in (others or {}):
            found += _wrong_types(others[section], settings, file)
            continue
        if section not in own:
            if near := nearest(section, own, cutoff=0.8):
                found.append(_mistake(file, (section,), f"There is no c.{section}. Did you mean c.{near}?"))
            continue
        traits = own[section].class_traits(config=True)
        for name, value in settings.items():
            if name not in traits:
                there_are = ", ".join(sorted(own[section].class_own_traits(config=True)))
                told = f"Did you mean {near}?" if (near := nearest(name, traits)) else f"There are: {there_are}."
                text = f"There is no setting c.{section}.{name}. {told}"
                found.append(_mistake(file, (section, name), text))
                continue
            if isinstance(value, LazyConfigValue):
                value = value.get_value(traits[name].default())
            found += _wrong_values(own[section], name, traits[name], value, file)
            if traits[name].metadata.get("by_assignment"):
                found += _unknown_assignments(section, name, traits[name], value, file, assignments)
    return sorted(found, key=lambda mistake: mistake.line)


def _mistake(file: SettingsFile, names: tuple[str, ...], text: str, level: str = "bad") -> Mistake:
    return Mistake(f"{file.where(*names)}: {text}", level, file.line(*names))


def nearest(name: str, names: Collection[str], cutoff: float = 0.6) -> str:
    """Return the one of some names that somebody may have meant, empty if none is near.

    Examples
    --------
    >>> nearest("wek0", ["week0", "week1"]), nearest("openolat", ["OpenOlat"]), nearest("x", ["week0"])
    ('week0', 'OpenOlat', '')
    """
    folded = {other.casefold(): other for other in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=cutoff)
    return folded[near[0]] if near else ""


def _wrong_values(cls: type, name: str, trait: TraitType, value: Any, file: SettingsFile) -> Iterator[Mistake]:
    """Yield what is wrong with the value of one setting; of a dict, entry by entry where one alone is wrong."""
    section, about = cls.__name__, trait.metadata
    if isinstance(value, Mapping):
        wrong = {key: error for key, entry in value.items() if (error := _refusal(cls, name, {key: entry}))}
        for key, error in wrong.items():
            if not isinstance(key, str) and isinstance(getattr(trait, "_key_trait", None), Unicode):
                text = f"c.{section}.{name} has the key {key!r}, but must have texts, in quotes, such as {str(key)!r}."
                yield _mistake(file, (section, name, str(key)), text)
                continue
            each = about.get("each", "") if isinstance(key, str) else ""
            text = _sentence(f"c.{section}.{name}[{key!r}]", value[key], each, error, about.get("right_each"))
            yield _mistake(file, (section, name, str(key)), text)
        if wrong:
            return
    if error := _refusal(cls, name, value):
        right = about.get("right")
        if isinstance(trait, Enum):
            right = functools.partial(_nearest_choice, trait)
        must = about.get("must", _must(trait))
        if not must and not _is_of_type(cls, trait, value):
            must = _must(trait) or _kind(trait)
        told = _Kept(value) if about.get("secret") else value
        text = _sentence(f"c.{section}.{name}", told, must, error, right)
        yield _mistake(file, (section, name), text)


def _wrong_types(cls: type, settings: Config, file: SettingsFile) -> Iterator[Mistake]:
    """Yield the settings of a class whose values are of a type that they can't have; nothing of the class is run."""
    traits = cls.class_traits(config=True)
    for name, value in settings.items():
        if name in traits and not isinstance(value, LazyConfigValue) and not _is_of_type(cls, traits[name], value):
            text = _sentence(f"c.{cls.__name__}.{name}", value, _must(traits[name]) or _kind(traits[name]), "", None)
            yield _mistake(file, (cls.__name__, name), text)


def _is_of_type(cls: type, trait: TraitType, value: Any) -> bool:
    """Return whether a setting takes a value as far as its type says; what a class looks at besides is left aside."""
    if (value is None and trait.allow_none) or (isinstance(trait, Type) and isinstance(value, str)):
        return True  # the latter is a name of a class: whoever loads it says whether there is one
    if not hasattr(trait, "validate"):  # takes anything
        return True
    try:
        trait.validate(cls.__new__(cls), value)
    except TraitError:
        return False
    return True


def _nearest_choice(trait: Enum, value: Any) -> str | None:
    return nearest(str(value), trait.values) or None


def _refusal(cls: type, name: str, value: Any) -> str:
    """Return what the class says to a value, empty if it takes it."""
    try:
        cls(config=Config({cls.__name__: {name: value}}))
    except (TraitError, ValueError, TypeError) as error:
        return str(error)
    return ""


def _sentence(setting: str, value: Any, must: str, error: str, right: Callable[[Any], Any] | None) -> str:
    """Return what is wrong with a value, what it must be, and what to write where that can be told."""
    if not must:
        return error  # names the setting
    meant = right(value) if right else None
    write = f" Write {setting} = {meant!r}" if meant is not None else ""
    return f"{setting} is {one_line(repr(value), _LONGEST)}, but must be {must}.{write}"


def _must(trait: TraitType) -> str:
    """Return what a setting must be that does not say so itself; empty if its own message is better."""
    if isinstance(trait, Enum):
        return f"one of {', '.join(map(repr, trait.values))}"
    kinds = {Bool: "True or False", Integer: "a whole number", Float: "a number", Unicode: "a text, in quotes"}
    return next((text for kind, text in kinds.items() if isinstance(trait, kind)), "")


def _kind(trait: TraitType) -> str:
    """Return what type of value a setting has whose type alone was missed."""
    kinds = {List: "a list, in [ ]", Dict: "a dict, in { }"}
    kind = next((text for kind, text in kinds.items() if isinstance(trait, kind)), "")
    if isinstance(getattr(trait, "_trait", None), Unicode):
        kind = kind.replace(",", " of texts,", 1)
    return f"{kind}{' or None' * bool(trait.allow_none)}" if kind else trait.info()


class _Kept:
    """Stands for a value that no sentence may show."""

    def __init__(self, value: Any) -> None:
        self._type = type(value).__name__

    def __repr__(self) -> str:
        return f"of type {self._type}"


def _unknown_assignments(
    section: str, name: str, trait: TraitType, value: Any, file: SettingsFile, assignments: Collection[str]
) -> list[Mistake]:
    """Return the assignments of a setting that are not in ``source/``."""
    found = []
    if isinstance(value, str):  # traitlets takes it for a list of one
        value = [value] if isinstance(trait, List) else []
    names = value if isinstance(value, Iterable) else []
    for assignment in filter(lambda name: isinstance(name, str), names):
        if assignment in assignments or (assignment == "*" and trait.metadata.get("for_all_others")):
            continue
        near = nearest(assignment, assignments)
        told = f"Did you mean {near!r}?" if near else "It has no effect until there is one."
        told = "It has no effect: each needs its own." if assignment == "*" else told
        text = f"c.{section}.{name} is for {assignment!r}, which is no folder of source/. {told}"
        level = "warning" if near or assignment == "*" else "note"
        found.append(_mistake(file, (section, name, assignment), text, level))
    return found
