"""What a person sees: a released notebook in JupyterLab with its checks and the Validate button, and formgrader."""

from __future__ import annotations

import contextlib
import http.server
import json
import runpy
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_utils.classroom import folder as folder_module
from course_utils.stages import autograde
from course_utils.stages import feedback as feedback_module
from tests.attacks import pages
from tests.attacks.pages import PageAttack
from tests.support.engine import ROOT
from tests.support.tiny_course import ASSIGNMENT, NOTEBOOK, hand_in, make_course

pytestmark = [
    pytest.mark.skipif(
        not (shutil.which("chromium") or shutil.which("google-chrome")),
        reason="chromium is not installed (Debian: apt install chromium)",
    ),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def pictures():
    """The functions that take the documentation's pictures."""
    return runpy.run_path(str(ROOT / "docs" / "screenshots.py"))


def test_a_student_reads_a_sentence_in_the_notebook_and_in_the_validate_dialog(pictures, tmp_path):
    course = make_course(tmp_path / "course")
    hand_in(course, "ada00", "wrong")
    folder = course / "submitted" / "ada00" / ASSIGNMENT
    with pictures["jupyterlab"](folder) as address, pictures["browser"]() as chromium:
        page = pictures["open_notebook"](chromium, address, f"{NOTEBOOK}.ipynb")
        pictures["run_all"](page)
        output = page.locator(".jp-OutputArea-output", has_text="add(2, 3) is -1")
        output.first.wait_for(timeout=120_000)
        assert "Traceback" not in output.first.inner_text() and "assert_number" not in output.first.inner_text()
        page.get_by_role("button", name="Validate").first.click()
        dialog = page.locator(".jp-Dialog")
        dialog.get_by_text("add(2, 3) is -1").first.wait_for(timeout=180_000)
        assert "Traceback" not in dialog.inner_text()


def test_formgrader_shows_a_graded_submission_and_runs_nothing_of_the_students(pictures, tmp_path):
    course = make_course(tmp_path / "course")
    hand_in(course, "ada00", "half")
    path = course / "submitted" / "ada00" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    script = "<script>document.title = 'owned'</script><img src=x onerror=\\\"document.title = 'owned'\\\">"
    path.write_text(path.read_text().replace("YOUR ANSWER HERE", f"Because. {script}"))
    autograde.autograde(course, ASSIGNMENT, workers=1)
    with folder_module.open_gradebook(course) as gradebook:
        submission = gradebook.find_submission_notebook(NOTEBOOK, ASSIGNMENT, "ada00").id
    with pictures["jupyterlab"](course) as address, pictures["browser"]() as chromium:
        page = chromium.new_page(viewport={"width": 1200, "height": 1000})
        page.goto(f"{address}/formgrader/submissions/{submission}", timeout=120_000)
        page.get_by_text("Because.").first.wait_for(timeout=60_000)
        page.wait_for_timeout(1_000)
        assert "owned" not in page.title()
        assert "Negative numbers count as well." in page.content()
        assert page.locator("input.score").count() >= 2


# Attacks on who grades by hand: one class of attackers, one server, one browser that is logged in.

PAGE_ATTACKS = [*pages.LINKS, *pages.NAMES, *pages.PICTURES, *pages.FORMULAS]
# Debian's package; pages take MathJax from the net, and there is none here.
MATHJAX = Path("/usr/share/javascript/mathjax")
TOKEN = "instructors-token"
HONEST = "honest"


@pytest.fixture(scope="module")
def canary() -> Iterator[SimpleNamespace]:
    """A server that nobody should ask for anything; it notes what is asked."""
    heard: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield SimpleNamespace(address=f"http://127.0.0.1:{server.server_port}", heard=heard)
    server.shutdown()
    server.server_close()


@dataclass
class Desk:
    """The instructor's desk: a server, a browser with its cookie, and the class.

    Parameters
    ----------
    course : pathlib.Path
    address : str
        Of the Jupyter Server.
    context : playwright.sync_api.BrowserContext
        Logged in.
    canary : SimpleNamespace
    submissions : dict of str to str
        formgrader's number of each student's submission.
    """

    course: Path
    address: str
    context: Any
    canary: SimpleNamespace
    submissions: dict[str, str] = field(default_factory=dict)

    def url(self, visit: str, student: str) -> str:
        return f"{self.address}/{self.filled(visit, student)}"

    def filled(self, text: str, student: str) -> str:
        for mark, value in {"CANARY": self.canary.address, "SERVER": self.address, "STUDENT": student}.items():
            text = text.replace(f"@{mark}@", value)
        return text.replace("@SUBMISSION@", self.submissions.get(student, ""))

    def get(self, path: str) -> Any:
        # Jupyter gives files to its own pages only.
        return self.context.request.get(f"{self.address}/{path}", headers={"Referer": f"{self.address}/lab"})

    def kernels(self) -> list[Any]:
        return self.get("api/kernels").json()

    def marks(self) -> dict[tuple[str, str], tuple[float | None, float | None]]:
        with contextlib.closing(sqlite3.connect(self.course / "gradebook.db")) as connection:
            rows = connection.execute(
                "select submitted_assignment.student_id, base_cell.name, grade.auto_score, grade.manual_score "
                "from grade "
                "join base_cell on base_cell.id = grade.cell_id "
                "join submitted_notebook on submitted_notebook.id = grade.notebook_id "
                "join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id"
            )
            return {(student, cell): (auto, manual) for student, cell, auto, manual in rows}

    @contextlib.contextmanager
    def page(self) -> Iterator[Any]:
        page = self.context.new_page()
        try:
            yield page
        finally:
            page.close()


def student_of(attack: PageAttack) -> str:
    return f"eve{PAGE_ATTACKS.index(attack):02}"


def lay_in(desk: Desk, attack: PageAttack) -> None:
    """Hand in a submission; its prose stands above the tests, where a name of the student's would be found first."""
    student = student_of(attack)
    hand_in(desk.course, student, "half")
    folder = desk.course / "submitted" / student / ASSIGNMENT
    notebook = nbformat.read(folder / f"{NOTEBOOK}.ipynb", as_version=4)
    notebook.cells.insert(0, notebook.cells.pop())
    texts = [desk.filled(text, student) for text in attack.texts]
    if texts:
        notebook.cells[0].source = texts[0]
    more = [new_markdown_cell(text) for text in texts[1:]]
    notebook.cells[1:1] = more + ([new_code_cell(desk.filled(attack.code, student))] if attack.code else [])
    nbformat.write(notebook, folder / f"{NOTEBOOK}.ipynb")
    for name, text in attack.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(desk.filled(text, student))


def mathjax(route: Any) -> None:
    """Answer for the net with the MathJax of this machine."""
    name = route.request.url.partition("?")[0].partition("/mathjax/")[2]
    inner = name.partition("/")[2] if name[:1].isdigit() else name
    for path in (MATHJAX / inner, MATHJAX / "unpacked" / inner):
        if inner and path.is_file():
            route.fulfill(path=path, headers={"Access-Control-Allow-Origin": "*"})
            return
    route.abort()


@pytest.fixture(scope="module")
def desk(pictures, canary, tmp_path_factory) -> Iterator[Desk]:
    course = make_course(tmp_path_factory.mktemp("desk") / "course")
    source = course / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    notebook = nbformat.read(source, as_version=4)
    notebook.cells.insert(0, notebook.cells.pop())
    nbformat.write(notebook, source)
    with pictures["jupyterlab"](course, TOKEN) as address, pictures["browser"]() as chromium:
        context = chromium.new_context(accept_downloads=False)
        context.route(lambda url: not url.startswith(("http://127.0.0.1", "file:")), lambda route: route.abort())
        desk = Desk(course, address, context, canary)
        for attack in PAGE_ATTACKS:
            lay_in(desk, attack)
        hand_in(course, HONEST, "half")
        autograde.autograde(course, ASSIGNMENT, workers=2)
        with folder_module.open_gradebook(course) as gradebook:
            for student in [*map(student_of, PAGE_ATTACKS), HONEST]:
                found = gradebook.find_submission_notebook(NOTEBOOK, ASSIGNMENT, student)
                desk.submissions[student] = found.id
            for attack in PAGE_ATTACKS:
                name = desk.filled(attack.named, student_of(attack)) or "Eve"
                gradebook.update_or_create_student(student_of(attack), last_name=name, first_name="E.")
        feedback_module.feedback(course, ASSIGNMENT)
        context.request.get(f"{address}/tree?token={TOKEN}")
        context.add_cookies([{"name": "instructor", "value": "PLANTED", "url": address}])
        assert "PLANTED" in str(context.cookies()) and desk.get("api/kernels").ok, "the instructor is not logged in"
        assert not canary.heard
        yield desk


def visit(page: Any, url: str) -> None:
    """Go where a link leads; a download is not gone to."""
    from playwright.sync_api import Error

    try:
        page.goto(url, wait_until="load", timeout=30_000)
    except Error as error:
        if not any(
            word in str(error) for word in ("Download is starting", "ERR_ABORTED", "ERR_BLOCKED", "ERR_INVALID")
        ):
            raise
    page.wait_for_timeout(150)


LINKS_OF_STUDENTS = ".rendered_html a[href], .output a[href]"


def harm(desk: Desk, before: dict, titles: list[str]) -> list[str]:
    """Return what an attack did that it must not do."""
    found = [f"{path} was asked for" for path in desk.canary.heard]
    desk.canary.heard.clear()
    kernels = desk.kernels()
    for kernel in kernels:
        desk.context.request.delete(f"{desk.address}/api/kernels/{kernel['id']}")
    found += ["a kernel was started"] * len(kernels)
    found += [f"{mark} became {now}" for mark, now in desk.marks().items() if before[mark] != now]
    return found + ["a script ran"] * any("owned" in title for title in titles)


@pytest.mark.parametrize("attack", PAGE_ATTACKS, ids=lambda attack: attack.name)
def test_a_submission_does_nothing_in_the_instructors_name(attack, desk):
    if attack in pages.FORMULAS and not MATHJAX.is_dir():
        pytest.skip("MathJax is not installed (Debian: apt install libjs-mathjax)")
    student, before, titles = student_of(attack), desk.marks(), []
    with desk.page() as page:
        page.on("framenavigated", lambda frame: titles.append(frame.url))
        if attack in pages.FORMULAS:
            page.route(lambda url: "/mathjax/" in url, mathjax)
        visit(page, desk.url("formgrader/submissions/@SUBMISSION@/", student))
        if attack in pages.FORMULAS:
            page.wait_for_selector(".mjx-chtml", state="attached", timeout=30_000)
            page.wait_for_function("!MathJax.Hub.queue.pending && !MathJax.Hub.queue.running", timeout=30_000)
        titles.append(page.title())
        links = page.eval_on_selector_all(LINKS_OF_STUDENTS, "all => all.map(one => one.href)")
        followed = [link for link in links if not link.startswith("https://") and "#mjx-eqn" not in link]
        for link in dict.fromkeys(followed):
            with contextlib.suppress(Exception):  # the attack's own affair: what counts is what came of it
                page.evaluate("link => { window.location = link }", link)
                page.wait_for_timeout(500)
            titles.append(page.title())
            visit(page, desk.url("formgrader/submissions/@SUBMISSION@/", student))
        names = page.evaluate(
            "all => all.map(id => [id, document.querySelectorAll(`[id=${id}], a[name=${id}]`).length, "
            "document.getElementById(id)?.tagName])",
            ["test_add_hidden", "test_add_visible", "why", "why-comment"],
        )
        own = page.evaluate(
            "() => [...document.querySelectorAll('.rendered_html *, .output *')].filter(e => e.matches("
            "'input, button, textarea, form, label, iframe, object, embed, svg, .score, .btn, .nbgrader_cell, "
            ".full-credit, .tabbable, [style*=fixed], [href^=javascript]')).map(e => e.outerHTML)"
        )
        covered = page.evaluate(
            "() => [...document.querySelectorAll('.full-credit')].map(button => {"
            "button.scrollIntoView({block: 'center'}); const box = button.getBoundingClientRect();"
            "return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)})"
            ".filter(e => !e?.matches('.full-credit')).map(e => e?.outerHTML)"
        )
    with desk.page() as page:
        for address in attack.visits:
            visit(page, desk.url(address, student))
            titles.append(page.title())
        for feedback in (desk.course / "feedback" / student).rglob(f"{NOTEBOOK}.html"):
            visit(page, f"file://{feedback}")
            titles.append(page.title())
    assert not harm(desk, before, titles)
    assert not followed, "links that lead to the instructor's own server, or run"
    assert names == [
        ["test_add_hidden", 1, "INPUT"],
        ["test_add_visible", 1, "INPUT"],
        ["why", 1, "INPUT"],
        ["why-comment", 1, "TEXTAREA"],
    ]
    assert own == [] and covered == []


def test_full_credit_pays_what_stands_beside_it(desk):
    """Also where the answer claims to be a test; and the page's own scripts work under its policy."""
    student = student_of(pages.NAMES[0])
    before = desk.marks()
    with desk.page() as page:
        page.goto(desk.url("formgrader/submissions/@SUBMISSION@/", student))
        page.wait_for_function("document.getElementById('test_add_visible').placeholder === '2'", timeout=30_000)
        with page.expect_response(lambda answer: answer.request.method == "PUT"):
            page.locator("#why").locator("xpath=ancestor::div[contains(@class, 'nbgrader_cell')]").locator(
                "button.full-credit"
            ).click()
        page.wait_for_timeout(300)
        changed = {mark: now for mark, now in desk.marks().items() if now != before[mark]}
        assert changed == {(student, "why"): (None, 1.0)} or changed == {(student, "why"): (0.0, 1.0)}
        page.locator(".glyphicon-eye-open.name-hidden").first.click()
        page.locator("a.name-shown", has_text="Eve").wait_for(timeout=5_000)


def test_another_web_site_cannot_choose_the_course_folder(desk):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    answer = desk.context.request.get(f"{desk.address}/formgrader?path={desk.course}", headers=headers)
    assert answer.status == 403
    assert desk.get(f"formgrader?path={desk.course}").ok, "JupyterLab itself may"


@pytest.mark.parametrize("name", ["figure.html", "adding.ipynb"])
def test_students_files_are_downloads_that_do_nothing(name, desk):
    student = student_of(pages.LINKS[0])
    for address in pages.everywhere(name)[:2]:
        answer = desk.get(desk.filled(address, student))
        assert answer.ok, address
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
    own = desk.get("files/nbgrader_config.py")
    assert own.ok and "content-disposition" not in own.headers, "the instructor's own files are served as ever"


def test_students_notebooks_are_not_converted(desk):
    assert desk.get(f"nbconvert/html/submitted/{HONEST}/{ASSIGNMENT}/{NOTEBOOK}.ipynb").status == 403
    assert desk.get(f"nbconvert/html/source/{ASSIGNMENT}/{NOTEBOOK}.ipynb").ok


PLACES = (
    "manage_assignments",
    "gradebook",
    f"gradebook/{ASSIGNMENT}",
    f"gradebook/{ASSIGNMENT}/{NOTEBOOK}",
    "manage_students",
    f"manage_students/{HONEST}",
    f"manage_students/{HONEST}/{ASSIGNMENT}",
    f"manage_submissions/{ASSIGNMENT}",
)


def test_every_page_of_formgrader_has_a_policy_and_fills_its_table(desk):
    with desk.page() as page:
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if "Policy" in message.text else None)
        for place in PLACES:
            answer = page.goto(f"{desk.address}/formgrader/{place}")
            policy = answer.headers["content-security-policy"]
            assert "'nonce-" in policy and "'unsafe-inline'" not in policy.partition("style-src")[0]
            page.wait_for_function("!document.querySelector('table').innerText.includes('Loading')", timeout=10_000)
        assert complaints == []
    grades = desk.get(f"formgrader/api/grades?submission_id={desk.submissions[HONEST]}")
    assert grades.headers["content-security-policy"].startswith("sandbox") and json.loads(grades.text())
