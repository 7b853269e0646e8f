"""The stage return: who gets which marks and pages."""

from __future__ import annotations

import functools
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from traitlets.config import Config

from course_utils.classroom.config import load_config
from course_utils.classroom.deadlines import sync_gradebook
from course_utils.classroom.folder import coursedir, open_gradebook
from course_utils.classroom.marks import Mark, number, read_marks
from course_utils.classroom.one_run import only_run
from course_utils.classroom.roster import Owner, Roster, Student, lost_zeros, read_roster
from course_utils.classroom.safety_net import attempt
from course_utils.classroom.settings import OpenOlat
from course_utils.errors import CourseError
from course_utils.grading.page_state import out_of_date
from course_utils.grading.settings import Course
from course_utils.grading.sheet_page import page_names
from course_utils.notebooks.texts import one_line
from course_utils.platforms import door
from course_utils.platforms.marks_back import Line, Return
from course_utils.stages.feedback import write_pages
from course_utils.stages.whereabouts import QUARANTINE, Whereabouts, where_everybody_is

__all__ = ["return_marks"]


class CannotReturn(CourseError):
    """A mark can't be returned; the text says why."""


def return_marks(course: Path, assignment: str, *, automatic: bool = False, allow_names: bool = False) -> Return:
    """Write the files that carry marks and feedback of an assignment back to OpenOlat.

    They are put into ``returned/<assignment>/``. Feedback pages that show other marks or comments than the gradebook
    has by now are made again. Everything that OpenOlat would drop without a word is found here and told instead.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    automatic : bool
        Also return those whose prose, or a notebook in quarantine, waits for a person: the points they have so far, and
        the comment says so.
    allow_names : bool
        Also return feedback pages that name another student.

    Returns
    -------
    Return

    Raises
    ------
    CourseError
        If the roster cannot be used or the assignment is not in the gradebook.
    """
    course = Path(course).resolve()
    with only_run(course, f"return {assignment}"):
        return _return_marks(course, assignment, automatic, allow_names)


def _return_marks(course: Path, assignment: str, automatic: bool, allow_names: bool) -> Return:
    config = load_config(course)
    settings = OpenOlat(config=config)
    folders = coursedir(course, config)
    roster = read_roster(course)
    result = Return(assignment)
    candidates: dict[str, list[tuple[Mark, Owner]]] = {}
    group_task = False
    sync_gradebook(course, roster, assignment, known_only=True)  # nbgrader's own commands don't read the settings
    marks = read_marks(course, assignment)
    everybody = where_everybody_is(course, assignment, config, roster)
    half = {entry.owner_id: entry for entry in everybody if entry.why_half}
    for mark in marks:
        owner = roster.owner(mark.owner_id)
        if owner is None:
            result.withheld.append((mark.owner_id, "is in the gradebook, but not in the roster"))
            continue
        if mark.problem:
            result.withheld.append((owner.name, mark.problem))
            continue
        # Groups that hand in through one member's individual task can get files back; group tasks cannot.
        group_task |= owner.is_group and assignment not in settings.group_assignments
        if mark.waiting and not automatic:
            cells = "1 cell waits" if mark.waiting == 1 else f"{mark.waiting} cells wait"
            text = f"{cells} for a person; grade, or use --automatic"
            result.withheld.append((owner.name, text))
            continue
        if mark.owner_id in half and not automatic:
            result.withheld.append((owner.name, f"{half[mark.owner_id].why_half}; look at it, or use --automatic"))
            continue
        for student in owner.members:
            candidates.setdefault(student.student_id, []).append((mark, owner))
    result.withheld += _in_quarantine(everybody, {mark.owner_id for mark in marks})
    given = {owner.owner_id for options in candidates.values() for _, owner in options}
    result.renewed, faults = _renew_pages(course, config, assignment, given)
    taken, ours = _other_names(roster), _page_names(course, assignment, config)
    names = _NameCheck(roster)
    for student in roster.students:
        options = candidates.get(student.student_id)
        if not options:
            continue
        try:
            line = _line(student, options, assignment, settings, taken, half)
        except CannotReturn as error:
            result.withheld.append((student.name, str(error)))
            continue
        fault = faults.get(line.owner_id, "")
        if not fault:
            folder = Path(folders.format_path(folders.feedback_directory, line.owner_id, assignment))
            group = roster.owner(line.owner_id).members
            read = functools.partial(_pages, folder, ours, None if allow_names else names, group)
            found, fault = attempt(course, line.owner_id, "returned", read)
        pages, withheld = ([], [f"has a score, but the feedback pages {fault}"]) if fault else found
        result.withheld += [(student.name, reason) for reason in withheld]
        result.lines.append(replace(line, pages=tuple(pages)))
    if settings.identifier == "matriculation_number" and (zeros := lost_zeros(roster.students)):
        result.notes.append(f"{roster.path.name}: {zeros} OpenOlat does not know anybody by a number without them.")
    door.give_back(course / "returned" / assignment, result, roster, settings, group_task)
    return result


def _in_quarantine(everybody: Iterable[Whereabouts], graded: set[str]) -> list[tuple[str, str]]:
    """Return who handed in and has no mark, because nothing of it could be laid out: a person has to look."""
    return [(e.name, e.why_nothing) for e in everybody if e.state == QUARANTINE and e.owner_id not in graded]


def _renew_pages(
    course: Path, config: Config, assignment: str, owners: set[str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Make pages again that are missing, or show other marks or comments than the gradebook has by now.

    Returns
    -------
    renewed : tuple of str
        Whose pages were made again.
    faults : dict of str to str
        Whose could not be made, and why.
    """
    folders, stale, faults = coursedir(course, config), [], {}
    language = Course(config=config).language
    with open_gradebook(course, config) as gradebook:
        for submission in gradebook.find_assignment(assignment).submissions:
            owner = submission.student.id
            if owner in owners:
                graded, pages = (
                    Path(folders.format_path(stage, owner, assignment))
                    for stage in (folders.autograded_directory, folders.feedback_directory)
                )
                look = functools.partial(out_of_date, submission, graded, pages, language)
                old, fault = attempt(course, owner, "compared with its pages", look)
                faults |= {owner: fault} if fault else {}
                if old:
                    stale.append(owner)
    faults |= dict(write_pages(course, config, assignment, stale)) if stale else {}
    return tuple(sorted(set(stale) - set(faults))), faults


def _page_names(course: Path, assignment: str, config: Config) -> frozenset[str]:
    with open_gradebook(course, config) as gradebook:
        return page_names(notebook.name for notebook in gradebook.find_assignment(assignment).notebooks)


def _pages(
    folder: Path, ours: Container[str], names: _NameCheck | None, group: Iterable[Student]
) -> tuple[list[Path], list[str]]:
    """Return the feedback pages of somebody that can be returned, and why others can't.

    What a student handed in lies there as well, and is no page of the course, whatever it is called.
    """
    pages, withheld = [], []
    for page in sorted(path for path in folder.glob("*.html") if path.name in ours):
        if page.is_symlink() or not page.is_file():
            withheld.append(f"{one_line(page.name)} is no plain file; left out")
            continue
        others = names.found_in(page, group) if names is not None else []
        if others:
            told = ", ".join(others)
            withheld.append(f"{page.name} names {told}; left out. Look at it, then use --allow-names")
        else:
            pages.append(page)
    if not pages and not withheld:
        withheld.append("has a score but no feedback page; run `course feedback`")
    return pages, withheld


def _line(
    student: Student,
    options: list[tuple[Mark, Owner]],
    assignment: str,
    settings: OpenOlat,
    taken: dict[str, set[str]],
    half: Mapping[str, Whereabouts],
) -> Line:
    """Return the line of a student's mark.

    Raises
    ------
    CannotReturn
        With the reason, as it stands behind the student's name.
    """
    mark, owner = options[0]
    if len({m.score for m, _ in options}) > 1:
        told = ", ".join(f"{o.name}: {number(m.score)}" for m, o in options)
        raise CannotReturn(f"has several marks ({told}); OpenOlat would keep the last one")
    identifier = getattr(student, settings.identifier).strip()
    limit = settings.max_points.get(assignment)
    best = float(limit) if limit is not None else mark.max_score
    if not identifier:
        raise CannotReturn(f"has no {settings.identifier} in the roster")
    if re.search(r"[\t\r\n/\\]|^\.|\.\.", identifier) or not identifier.isprintable():
        raise CannotReturn(f"can't be identified by {identifier!r}: OpenOlat would not read it as one field or folder")
    if taken.get(identifier.casefold(), set()) - {student.student_id}:
        raise CannotReturn(f"can't be identified by {identifier!r}: another person has it as a name, number or address")
    if mark.score > best + 1e-9:
        raise CannotReturn(
            f"has {number(mark.score)} points, but the task takes {number(best)} at most: OpenOlat would drop it"
        )
    if mark.score < 0:
        raise CannotReturn(f"has {number(mark.score)} points: OpenOlat would drop it")
    unread = f"; {half[owner.owner_id].unread} could not be read" if owner.owner_id in half else ""
    comment = door.clean_comment(_comment(assignment, mark, owner) + unread)
    passed = mark.score >= settings.passed_share * mark.max_score - 1e-9 if settings.passed_share else None
    return Line(student, identifier, mark.score, mark.max_score, comment, passed, owner_id=owner.owner_id)


def _comment(assignment: str, mark: Mark, owner: Owner) -> str:
    reached = f"{number(mark.score)} of {number(mark.max_score)} points"
    if mark.waiting:
        possible = mark.max_score - mark.waiting_points
        reached = f"{number(mark.score)} of {number(possible)} points so far"
        reached += f"; {number(mark.waiting_points)} more are not graded yet"
    late = f"; {number(mark.penalty)} taken for lateness" if mark.penalty else ""
    group = f" ({owner.name})" if owner.is_group else ""
    return f"{assignment}{group}: {reached}{late}"


def _other_names(roster: Roster) -> dict[str, set[str]]:
    """Return by whom each string would be understood when OpenOlat looks for an identifier."""
    found: dict[str, set[str]] = {}
    for s in roster.students:
        for text in (s.user_name, s.matriculation_number, s.email, s.name):
            if text:
                found.setdefault(text.casefold(), set()).add(s.student_id)
    return found


_WORD = re.compile(r"\w+")


class _NameCheck:
    """Finds out whether a page names a student whom it does not belong to."""

    def __init__(self, roster: Roster) -> None:
        self._tokens: dict[str, Student] = {}
        for s in roster.students:
            for text in (s.matriculation_number, s.email):
                if len(text) >= 5:
                    self._tokens[text.casefold()] = s
        self._names = [
            (s, name, frozenset(_WORD.findall(name)))
            for s in roster.students
            for name in {s.name.casefold(), f"{s.last_name}, {s.first_name}".casefold()}
            if " " in name
        ]

    def found_in(self, page: Path, own: Iterable[Student]) -> list[str]:
        """Return the names of students, other than `own`, whose full name, number or address is in a page."""
        html = page.read_text(encoding="utf-8", errors="replace")
        # Pictures are long runs of letters and digits.
        text = re.sub(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=\s]+", "", html).casefold()
        mine = {s.student_id for s in own}
        found = {
            self._tokens[t] for t in set(re.findall(r"[\w.+-]+@[\w.-]+\w|\w[\w/.-]*\w", text)) if t in self._tokens
        }
        # A page is searched for those names only whose words are in it: a class may have thousands.
        words = frozenset(_WORD.findall(text))
        found |= {
            s
            for s, name, parts in self._names
            if parts <= words and name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
        }
        return sorted(s.name for s in found if s.student_id not in mine)
