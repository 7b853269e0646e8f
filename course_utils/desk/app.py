"""The desk's pages, for one assignment and one reader at a time.

Every address is relative, so that the desk also works behind a proxy that puts something before its paths. A page
shows a student's text: nothing of it runs or loads, and who has no token gets nothing.
"""

from __future__ import annotations

import functools
import re
import secrets
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from nbgrader.api import Gradebook
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from course_utils.classroom.marks import number
from course_utils.classroom.rubric_entries import entries
from course_utils.classroom.rubric_marks import Conflict, RubricMarks
from course_utils.classroom.rubric_points import Decision, comments_used, mark_seen
from course_utils.classroom.rubric_tables import Question
from course_utils.desk.agreement import agreement
from course_utils.desk.answers import Written
from course_utils.desk.classwork import Classwork, Mark
from course_utils.desk.order import Pile
from course_utils.errors import CourseError
from course_utils.grading.pages import rendered
from course_utils.notebooks.texts import one_line

__all__ = ["Desk", "make_app"]

_THIS_MACHINE = frozenset(["127.0.0.1", "localhost", "::1"])
_LARGEST_FORM = 1 << 20  # bytes
_LONGEST_COMMENT = 20_000  # characters
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Desk:
    """What the pages share.

    Parameters
    ----------
    work : Classwork
    gradebook : nbgrader.api.Gradebook
        Open as long as the desk is.
    reader : str
        Who reads.
    token : str
        Who shows it may read and decide.
    second : bool
        Whether a second reader reads: sees nobody's marks, and the own ones are no marks of the class.
    hosts : iterable of str
        Names by which browsers may call the desk besides those of this machine: that of a server that passes on what
        it is asked. A page of any other name, which leads here by a trick with the name, gets nothing.
    """

    def __init__(
        self,
        work: Classwork,
        gradebook: Gradebook,
        reader: str,
        token: str,
        *,
        second: bool = False,
        hosts: Iterable[str] = (),
    ) -> None:
        self.work, self.gradebook, self.reader, self.token = work, gradebook, reader, token
        # A name of its own, since cookies know no ports: two desks in one browser do not end each other. Its secret is
        # another one than that of the address, and goes to this desk's own pages alone as far as a browser can tell.
        self.cookie, self.secret = f"course-desk-{secrets.token_hex(4)}", secrets.token_urlsafe(24)
        self.turn = 2 if second else 1
        self.hosts = frozenset(host.casefold() for host in hosts)
        self.marks = RubricMarks(gradebook)
        work.take_rubrics_over(self.marks)
        self.templates = Environment(
            loader=PackageLoader("course_utils.desk", "pages"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self.templates.filters["number"] = number
        # A name of any script stands for itself: what follows it does not change sides.
        self.templates.globals["who"] = lambda student: Markup("<bdi>{}</bdi>").format(work.name(student))
        # The texts of the course are on every page of a question.
        self.templates.filters["markdown"] = functools.lru_cache(maxsize=1000)(lambda text: Markup(rendered(text)))
        self._rendered: dict[str, Markup] = {}

    def answer_html(self, source: str, attachments: dict, digest: str) -> Markup:
        """Return an answer as HTML; kept, since a reader comes back to it."""
        if digest not in self._rendered:
            self._rendered[digest] = Markup(rendered(self.work.text(source), attachments))
        return self._rendered[digest]

    def page(self, template: str, *, status: int = 200, up: str = "", **values: Any) -> HTMLResponse:
        """Return a page; `up` is what leads from its address to the desk's first one."""
        common = {"work": self.work, "reader": self.reader, "second": self.turn == 2, "up": up}
        text = self.templates.get_template(template).render(**common, **values)
        return HTMLResponse(text, status_code=status, headers=_HEADERS)

    def question(self, request: Request) -> Written:
        """Return the question that an address names.

        Raises
        ------
        CourseError
            If there is none.
        """
        key = Question(self.work.assignment, request.path_params["notebook"], request.path_params["cell"])
        if key not in self.work.by_key:
            raise CourseError(f"{self.work.assignment} has no question {key.notebook}/{key.cell}.")
        return self.work.by_key[key]


def make_app(desk: Desk) -> Starlette:
    """Return the web application.

    Parameters
    ----------
    desk : Desk
    """

    def route(path: str, show: Callable, method: str = "GET") -> Route:
        return Route(path, _guarded(desk, show), methods=[method])

    question = "/{notebook}/{cell}"
    return Starlette(
        routes=[
            Mount("/static", StaticFiles(packages=[("course_utils.desk", "static")])),
            route("/", _questions),
            route("/log", _log),
            route("/agreement", _agreement),
            route("/undo", _undo, "POST"),
            route(question + "/", _question),
            route(question + "/rubric", _rubric),
            route(question + "/rubric", _change_rubric, "POST"),
            route(question + "/{pile}", _pile),
            route(question + "/{pile}", _decide, "POST"),
        ]
    )


def _guarded(desk: Desk, show: Callable) -> Callable:
    async def answer(request: Request) -> Response:
        refusal = _refusal(desk, request)
        if refusal is not None:
            return refusal
        try:
            form = await _form(request) if request.method == "POST" else {}
            response = await show(desk, request, **({"form": form} if request.method == "POST" else {}))
            # Reading a class of two hundred takes seconds, and time from whatever else is done: after the first page.
            response.background = BackgroundTask(desk.work.begin_reading)
            return response
        except Conflict as error:
            return desk.page(
                "told.html.j2",
                status=409,
                up=_up(request),
                title="Decided in the meantime",
                text=desk.work.text(str(error)),
            )
        except CourseError as error:
            return desk.page(
                "told.html.j2", status=400, up=_up(request), title="That can't be done", text=desk.work.text(str(error))
            )
        except OperationalError as error:
            text = f"The gradebook can't be written or read just now ({error.orig}). Nothing was changed; try again."
            return desk.page("told.html.j2", status=503, up=_up(request), title="Try again", text=text)
        finally:
            # What others write meanwhile is read anew by the next page.
            desk.gradebook.db.rollback()

    return answer


def _up(request: Request) -> str:
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return "../" * (path.count("/") - 1)


def _refusal(desk: Desk, request: Request) -> Response | None:
    """Return why a request gets nothing, or None: its token, and that it comes from the desk's own pages."""
    host = request.headers.get("host", "")
    if _name_of(host) not in _THIS_MACHINE | desk.hosts:
        text = (
            f"This desk was called by the name “{one_line(host, 100)}”, which is none of this machine. If it is your "
            "own server's, start the desk with --allow-host and that name."
        )
        return PlainTextResponse(text, status_code=421, headers=_HEADERS)
    given = request.query_params.get("token")
    if given is not None and secrets.compare_digest(given.encode(), desk.token.encode()):
        response = RedirectResponse(request.url.path.rpartition("/")[2] or "./", status_code=303, headers=_HEADERS)
        # Not "strict": the file that `course desk` opens is of no site, and from there browsers send no such cookie
        # along. What changes something is sent by POST, which "lax" keeps from other sites as well.
        response.set_cookie(desk.cookie, desk.secret, httponly=True, samesite="lax", path=None)
        return response
    if not secrets.compare_digest(request.cookies.get(desk.cookie, "").encode(), desk.secret.encode()):
        text = "This page needs the address that `course desk` has printed, with its token."
        return PlainTextResponse(text, status_code=403, headers=_HEADERS)  # says nothing of the class
    if request.method == "POST":
        origin = request.headers.get("origin")
        fetched = request.headers.get("sec-fetch-site", "same-origin")
        if fetched not in ("same-origin", "none") or (
            origin not in (None, "null") and urlsplit(origin).netloc != host and _name_of(origin) not in desk.hosts
        ):
            text = "Another web site sends this. Nothing was changed."
            return desk.page("told.html.j2", status=403, up=_up(request), title="Not from here", text=text)
    return None


def _name_of(place: str) -> str:
    """Return the name in an address or in a header `Host`, without its port; empty if it is none."""
    try:
        return urlsplit(place if "//" in place else f"//{place}").hostname or ""
    except ValueError:
        return ""


async def _form(request: Request) -> dict[str, list[str]]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_FORM:
            raise CourseError("That is more text than a comment may have.")
    try:
        return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10_000)
    except ValueError:
        raise CourseError("That form has more fields than any of the desk's.") from None


async def _questions(desk: Desk, request: Request) -> Response:
    marks = desk.work.marks(desk.gradebook)
    progress = desk.work.progress(marks)
    mine = {key: sum(r.turn == desk.turn for r in rs) for key, rs in _readings_by_question(desk).items()}
    return desk.page(
        "questions.html.j2", questions=desk.work.questions, progress=progress, mine=mine, told=desk.work.told,
        left=sum(p.waiting for p in progress.values()),
    )  # fmt: skip


def _readings_by_question(desk: Desk) -> dict[Question, list]:
    found: dict[Question, list] = {}
    for reading in desk.marks.all_readings(desk.work.assignment):
        found.setdefault(Question(reading.assignment, reading.notebook, reading.cell), []).append(reading)
    return found


async def _piles_of(desk: Desk, written: Written) -> list[Pile]:
    if desk.work.is_read(written.key):
        if desk.work.has_changed(written.key):
            try:
                await run_in_threadpool(desk.work.read_again, written.key)
            except (OSError, ValueError) as error:
                raise CourseError(f"The answers of {written.key.notebook} can't be read again: {error}.") from error
        return desk.work.piles(written.key)
    return await run_in_threadpool(desk.work.piles, written.key)


def _state(desk: Desk, written: Written, piles: list[Pile]) -> list[dict[str, Any]]:
    """Return for each pile how many of its answers are still to be read."""
    marks = desk.work.marks(desk.gradebook, written.key)[written.key]
    readings = desk.marks.readings(written.key, desk.turn)
    rows = []
    for pile in piles:
        left = [a.student for a in pile.answers
                if desk.work.waits(marks.get(a.student), readings.get(a.student), a, desk.turn)]  # fmt: skip
        # Blank answers as they were handed out have their 0 points already; those that were emptied wait.
        rows.append({"pile": pile, "left": len(left), "waiting": left, "marks": marks, "readings": readings})
    return rows


async def _question(desk: Desk, request: Request) -> Response:
    written = desk.question(request)
    piles = await _piles_of(desk, written)
    rows = _state(desk, written, piles)
    if not rows:
        text = f"Nobody has handed in {written.key.notebook}, or nothing of it is graded yet."
        return desk.page("told.html.j2", up="../../", title=written.title, text=text)
    first = next((row for row in rows if row["left"]), rows[0])
    return RedirectResponse(first["pile"].key, status_code=303, headers=_HEADERS)


async def _pile(desk: Desk, request: Request) -> Response:
    written = desk.question(request)
    rows = _state(desk, written, await _piles_of(desk, written))
    place = next((i for i, row in enumerate(rows) if row["pile"].key == request.path_params["pile"]), None)
    if place is None:
        raise CourseError(
            "This answer is not there any more: it was graded again, or handed in anew. Go back to the list."
        )
    pile, marks, readings = (rows[place][name] for name in ("pile", "marks", "readings"))
    first = pile.answers[0]
    waiting = set(rows[place]["waiting"])
    reading = next((readings[s] for s in pile.students if s in readings), None)
    items = desk.marks.items(written.key)
    mark = marks.get(first.student, Mark(None, False, written.points))
    given = entries(desk.gradebook, written.key) if desk.turn == 1 else {}
    unlike = desk.marks.given_elsewhere(written.key, given, readings) if desk.turn == 1 else {}
    elsewhere = [(student, *unlike[student]) for student in pile.students if student in unlike]
    other = bool(reading and reading.answer and reading.answer != first.digest)
    # A long text takes seconds: others are served meanwhile.
    html = await run_in_threadpool(desk.answer_html, first.source, first.attachments, first.digest)
    after = [i for i in [*range(place + 1, len(rows)), *range(place)] if rows[i]["left"]]
    return desk.page(
        "pile.html.j2", up="../../", written=written, rows=rows, place=place, pile=pile, answer=first, items=items,
        reading=reading, marks=marks, elsewhere=elsewhere, handle=desk.work.handle,
        ticks=set(reading.ticks) if reading and not other else set(),
        chosen=waiting or set(pile.students),
        seen={s: mark_seen(*given[s]) for s in pile.students if s in given},
        unread=desk.work.unread.get(written.key.notebook, []),
        versions={s: readings[s].version if s in readings else 0 for s in pile.students},
        other_answer=other, had=[item.text for item in items if other and item.id in reading.ticks],
        max_points=mark.max_points, comments=comments_used(readings.values()),
        told=desk.work.told.get(written.key, []),
        html=html, left=sum(row["left"] for row in rows),
        scores=desk.work.scores(desk.gradebook, written, first.student) if desk.turn == 1 else {},
        next_key=rows[after[0]]["pile"].key if after else None,
        before_key=rows[place - 1]["pile"].key if place else None,
        after_key=rows[place + 1]["pile"].key if place + 1 < len(rows) else None,
        different={s for s in pile.students if s in readings and reading and readings[s].ticks != reading.ticks},
    )  # fmt: skip


async def _decide(desk: Desk, request: Request, form: dict[str, list[str]]) -> Response:
    written = desk.question(request)
    rows = _state(desk, written, await _piles_of(desk, written))
    row = next((row for row in rows if row["pile"].key == request.path_params["pile"]), None)
    if row is None:
        raise CourseError(
            "This answer is not there any more: it was graded again, or handed in anew. Go back to the list."
        )
    chosen = form.get("student", [])
    handles = {desk.work.handle(student): student for student in row["pile"].students}
    answers = {a.student: a.digest for a in row["pile"].answers if desk.work.handle(a.student) in chosen}
    if len(answers) != len(chosen) or not answers:
        raise Conflict("Other students have this answer by now. Look again, and decide.")
    seen = {student: _whole(_one(form, f"version-{handle}")) for handle, student in handles.items()}
    marks = {student: _one(form, f"mark-{handle}") for handle, student in handles.items()}
    if len(_one(form, "comment")) > _LONGEST_COMMENT:
        raise CourseError(f"A comment has {_LONGEST_COMMENT} characters at most.")
    decision = Decision(
        tuple(int(tick) for tick in form.get("tick", []) if tick.isdecimal()), _points(_one(form, "adjustment")),
        _one(form, "reason"), _one(form, "comment"),
    )  # fmt: skip
    if not decision.ticks and not decision.adjustment and _one(form, "none") != "yes":
        raise CourseError("Nothing is ticked. Go back and tick what the answer has, or “nothing of it”.")
    desk.marks.decide(written.key, answers, decision, desk.reader, seen=seen, marks=marks, turn=desk.turn)
    after = _one(form, "then")
    place = rows.index(row)
    rest = [r for r in [*rows[place + 1 :], *rows[:place]] if r["left"]]
    following = rest[0]["pile"].key if rest else "../../"
    target = row["pile"].key if after == "stay" else following
    return RedirectResponse(target, status_code=303, headers=_HEADERS)


def _one(form: dict[str, list[str]], name: str) -> str:
    return form.get(name, [""])[-1].replace("\r\n", "\n")


def _whole(text: str) -> int:
    if not re.fullmatch(r"\d{0,9}", text):
        raise CourseError(f"“{text[:40]}” is no number that the desk has given.")
    return int(text or 0)


def _points(text: str) -> float:
    """Return points that a person typed; a comma is as good as a point."""
    text = text.strip().replace(",", ".").replace("\N{MINUS SIGN}", "-")
    if not text:
        return 0.0
    try:
        points = float(text)
    except ValueError:
        raise CourseError(f"“{text[:40]}” is no number of points. Write for example 0.5 or -0.25.") from None
    if not abs(points) <= 1000:  # also what is no number
        raise CourseError(f"“{text[:40]}” is no number of points. Write for example 0.5 or -0.25.")
    return points


async def _rubric(desk: Desk, request: Request) -> Response:
    written = desk.question(request)
    return _rubric_page(desk, written)


def _rubric_page(desk: Desk, written: Written, **preview: Any) -> Response:
    counts: dict[int, int] = {}
    for reading in desk.marks.readings(written.key).values():
        for tick in reading.ticks if desk.turn == 1 else ():
            counts[tick] = counts.get(tick, 0) + 1
    values = {"preview": None, **preview}
    return desk.page(
        "rubric.html.j2", up="../../", written=written, items=desk.marks.items(written.key), counts=counts, **values
    )


async def _change_rubric(desk: Desk, request: Request, form: dict[str, list[str]]) -> Response:
    written = desk.question(request)
    if desk.turn == 2:
        raise CourseError("A second reader reads by the rubric as it is; the first one changes it.")
    if not _one(form, "points").strip():
        raise CourseError("A line of a rubric needs points; 0 for a comment.")
    points, text = _points(_one(form, "points")), _one(form, "text").strip()
    if not text:
        raise CourseError("A line of a rubric needs a text: what an answer has that earns the points.")
    if not _one(form, "item"):
        desk.marks.add_item(written.key, points, text, desk.reader)
        return RedirectResponse("rubric", status_code=303, headers=_HEADERS)
    item, retired = _whole(_one(form, "item")), _one(form, "do") == "retire"
    touched = desk.marks.touched_by(written.key, item, points, retired=retired)
    if touched and _one(form, "sure") != "yes":
        preview = {"item": item, "points": points, "text": text, "retired": retired, "touched": touched}
        return _rubric_page(desk, written, preview=preview)
    desk.marks.change_item(written.key, item, points, text, desk.reader, retired=retired)
    return RedirectResponse("rubric", status_code=303, headers=_HEADERS)


async def _undo(desk: Desk, request: Request, form: dict[str, list[str]]) -> Response:
    event = desk.marks.undo(desk.work.assignment, desk.reader, desk.turn)
    if event is None:
        raise CourseError("There is nothing of yours to take back.")
    back = _one(form, "back")
    known = Question(desk.work.assignment, event.notebook, event.cell) in desk.work.by_key
    if event.kind == "decide" and known and event.students:
        written = desk.work.by_key[Question(desk.work.assignment, event.notebook, event.cell)]
        for pile in await _piles_of(desk, written):
            if event.students[0] in pile.students:
                target = f"{quote(event.notebook)}/{quote(event.cell)}/{pile.key}"
                return RedirectResponse(target, status_code=303, headers=_HEADERS)
    return RedirectResponse("log" if back == "log" else "./", status_code=303, headers=_HEADERS)


async def _log(desk: Desk, request: Request) -> Response:
    events = desk.marks.events(desk.work.assignment)
    if desk.turn == 2:  # a second reader reads blind
        events = [e for e in events if e.reader == desk.reader and e.turn == 2]
    return desk.page("log.html.j2", events=events)


async def _agreement(desk: Desk, request: Request) -> Response:
    if desk.turn == 2:
        raise CourseError("A second reader reads blind: the first reader's desk shows how far both agree.")
    return desk.page("agreement.html.j2", rows=agreement(desk.work, desk.marks))
