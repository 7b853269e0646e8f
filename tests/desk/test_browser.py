"""The desk in a browser: a class marked by keyboard alone, and pages that assistive technology can read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.support.written_class import ASSIGNMENT, KINDS, POINTS, kind_of, make_class, scores, student_id

# What one test decides the next one takes back: all of them are for one worker.
pytestmark = pytest.mark.xdist_group("desk-browser")

STUDENTS, QUESTIONS = 30, 5


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return make_class(tmp_path_factory.mktemp("desk") / "course", STUDENTS, QUESTIONS)


@pytest.fixture(scope="module")
def address(course):
    """A desk as `course desk` starts it."""
    command = [sys.executable, "-m", "course_utils", "desk", ASSIGNMENT, "--no-browser", "--course", str(course)]
    process = subprocess.Popen([*command, "--reader", "Reader"], stdout=subprocess.PIPE, text=True)
    yield re.search(r"http://\S+", process.stdout.readline())[0]
    process.terminate()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="module")
def page(address):
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("chromium is missing (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.told = []
        page.on("console", lambda message: page.told.append(message.text))
        page.on("pageerror", lambda error: page.told.append(str(error)))
        page.goto(address)
        yield page
        browser.close()


def test_the_file_that_the_command_opens_leads_to_the_desk(page, address, tmp_path):
    (tmp_path / "open.html").write_text(f'<meta http-equiv="refresh" content="0; url={address}">', encoding="utf-8")
    other = page.context.browser.new_page()
    other.goto((tmp_path / "open.html").as_uri())
    other.wait_for_url("http://**")
    assert other.inner_text("h1") == f"{ASSIGNMENT}: questions to read"
    other.close()


def serious(page):
    found = Axe().run(page).response["violations"]
    return [(rule["id"], rule["nodes"][0]["html"]) for rule in found if rule["impact"] in ("serious", "critical")]


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (640, 450), (375, 700)])
def test_pages_are_accessible_and_fit_a_phone(page, address, width, height):
    page.set_viewport_size({"width": width, "height": height})
    for path in ("", "words/why0/", "words/why0/rubric", "log", "agreement", "words/nothing/"):
        page.goto(address.partition("?")[0] + path)
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_class_is_marked_by_keyboard_and_gets_the_planted_marks(page, address, course):
    page.told.clear()
    page.goto(address.partition("?")[0])
    decided = 0
    while True:
        waiting = page.locator("tbody tr").filter(has_not=page.locator("td:nth-of-type(4):text-is('0')"))
        if not waiting.count():
            break
        waiting.first.locator("a").first.focus()
        with page.expect_navigation(url="**/words/why*/*"):
            page.keyboard.press("Enter")
        while "/words/why" in page.url:
            kind = re.search(r"Kind: (\w+)", page.inner_text("#answer"))[1]
            for line in KINDS[kind] or (0,):
                page.keyboard.press(str(line))
            assert float(page.inner_text("#points")) == POINTS[kind]
            with page.expect_navigation():
                page.keyboard.press("Enter")
            decided += 1
    assert decided == STUDENTS * QUESTIONS
    assert page.told == []
    marks = scores(course)
    for student in range(STUDENTS):
        for question in range(QUESTIONS):
            assert marks[student_id(student), f"why{question}"] == POINTS[kind_of(student, question)]


def test_enter_without_a_tick_decides_nothing_and_a_comment_is_taken_again(page, address, course):
    page.goto(address.partition("?")[0] + "words/why0/")
    page.locator("fieldset input").first.check()
    page.locator("h1").click()
    page.keyboard.press("c")
    page.keyboard.type("Say which one. 1 2 n u")
    page.keyboard.press("Escape")
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")
    page.goto(address.partition("?")[0] + "words/why0/")
    with page.expect_navigation():
        page.keyboard.press("ArrowRight")
    page.keyboard.press("h")
    page.locator("[data-comment]").first.click()
    assert page.input_value("#comment") == "Say which one. 1 2 n u"
    for box in page.locator("fieldset input:checked").all():
        box.uncheck()
    was = page.url
    page.locator("h1").click()
    page.keyboard.press("Enter")
    assert page.locator("#missing").is_visible()
    assert page.url == was


def test_the_last_decision_is_taken_back_by_a_key(page, address, course):
    before = scores(course)
    page.goto(address.partition("?")[0] + "words/why1/")
    page.keyboard.press("4")
    page.keyboard.press("2")
    page.keyboard.press("1")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.goto(address.partition("?")[0] + "words/why1/")
    with page.expect_navigation():
        page.keyboard.press("u")
    assert scores(course) == before
