"""What persons tick in the rubric of an answer: tables of the course's own in nbgrader's database.

They lie beside nbgrader's tables, so that ticks, `manual_score` and comment are written in one transaction: whoever is
killed in between has written all of it or nothing. Autograding does not touch them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nbgrader.api import Gradebook
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from course_utils.classroom.rubric_entries import Entry
from course_utils.classroom.rubric_points import Decision, comment_text, entered_as, mark_seen, points_of
from course_utils.classroom.rubric_tables import Base, Event, Item, Question, Reading
from course_utils.errors import CourseError

__all__ = ["Conflict", "RubricMarks"]


# Behind the name of a student in events that touch both readers' decisions.
_SECOND = " (second reader)"


class Conflict(CourseError):
    """Somebody else has decided in the meantime; nothing was written."""


class RubricMarks:
    """The ticks of a gradebook that is open; what changes several tables does it in one transaction.

    Parameters
    ----------
    gradebook : nbgrader.api.Gradebook
    """

    def __init__(self, gradebook: Gradebook) -> None:
        self._gradebook, self._db = gradebook, gradebook.db
        try:
            Base.metadata.create_all(gradebook.engine)
        except (OperationalError, ProgrammingError):  # another desk makes them at this moment
            Base.metadata.create_all(gradebook.engine)

    def items(self, question: Question, *, retired: bool = False) -> list[Item]:
        """Return the rubric of a question in its order, without lines that are no more used unless wanted."""
        query = select(Item).where(*_of(Item, question)).order_by(Item.retired, Item.place, Item.id)
        return [item for item in self._db.scalars(query) if retired or not item.retired]

    def take_over(self, question: Question, lines: Sequence[tuple[float, str]]) -> list[str]:
        """Take the rubric of the source over; return what differs from lines that persons have used already.

        New lines are added. A line that nobody has ticked follows the source. Where somebody has, the marks that were
        given stay as they are: it is told, and can be changed at the desk, which shows whom it touches.

        Parameters
        ----------
        question : Question
        lines : sequence of (float, str)
            Points and text, as the source has them.
        """
        for pause in (0.05, 0.1, 0.2, 0.4, 0.8):
            try:
                return self._take_over(question, lines)
            except (IntegrityError, OperationalError):  # another desk has just done the same, or is about to
                self._db.rollback()
                time.sleep(pause)
        return self._take_over(question, lines)

    def _take_over(self, question: Question, lines: Sequence[tuple[float, str]]) -> list[str]:
        known = self.items(question, retired=True)
        by_key = {item.source_key: item for item in known if item.source_key is not None}
        used = {tick for reading in self._readings(question) for tick in reading.ticks}
        told: list[str] = []
        seen: dict[str, int] = {}
        for place, (points, text) in enumerate(lines):
            digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
            seen[digest] = seen.get(digest, 0) + 1
            key = f"{digest}/{seen[digest]}"  # a line may stand there twice
            item = by_key.pop(key, None)
            if item is None:
                self._db.add(
                    Item(
                        **question.__dict__, place=place, points=points, text=text, source=text, source_points=points,
                        source_key=key, retired=False, taken_out=False,
                    )
                )  # fmt: skip
                continue
            item.place = place
            if item.retired and not item.taken_out:
                item.retired = False
            if item.points == points:
                item.source_points = points
            elif item.points == item.source_points and item.id not in used:
                item.points = item.source_points = points
            else:
                told.append(f"The source gives {points:g} for “{text}”; here it is {item.points:g}, and stays so.")
        for item in by_key.values():
            if item.retired:
                continue
            if item.id in used or item.text != item.source:
                told.append(f"“{item.text}” is no more in the source; it was used or changed here, so it stays.")
            else:
                item.retired = True
        self._db.commit()
        return told

    def readings(self, question: Question, turn: int = 1) -> dict[str, Reading]:
        """Return what was decided about a question, by student.

        Parameters
        ----------
        question : Question
        turn : int
            1 for the marks, 2 for those of a second reader.
        """
        return {reading.student: reading for reading in self._readings(question) if reading.turn == turn}

    def all_readings(self, assignment: str) -> list[Reading]:
        """Return what was decided about an assignment, by any reader."""
        return list(self._db.scalars(select(Reading).where(Reading.assignment == assignment)))

    def decide(
        self,
        question: Question,
        answers: Mapping[str, str],
        decision: Decision,
        reader: str,
        *,
        seen: Mapping[str, int] | None = None,
        marks: Mapping[str, str] | None = None,
        turn: int = 1,
        kind: str = "decide",
    ) -> None:
        """Write a decision: ticks, points and comment of one student, or of several whose answers are the same.

        Parameters
        ----------
        question : Question
        answers : mapping of str to str
            What identifies the answer that was read, by student.
        decision : Decision
        reader : str
            Who decides.
        seen : mapping of str to int, optional
            The version of each student's reading that the reader saw; 0 or missing if there was none.
        marks : mapping of str to str, optional
            What the gradebook held of each student when the reader saw it, as `mark_seen` gives it.
        turn : int
            2 for a second reader, whose points are kept but are not the mark.
        kind : str
            What the log calls it.

        Raises
        ------
        Conflict
            If one of the readings is another one by now, or a rubric item is. Nothing is written then.
        CourseError
            If points are changed by hand without a reason.
        """
        if decision.adjustment and not decision.reason.strip():
            raise CourseError("Points that are changed by hand need a reason; it stands in the log.")
        items = {item.id: item for item in self.items(question)}
        if any(tick not in items for tick in decision.ticks):
            raise Conflict("The rubric has changed: a line that you ticked is not in it any more. Look again.")
        try:
            before, after = {}, {}
            for student, answer in answers.items():
                version = (seen or {}).get(student, 0)
                seen_mark = None if marks is None else marks.get(student, "")
                before[student], after[student] = self._write(
                    question, student, answer, decision, items, reader, version, seen_mark, turn
                )
            self._note(kind, question, reader, before, after, turn)
            self._db.commit()
        except BaseException:
            self._db.rollback()
            raise

    def _write(
        self,
        question: Question,
        student: str,
        answer: str,
        decision: Decision,
        items: Mapping[int, Item],
        reader: str,
        version: int,
        seen_mark: str | None,
        turn: int,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Write one student's row and mark; return both as they were and as they are."""
        where = (*_of(Reading, question), Reading.student == student, Reading.turn == turn)
        row = self._db.scalars(select(Reading).where(*where)).one_or_none()
        if (row.version if row else 0) != version:
            raise Conflict(self._who(row, student))
        entry = Entry(self._gradebook, question, student)
        was = entry.content
        if turn == 1 and seen_mark not in (None, mark_seen(was["manual_score"], was["manual_comment"])):
            raise Conflict(
                f"The mark or the comment of {student} was changed elsewhere meanwhile, in formgrader for example. "
                "Look again, and decide."
            )
        before = {"reading": _content(row), "grade": was}
        points = points_of(decision, _points(items), entry.max_points)
        values = {
            "ticks": sorted(decision.ticks), "adjustment": decision.adjustment, "reason": decision.reason.strip(),
            "comment": decision.comment.strip(), "points": points, "answer": answer, "reader": reader, "at": _now(),
            "version": version + 1,
        }  # fmt: skip
        self._keep(question, student, turn, row, values)
        if turn == 1:
            entry.enter(points, comment_text(items.values(), values["ticks"], values["comment"]))
            self._db.flush()
        return before, {"reading": {**values, "turn": turn}, "grade": entry.content}

    def _keep(
        self, question: Question, student: str, turn: int, row: Reading | None, values: Mapping[str, Any]
    ) -> None:
        """Write a reading if it is still of the version that `row` has, whoever else writes at this moment."""
        if row is None:
            self._db.add(Reading(**question.__dict__, student=student, turn=turn, **values))
            try:
                self._db.flush()
            except IntegrityError as error:
                raise Conflict(self._who(None, student)) from error
            return
        change = update(Reading).where(Reading.id == row.id, Reading.version == row.version).values(**values)
        if self._db.execute(change.execution_options(synchronize_session=False)).rowcount != 1:
            raise Conflict(self._who(None, student))
        self._db.expire(row)

    def given_elsewhere(
        self,
        question: Question,
        given: Mapping[str, tuple[float | None, str | None]],
        readings: Mapping[str, Reading],
    ) -> dict[str, tuple[float | None, str | None]]:
        """Return the marks and comments that are not the ones that were written here, by student.

        Parameters
        ----------
        question : Question
        given : mapping of str to (float or None, str or None)
            What the gradebook has, as `entries` gives it.
        readings : mapping of str to Reading
            Of the first reader.
        """
        items, found = self.items(question, retired=True), {}
        for student, (points, comment) in given.items():
            if (points, comment or None) != entered_as(readings.get(student), items):
                found[student] = points, comment
        return found

    def change_item(
        self, question: Question, item: int, points: float, text: str, reader: str, *, retired: bool = False
    ) -> None:
        """Change a rubric item; the marks of all who have it are computed anew.

        Parameters
        ----------
        question : Question
        item : int
            Its id.
        points : float
        text : str
        reader : str
        retired : bool
            Take it out of the rubric: nobody has it any more.
        """
        known = {row.id: row for row in self.items(question, retired=True)}
        if item not in known:
            raise CourseError("This line is not in the rubric any more.")
        try:
            row = known[item]
            before = {str(item): {"points": row.points, "text": row.text, "retired": row.retired}}
            row.points, row.text, row.retired, row.taken_out = points, text.strip(), retired, retired
            after = {str(item): {"points": points, "text": row.text, "retired": retired}}
            self._db.flush()
            self._score_again(question, known, item, drop=retired, before=before, after=after)
            self._note("item", question, reader, before, after)
            self._db.commit()
        except BaseException:
            self._db.rollback()
            raise

    def touched_by(
        self, question: Question, item: int, points: float, *, retired: bool = False
    ) -> list[tuple[str, float, float]]:
        """Return whose mark a change of an item would move: student, points now, points then."""
        then = _points({row.id: row for row in self.items(question, retired=True)}) | {item: 0.0 if retired else points}
        found = []
        for student, reading in sorted(self.readings(question).items()):
            if item in reading.ticks and (entry := self._followed(question, reading)):
                found.append((student, reading.points, points_of(reading, then, entry.max_points)))
        return found

    def _followed(self, question: Question, reading: Reading) -> Entry | None:
        """Return the mark that goes by a reading's ticks; None if it is gone, or was given elsewhere."""
        try:
            entry = Entry(self._gradebook, question, reading.student)
        except CourseError:
            return None  # taken out of the gradebook
        return entry if reading.turn != 1 or entry.content["manual_score"] == reading.points else None

    def _score_again(
        self,
        question: Question,
        items: Mapping[int, Item],
        item: int,
        *,
        drop: bool,
        before: dict[str, Any],
        after: dict[str, Any],
    ) -> None:
        for reading in self._readings(question):
            entry = self._followed(question, reading) if item in reading.ticks else None
            if entry is None:
                continue
            key = reading.student if reading.turn == 1 else reading.student + _SECOND
            before[key] = {"reading": _content(reading), "grade": entry.content}
            ticks = [tick for tick in reading.ticks if not (drop and tick == item)]
            points = points_of(Decision(tuple(ticks), reading.adjustment), _points(items), entry.max_points)
            values = {"ticks": ticks, "points": points, "version": reading.version + 1}
            self._keep(question, reading.student, reading.turn, reading, values)
            if reading.turn == 1:
                entry.enter(points, comment_text(items.values(), ticks, reading.comment))
                self._db.flush()
            after[key] = {"reading": _content(reading), "grade": entry.content}

    def add_item(self, question: Question, points: float, text: str, reader: str) -> Item:
        """Add a line to the rubric, behind the others."""
        place = max((item.place for item in self.items(question, retired=True)), default=-1) + 1
        item = Item(**question.__dict__, place=place, points=points, text=text.strip(), source=None, retired=False)
        try:
            self._db.add(item)
            self._db.flush()
            self._note("item", question, reader, {}, {str(item.id): {"points": points, "text": item.text}})
            self._db.commit()
        except BaseException:
            self._db.rollback()
            raise
        return item

    def undo(self, assignment: str, reader: str, turn: int = 1) -> Event | None:
        """Take back what a reader did last in an assignment; None if there is nothing.

        Parameters
        ----------
        assignment, reader : str
        turn : int
            2 for what was done as a second reader.

        Raises
        ------
        Conflict
            If somebody has changed one of these marks since. Nothing is taken back then.
        """
        mine = (Event.assignment == assignment, Event.reader == reader, Event.turn == turn, Event.undone.is_(False),
                Event.kind != "undo")  # fmt: skip
        event = self._db.scalars(select(Event).where(*mine).order_by(Event.id.desc())).first()
        if event is None:
            return None
        question = Question(event.assignment, event.notebook, event.cell)
        try:
            self._take_back(question, event)
            event.undone = True
            self._note("undo", question, reader, event.after, event.before, turn)
            self._db.commit()
        except BaseException:
            self._db.rollback()
            raise
        return event

    def _take_back(self, question: Question, event: Event) -> None:
        items = {str(item.id): item for item in self.items(question, retired=True)}
        if event.kind == "item":
            for key in set(event.after) & set(items):
                was = event.before.get(key)
                row = items[key]
                if was is None:  # it was added
                    if any(row.id in reading.ticks for reading in self._readings(question)):
                        raise Conflict(f"“{row.text}” is ticked by now; take it out of the rubric instead.")
                    row.retired = True
                else:
                    row.points, row.text, row.retired = was["points"], was["text"], was["retired"]
                    row.taken_out = was["retired"] and row.taken_out
        for key, was in event.before.items():
            if "grade" not in was:
                continue
            student, turn = key.removesuffix(_SECOND), event.after[key]["reading"]["turn"]
            where = (*_of(Reading, question), Reading.student == student, Reading.turn == turn)
            row = self._db.scalars(select(Reading).where(*where)).one_or_none()
            if _decided(_content(row)) != _decided(event.after[key]["reading"]):
                raise Conflict(self._who(row, student) + " It can't be taken back any more.")
            entry = Entry(self._gradebook, question, student)
            now, then = entry.content, event.after[key]["grade"]
            if turn == 1 and any(now[name] != then[name] for name in ("manual_score", "manual_comment")):
                raise Conflict(
                    f"The mark or the comment of {student} was changed elsewhere since, in formgrader for example. It "
                    "can't be taken back any more."
                )
            if was["reading"] is None:
                self._db.delete(row)
                self._db.flush()
            else:
                # Never a version that was there before: a page that somebody has open shows another one.
                self._keep(question, student, turn, row, {**was["reading"], "version": row.version + 1})
            if turn == 1:
                mark = was["grade"]
                entry.enter(mark["manual_score"], mark["manual_comment"], waits=mark["needs_manual_grade"])

    def events(self, assignment: str, limit: int = 200) -> list[Event]:
        """Return what was done in an assignment, the newest first."""
        query = select(Event).where(Event.assignment == assignment).order_by(Event.id.desc()).limit(limit)
        return list(self._db.scalars(query))

    def _readings(self, question: Question) -> list[Reading]:
        return list(self._db.scalars(select(Reading).where(*_of(Reading, question)).order_by(Reading.student)))

    def _note(
        self,
        kind: str,
        question: Question,
        reader: str,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        turn: int = 1,
    ) -> None:
        students = sorted(key for key in after if "grade" in after[key])
        event = Event(
            at=_now(), reader=reader, kind=kind, turn=turn, **question.__dict__, students=students, before=dict(before),
            after=dict(after), undone=False,
        )  # fmt: skip
        self._db.add(event)
        self._db.flush()

    def _who(self, row: Reading | None, student: str) -> str:
        if row is None:
            return f"The answer of {student} has been marked by somebody else in the meantime. Look again, and decide."
        return (
            f"{row.reader} has marked the answer of {student} in the meantime ({row.points:g} points, {row.at}). "
            "Look again, and decide."
        )


def _points(items: Mapping[int, Item]) -> dict[int, float]:
    return {key: item.points for key, item in items.items()}


def _of(table: type[Item] | type[Reading], question: Question) -> tuple[ColumnElement[bool], ...]:
    return (
        table.assignment == question.assignment, table.notebook == question.notebook, table.cell == question.cell
    )  # fmt: skip


def _content(row: Reading | None) -> dict[str, Any] | None:
    names = ("ticks", "adjustment", "reason", "comment", "points", "answer", "reader", "at", "version", "turn")
    return None if row is None else {name: getattr(row, name) for name in names}


def _decided(content: dict[str, Any] | None) -> dict[str, Any]:
    """Return what was decided, by whom and when; the version also rises when a later decision was taken back."""
    return {name: value for name, value in (content or {}).items() if name != "version"}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
