"""The desk's pages, asked as a browser asks them."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urljoin, urlsplit

import pytest
from nbgrader.api import Gradebook
from starlette.testclient import TestClient

from course_utils.classroom.rubric_marks import RubricMarks
from course_utils.classroom.rubric_points import Decision
from course_utils.classroom.rubric_tables import Question
from course_utils.desk import serving
from course_utils.desk.app import Desk, make_app
from course_utils.desk.classwork import Classwork
from course_utils.errors import CourseError
from course_utils.stages import autograde
from tests.support.written_class import ASSIGNMENT, NOTEBOOK, make_class, scores, student_id

TOKEN = "the-token"
PAGE = f"/{NOTEBOOK}/why0/"


def said(student, question):
    """Two exact copies, two blank answers, one hostile text, and others."""
    return {
        0: "The same words.", 1: "The same words. \n", 2: "", 3: "   ",
        4: "<script>alert(1)</script> $\\href{javascript:x}{y}$ ![x](http://192.0.2.1/a.png) 5 < 6",
    }.get(student, f"Own words of {student}, on {question}: $x^2$.")  # fmt: skip


@pytest.fixture
def course(tmp_path):
    return make_class(tmp_path / "course", 7, 2, answers=said)


@pytest.fixture
def open_desk(course):
    """A function that opens the desk for a reader."""
    opened = []

    def make(reader="Reader", **options):
        second, hosts = options.pop("second", False), options.pop("hosts", ())
        work = Classwork(course, ASSIGNMENT, **options)
        context = work.open()
        desk = Desk(work, context.__enter__(), reader, TOKEN, second=second, hosts=hosts)
        client = TestClient(make_app(desk), base_url="http://127.0.0.1")
        client.__enter__()
        opened.append((client, context))
        client.get(f"/?token={TOKEN}")
        return client

    yield make
    for client, context in opened:
        client.__exit__(None, None, None)
        context.__exit__(None, None, None)


def fields(page):
    """Return the fields of the form of a page that holds an answer."""
    found = {}
    for tag in re.findall(r"<input [^>]*>", page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        hidden = 'type="hidden"' in tag or " checked" in tag
        if name and hidden:
            found.setdefault(name[1], []).append(value[1])
    return found


def lines_of(page):
    return re.findall(r'name="tick" value="(\d+)"', page)


def decide(client, page, *lines, **more):
    form = fields(page.text)
    form["tick"] = [lines_of(page.text)[line - 1] for line in lines]
    form |= {"none": ["yes"] if not lines else [], "then": ["next"], **more}
    return client.post(page.url.path, data=form, headers={"origin": "http://127.0.0.1"})


def test_without_the_token_there_is_nothing(open_desk):
    client = open_desk()
    client.cookies.clear()
    for path in ("/", PAGE, "/log", "/?token=wrong"):
        response = client.get(path)
        assert response.status_code == 403
        assert "Own words" not in response.text


def test_a_page_waits_for_no_acknowledgement_of_its_headers():
    """asyncio switches that off (TCP_NODELAY) only for sockets that are named TCP."""
    with serving._listening(0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.proto == socket.IPPROTO_TCP


def test_another_web_site_decides_nothing(open_desk, course):
    client = open_desk()
    page = client.get(PAGE)
    form = fields(page.text) | {"none": ["yes"]}
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert client.post(page.url.path, data=form, headers=headers).status_code == 403
    assert set(scores(course).values()) == {None}


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:8900", 200), ("[::1]:8900", 200), ("Hub.Example.org", 200), ("evil.example", 421),
     ("127.0.0.1.evil.example", 421), ("hub.example.org.evil.example", 421), ("", 421), ("[", 421)],
)  # fmt: skip
def test_only_names_of_this_machine_and_of_the_instructors_server_lead_here(open_desk, host, status):
    client = open_desk(hosts=["hub.example.org"])
    headers = {"cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items()), "host": host}
    for path in ("/", PAGE, f"/?token={TOKEN}"):
        response = client.get(path, headers=headers)
        assert response.status_code == status
        assert status == 200 or "Own words" not in response.text


PREFIX = "/user/reader/proxy/8900"


def behind_a_server(app, host=""):
    """What jupyter-server-proxy does: takes its own part of the path away, and leaves or changes the name."""

    async def passed_on(scope, receive, send):
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        assert scope["path"].startswith(PREFIX), scope["path"]
        path = scope["path"].removeprefix(PREFIX)
        headers = [(name, host.encode() if host and name == b"host" else value) for name, value in scope["headers"]]
        await app({**scope, "path": path, "raw_path": path.encode(), "headers": headers}, receive, send)

    return passed_on


@pytest.mark.parametrize("host", ["", "127.0.0.1:8900"], ids=["the name is passed on", "the name is changed"])
def test_everything_works_below_the_address_of_another_server(open_desk, course, host):
    direct = open_desk(hosts=["hub.example.org"])
    client = TestClient(behind_a_server(direct.app, host), base_url="https://hub.example.org")
    assert client.get(f"{PREFIX}/?token={TOKEN}").status_code == 200
    assert [cookie.path for cookie in client.cookies.jar] == [PREFIX]
    seen, left = set(), [f"{PREFIX}/"]
    while left:
        page = client.get(left.pop())
        assert page.status_code == 200 and page.url.path.startswith(f"{PREFIX}/")
        for target in re.findall(r'(?:href|src|action)="([^"#:]*)"', page.text):
            path = urlsplit(urljoin(str(page.url), target)).path
            assert path.startswith(f"{PREFIX}/"), (page.url.path, target)
            if path not in seen and not path.endswith("/undo"):
                left.append(path)
            seen.add(path)
    assert {f"{PREFIX}/log", f"{PREFIX}/static/desk.css", f"{PREFIX}{PAGE}", f"{PREFIX}{PAGE}rubric"} <= seen
    page = client.get(f"{PREFIX}{PAGE}")
    form = fields(page.text) | {"tick": lines_of(page.text)[:1], "then": ["next"]}
    for origin, status in (("https://evil.example", 403), ("https://hub.example.org", 200)):
        assert client.post(page.url.path, data=form, headers={"origin": origin}).status_code == status
    assert scores(course)[form["student"][0], "why0"] == 1.0
    assert client.post(f"{PREFIX}/undo", data={}, headers={"origin": "https://hub.example.org"}).status_code == 200
    assert set(scores(course).values()) == {None}


def test_exact_copies_are_decided_once_and_blank_ones_lie_last(open_desk, course):
    client = open_desk()
    pages = every_pile(client)
    copies = next(page for page in pages if "2 exact copies" in page.text)
    assert "Blank answers" in pages[-1].text
    assert decide(client, copies, 1, 2, comment=["Good."]).status_code == 200
    marks = scores(course)
    assert [marks[student_id(n), "why0"] for n in range(7)] == [1.5, 1.5, None, None, None, None, None]


def every_pile(client):
    page = client.get(PAGE)
    keys = []
    while page.url.path not in keys:
        keys.append(page.url.path)
        following = re.search(r'<a href="([^"]+)" data-key="ArrowRight"', page.text)
        if not following:
            break
        page = client.get(f"{PAGE}{following[1]}")
    return [client.get(path) for path in keys]


def test_every_answer_is_read_once_until_nothing_waits(open_desk, course):
    client = open_desk()
    page = client.get(PAGE)
    for _ in range(10):
        if not page.url.path.startswith(PAGE):
            break
        page = decide(client, page, 1)
    assert page.url.path == "/"
    marks = scores(course)
    assert {marks[student_id(n), "why0"] for n in (0, 1, 4, 5, 6)} == {1.0}
    assert {marks[student_id(n), "why0"] for n in (2, 3)} == {None}


def test_nothing_ticked_is_no_decision(open_desk, course):
    client = open_desk()
    page = client.get(PAGE)
    assert client.post(page.url.path, data=fields(page.text) | {"then": ["next"]}).status_code == 400
    assert set(scores(course).values()) == {None}
    assert decide(client, page).status_code == 200
    assert 0.0 in scores(course).values()


def test_a_text_of_a_student_does_nothing_on_the_page(open_desk):
    client = open_desk()
    page = next(page for page in every_pile(client) if "alert" in page.text)
    assert "<script>alert" not in page.text
    assert 'href="javascript' not in page.text
    assert "192.0.2.1" not in re.sub(r">[^<]*<", "><", page.text)
    assert "x is 0 &lt;script&gt;" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_formulas_need_no_network(open_desk):
    client = open_desk()
    page = next(page for page in every_pile(client) if "Own words" in page.text)
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in page.text


def test_two_readers_at_once_lose_no_mark(open_desk, course):
    one, two = open_desk("One"), open_desk("Two")
    page = one.get(PAGE)
    same = two.get(page.url.path)
    assert decide(one, page, 1).status_code == 200
    late = decide(two, same, 2)
    assert late.status_code == 409
    assert "One has marked" in late.text
    assert scores(course)[fields(page.text)["student"][0], "why0"] == 1.0


def test_an_answer_that_was_graded_again_meanwhile_is_not_marked_unread(open_desk, course):
    client = open_desk()
    page = client.get(PAGE)
    student = fields(page.text)["student"][0]
    path = course / "autograded" / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    path.write_text(re.sub(r"Own words|The same words|<script>", "Quite another text", path.read_text()))
    late = decide(client, page, 1)
    assert late.status_code == 400
    assert "not there any more" in late.text
    assert set(scores(course).values()) == {None}
    assert "Quite another text" in "".join(page.text for page in every_pile(client))


def test_a_name_or_a_comment_of_another_script_leaves_what_follows_in_its_place(course):
    name, reader = "\u05e9\u05dc\u05d5\u05dd", "\u05d0\u05d1"
    roster = course / "roster.csv"
    roster.write_text(roster.read_text().replace("Made-Up,Number", f"{name},Number"), encoding="utf-8")
    work = Classwork(course, ASSIGNMENT)
    with work.open() as gradebook:
        desk = Desk(work, gradebook, reader, TOKEN)
        with TestClient(make_app(desk), base_url="http://127.0.0.1") as client:
            client.get(f"/?token={TOKEN}")
            page = client.get(PAGE)
            decide(client, page, 1, adjustment=["0.5"], reason=[name])
            text = client.get(page.url.path).text + client.get("/log").text
    for word in (name, reader):
        # In a field of a form it stands alone.
        left = re.sub(rf'<bdi>[^<]*{word}[^<]*</bdi>|value="{word}"', "", text)
        assert word in text and word not in left


def test_names_are_hidden_on_request(open_desk):
    client, other = open_desk(hide_names=True), open_desk("Other", hide_names=True)
    pages = every_pile(client)
    shown = "".join(page.text for page in pages)
    decide(other, other.get(pages[0].url.path), 1, comment=["Read by Other."])
    shown += decide(client, pages[0], 1).text
    assert "has marked the answer of p-" in shown
    assert "Made-Up" not in shown and "student000" not in shown


def mark_in_formgrader(course, student, points, comment):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("why0", NOTEBOOK, ASSIGNMENT, student)
        grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.find_comment("why0", NOTEBOOK, ASSIGNMENT, student).manual_comment = comment
        gradebook.db.commit()


def test_a_mark_given_in_formgrader_is_shown_and_never_replaced_unseen(open_desk, course):
    client = open_desk()
    page = client.get(PAGE)
    student = fields(page.text)["student"][0]
    mark_in_formgrader(course, student, 0.25, "By formgrader.")
    assert decide(client, page, 1).status_code == 409
    page = client.get(page.url.path)
    assert "the gradebook has 0.25 and a comment" in page.text and "By formgrader." in page.text
    decide(client, page, 1)
    assert scores(course)[student, "why0"] == 1.0
    mark_in_formgrader(course, student, 0.25, "Again.")
    item = lines_of(page.text)[0]
    client.post(f"{PAGE}rubric", data={"item": item, "points": "0.5", "text": "a", "do": "change", "sure": "yes"})
    assert scores(course)[student, "why0"] == 0.25
    client.post("/undo", data={})  # the change of the line
    assert client.post("/undo", data={}).status_code == 409
    assert scores(course)[student, "why0"] == 0.25


def test_an_emptied_answer_waits_until_somebody_decides(open_desk, course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("why0", NOTEBOOK, ASSIGNMENT, student_id(3))
        grade.auto_score, grade.needs_manual_grade = None, True
        gradebook.db.commit()
    client = open_desk()
    page = every_pile(client)[-1]
    assert fields(page.text)["student"] == [student_id(3)]
    decide(client, page)
    assert scores(course)[student_id(3), "why0"] == 0.0
    assert scores(course)[student_id(2), "why0"] is None


def test_who_was_left_out_of_a_pile_is_asked_for_alone(open_desk, course):
    client = open_desk()
    page = next(page for page in every_pile(client) if "2 exact copies" in page.text)
    decide(client, page, 1, student=[student_id(0)])
    assert fields(client.get(page.url.path).text)["student"] == [student_id(1)]


def test_a_file_that_cant_be_read_stops_nobody_else(open_desk, course):
    for number, change in enumerate(
        ['{"cells": [{}]}', "[" * 100_000, '{"cells": 3}', '{"cells": [{"source": null}]}']
    ):
        (course / "autograded" / student_id(number) / ASSIGNMENT / f"{NOTEBOOK}.ipynb").write_text(change)
    pages = every_pile(open_desk())
    assert len(pages) == 3
    assert "can&#39;t be read; grade it again" in pages[0].text or "can't be read; grade it again" in pages[0].text


def test_two_desks_in_one_browser_stand_beside_each_other(open_desk):
    one, two = open_desk("One"), open_desk("Two")
    two.cookies.update(one.cookies)
    assert two.get("/").status_code == 200


def test_desks_that_start_at_once_take_the_rubric_over_once(course):
    command = [sys.executable, "-c", _STARTS, str(course)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    said = [process.communicate()[1].decode()[-500:] for process in processes]
    assert [text for text, process in zip(said, processes, strict=True) if process.returncode] == []
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        assert len(RubricMarks(gradebook).items(Question(ASSIGNMENT, NOTEBOOK, "why0"))) == 4


_STARTS = """
import sys
from pathlib import Path
from course_utils.classroom.rubric_marks import RubricMarks
from course_utils.desk.classwork import Classwork
work = Classwork(Path(sys.argv[1]), "written")
with work.open() as gradebook:
    work.take_rubrics_over(RubricMarks(gradebook))
"""


def test_a_changed_line_shows_whom_it_touches_first(open_desk, course):
    client = open_desk()
    page = client.get(PAGE)
    student = fields(page.text)["student"][0]
    decide(client, page, 1)
    item = lines_of(page.text)[0]
    form = {"item": item, "points": "0,5", "text": "names a reason", "do": "change"}
    preview = client.post(f"{PAGE}rubric", data=form)
    assert "touched by this change" in preview.text
    assert scores(course)[student, "why0"] == 1.0
    client.post(f"{PAGE}rubric", data=form | {"sure": "yes"})
    assert scores(course)[student, "why0"] == 0.5
    client.post("/undo", data={})
    assert scores(course)[student, "why0"] == 1.0


def test_a_second_reader_is_blind_and_the_first_sees_the_agreement(open_desk, course):
    first, second = open_desk("One"), open_desk("Two", second=True)
    page = first.get(PAGE)
    decide(first, page, 1, comment=["Seen by the first."])
    blind = second.get(page.url.path)
    assert " checked" not in blind.text.replace(
        'name="student" value="' + fields(blind.text)["student"][0] + '" checked', ""
    )
    assert "Comments used so far" not in blind.text
    decide(second, blind, 1, 2)
    assert second.post(f"{PAGE}rubric", data={"item": "", "points": "1", "text": "x"}).status_code == 400
    assert second.post("/undo", data={}).status_code == 200
    decide(second, second.get(page.url.path), 1, 2)
    assert scores(course)[fields(page.text)["student"][0], "why0"] == 1.0
    assert "the same points in 0 %, 0.50 points apart" in first.get("/agreement").text
    assert second.get("/agreement").status_code == 400


@pytest.mark.parametrize("form", [{"version-student0004": "abc"}, {"comment": "x" * 30_000}, {"x": ["1"] * 10_001}])
def test_a_form_that_no_page_sends_gets_a_sentence(open_desk, course, form):
    client = open_desk()
    for page in every_pile(client)[:3]:
        response = client.post(page.url.path, data=fields(page.text) | {"none": ["yes"]} | form)
        assert response.status_code in (200, 400)
    assert client.post(f"{PAGE}rubric", data={"item": "abc", "points": "1", "text": "x"}).status_code == 400


@pytest.mark.parametrize("path", [f"/{NOTEBOOK}/nothing/", "/../x/why0/", f"{PAGE}0000", f"{PAGE}rubric?x=1", "/log"])
def test_an_odd_address_gets_a_sentence(open_desk, path):
    response = open_desk().get(path)
    assert response.status_code in (200, 400, 404)
    assert "Traceback" not in response.text


@pytest.mark.parametrize(
    ("name", "value"), [("adjustment", "lots"), ("adjustment", "nan"), ("tick", "999999"), ("student", "student0006")]
)
def test_an_odd_form_changes_nothing(open_desk, course, name, value):
    client = open_desk()
    page = client.get(PAGE)
    response = client.post(page.url.path, data=fields(page.text) | {"none": ["yes"], name: [value]})
    assert response.status_code in (400, 409)
    assert set(scores(course).values()) == {None}


def test_an_assignment_that_is_not_graded_is_told(tmp_path):
    course = make_class(tmp_path / "course", 1, 1)
    (course / "source" / "empty").mkdir()
    with pytest.raises(CourseError, match="has no notebook"):
        Classwork(course, "empty")


# For each line that it reads, one process more decides until it is killed; its number is written when it begins.
_DECIDES = """
import os
import sys
from nbgrader.api import Gradebook
from course_utils.classroom.rubric_marks import RubricMarks
from course_utils.classroom.rubric_points import Decision
from course_utils.classroom.rubric_tables import Question

def decide(address):
    with Gradebook(address) as gradebook:
        marks = RubricMarks(gradebook)
        question = Question("written", "words", "why0")
        marks.take_over(question, [(1.0, "a"), (0.5, "b")])
        items = [item.id for item in marks.items(question)]
        print(os.getpid(), flush=True)
        for turn in range(100_000):
            seen = {student: reading.version for student, reading in marks.readings(question).items()}
            answers = {f"student{n:04d}": "x" for n in range(4)}
            marks.decide(question, answers, Decision((items[turn % 2],)), "Reader", seen=seen)

while sys.stdin.readline():
    if os.fork() == 0:
        decide(sys.argv[1])
    os.wait()
    print("ended", flush=True)
"""


def test_a_desk_that_is_killed_has_written_all_of_a_decision_or_nothing(tmp_path, request):
    course = make_class(tmp_path / "course", 4, 1)
    address = f"sqlite:///{course}/gradebook.db"
    question = Question(ASSIGNMENT, NOTEBOOK, "why0")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", _DECIDES, address], **pipes, text=True, bufsize=1)
    for kill in range(6 * request.config.getoption("kills")):
        process.stdin.write("\n")
        desk = int(process.stdout.readline())
        time.sleep(0.01 * (1 + kill % 7))
        os.kill(desk, signal.SIGKILL)
        assert process.stdout.readline() == "ended\n"
        with Gradebook(address) as gradebook:
            marks = RubricMarks(gradebook)
            readings = marks.readings(question)
            assert len({(tuple(r.ticks), r.version) for r in readings.values()}) <= 1
            for student, reading in readings.items():
                grade = gradebook.find_grade("why0", NOTEBOOK, ASSIGNMENT, student)
                assert grade.manual_score == reading.points
            done = [event for event in marks.events(ASSIGNMENT, 1_000_000) if event.kind == "decide"]
            assert len(done) == max((r.version for r in readings.values()), default=0)
            assert len(marks.items(question)) == 2
    process.communicate()
    assert process.returncode == 0


def test_regrading_keeps_ticks_marks_and_comments(tmp_path):
    from tests.stages.test_pages_and_marks import ROSTER, answer
    from tests.support.tiny_course import ASSIGNMENT as TINY
    from tests.support.tiny_course import hand_in
    from tests.support.tiny_course import make_course as make_tiny

    course = make_tiny(tmp_path / "tiny")
    (course / "roster.csv").write_text(ROSTER, encoding="utf-8")
    hand_in(course, "anna")
    answer(course, "anna", "Because 1 + 1 is 2.")
    autograde.autograde(course, TINY, workers=1)
    work = Classwork(course, TINY)
    with work.open() as gradebook:
        desk = Desk(work, gradebook, "Reader", TOKEN)
        question = work.questions[0].key
        item = desk.marks.add_item(question, 1.0, "a reason", "Reader").id
        work.read_everything()
        found = work.piles(question)[0].answers[0]
        desk.marks.decide(question, {"anna": found.digest}, Decision((item,), comment="Yes."), "Reader")
    autograde.autograde(course, TINY, workers=1, force=True)
    with work.open() as gradebook:
        marks = RubricMarks(gradebook)
        assert marks.readings(question)["anna"].ticks == [item]
        assert work.marks(gradebook)[question]["anna"].manual == 1.0
        assert not work.marks(gradebook)[question]["anna"].waits
    answer(course, "anna", "Another text.")
    autograde.autograde(course, TINY, workers=1)
    with work.open() as gradebook:
        assert RubricMarks(gradebook).readings(question)["anna"].ticks == [item]
        assert work.marks(gradebook)[question]["anna"].waits
