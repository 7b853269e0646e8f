"""What a feedback page shows first, that nothing in it runs, and that everybody can read it."""

from __future__ import annotations

import re
import shutil

import pytest
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.converters import GenerateFeedback
from traitlets.config import Config

from course_utils.classroom.config import load_config
from course_utils.grading import pages
from course_utils.grading.nbgrader_plugins import FeedbackNotes
from course_utils.grading.overview import overview
from course_utils.grading.settings import Course
from course_utils.grading.words import LANGUAGES, words_in
from tests.attacks.pages import FORMULAS
from tests.support.engine import ROOT

HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script>"
COMMENT = "- ☑ (+1.5) says $y_1$\n\nGood."
SENTENCE = "add(2, 3) is -1, not 5.\nIs it a sum?"


def cell(
    name, source, *, score=None, points=0.0, solution=False, says=None, comment=None, code=True, kind="CheckFailed"
):
    marks = {"grade_id": name, "grade": score is not None, "solution": solution, "task": False, "locked": not solution}
    marks |= {"score": score, "points": points} if score is not None else {}
    marks |= {"comment": comment} if comment else {}
    error = new_output("error", ename=kind, evalue=says, traceback=[says]) if says is not None else None
    make = new_code_cell if code else new_markdown_cell
    return make(source, metadata={"nbgrader": marks}, **({"outputs": [error]} if error else {}))


def text(name, source):
    return cell(name, source, code=False)


@pytest.fixture
def notebook():
    """An exercise with a wrong answer, one with prose that waits and prose that is marked, one that is right."""
    return new_notebook(
        cells=[
            new_markdown_cell("# A sheet\n\nFormulas such as $x^2$ and\n\n$$\\sum_i x_i$$\n\n|a|b|\n|-|-|\n|1|$k$|"),
            text("text_a", "## Exercise 1: The `sum` (2 points, about 5 minutes)\n```\n# Exercise 9: no heading\n```"),
            cell("add", "def add(a, b):\n    return a - b", solution=True),
            new_markdown_cell("## Exercise 7: a heading of the student"),
            cell("test_a", "assert 1", score=0.0, points=1.0, says=f"\x1b[31m{SENTENCE}\x1b[0m"),
            cell("test_b", "assert 2", score=0.0, points=1.0, says=SENTENCE),
            text("text_c", "Something else"),
            cell("more", "x = 1", solution=True),
            cell("test_c", "assert 3", score=1.0, points=1.0),
            text("text_d", f"## Exercise 2: Words {HOSTILE} (4 points)"),
            cell("why", f"Because $a<b$. {HOSTILE}", score=0.0, points=2.0, solution=True, code=False),
            cell("how", "So.", score=1.5, points=2.0, solution=True, code=False, comment=COMMENT),
            text("text_e", "## Exercise 3: Right (1 point)"),
            cell("three", "y = 1", solution=True),
            cell("test_e", "assert 4", score=1.0, points=1.0),
            new_code_cell("1", outputs=[new_output("display_data", {"text/html": f"<table><tr><th>{HOSTILE}"}),
                                        new_output("display_data", {"text/latex": "$z^3$"}),
                                        new_output("stream", text=HOSTILE)]),
        ]
    )  # fmt: skip


@pytest.fixture
def page(notebook):
    return page_of(notebook)


def page_of(notebook, language="en"):
    resources = ResourcesDict(
        nbgrader={"notebook": HOSTILE, "assignment": "sheet", "score": 3.5, "max_score": 8, "late_penalty": 0.5},
        metadata={"name": "n", "path": ""},
        course_waiting=frozenset({"why"}), course_waiting_points=2.0, course_waiting_score=0.0,
        course_by_hand=frozenset({"how"}), course_blank=frozenset({"why"}),
    )  # fmt: skip
    config = GenerateFeedback(config=load_config(ROOT)).config
    config.GenerateFeedback.preprocessors = []
    config.FeedbackExporter.preprocessors = []
    config.Course.language = language
    return pages.FeedbackExporter(config=config).from_notebook_node(notebook, resources)[0]


def test_exercises_are_those_of_the_course_with_what_was_lost(notebook):
    found = overview(notebook.cells, {"why"}, {"how"}, lambda cell, comment: comment or cell.source, words_in("en"))
    assert [(one.title[:17], one.reached, one.possible, one.waiting) for one in found.exercises] == [
        ("Exercise 1: The s", 1, 3, 0),
        ("Exercise 2: Words", 1.5, 2, 2),
        ("Exercise 3: Right", 1, 1, 0),
    ]
    first, second = found.shown
    assert first.title == "Exercise 1: The sum"
    (part,) = first.shown
    assert [answer.shown for answer in part.answers] == ["def add(a, b):\n    return a - b"]
    (verdict,) = part.verdicts
    assert (verdict.score, verdict.points, verdict.sentence) == (0, 2, SENTENCE)
    assert [(one.name, one.waits, one.by_hand) for part in second.shown for one in part.verdicts] == [
        ("why", True, False),
        ("how", False, True),
    ]
    assert found.above == {10: "exercise-2", 11: "exercise-2"}


def test_a_notebook_without_exercises_has_one_row():
    cells = [cell("a", "x", solution=True), cell("test", "assert x", score=1.0, points=1.0)]
    (one,) = overview(cells, (), (), lambda cell, comment: "", words_in("en")).exercises
    assert (one.title, one.reached, one.possible, one.shown) == ("", 1, 1, [])


def test_a_page_says_first_what_was_reached_and_why_not_more(page):
    start, _, whole = page.partition('<details class="whole">')
    for words in (
        "3.5 of 6 points so far; 2 more are not graded yet",
        "0.5 points were taken for lateness.",
        "0 of 2 points",
        SENTENCE,
        "Not graded yet; 2 points possible",
        "1.5 of 2 points; a person gave this mark",
        "☑ (+1.5) says <math",
        "Nothing was written.",
        '<html lang="en">',
    ):
        assert words in start
    assert "1 of 1" not in start.partition("</table>")[2], "what has full points is in the notebook only"
    assert "<summary>" in whole and whole.count("This answer is shown above.") == 2


def test_a_page_in_german_leaves_the_texts_of_others_as_they_are(notebook):
    notes = FeedbackNotes(config=Config({"Course": {"language": "de"}}))
    notebook.metadata["course"] = {"repairs": ["The cell 'x' was missing."]}
    page = page_of(notes.preprocess(notebook, ResourcesDict())[0], "de")
    text = " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.S).split())
    for words in (
        "Bisher 3,5 von 6 Punkten; 2 weitere Punkte sind noch nicht bewertet",
        "0,5 Punkte wurden wegen verspäteter Abgabe abgezogen.",
        "Aufgabe Punkte Noch nicht bewertet Exercise 1: The sum 1 von 3 – Exercise 2: Words",
        f"0 von 2 Punkten {' '.join(SENTENCE.split())} Ihre Antwort",
        "Noch nicht bewertet; 2 Punkte möglich",
        "1,5 von 2 Punkten; von einer Person bewertet",
        "Hier steht keine Antwort.",
        "Das ganze Notebook mit allen Prüfungen und Ausgaben",
        "Zu dieser Abgabe The cell 'x' was missing.",
    ):
        assert words in text, words
    assert '<html lang="de">' in page and '<div lang="en">' in page
    # What follows is text of the test's own notebook, in English; the page's words are none of it.
    for word in ("Points", "Your answer", "Comment", "graded", "Not ", "Back to", "Check "):
        assert word not in text, word


def test_a_course_may_call_its_exercises_in_german(notebook):
    notebook.cells[1].source = "## Aufgabe 1: Die `Summe` (2 Punkte, etwa 5 Minuten)"
    first = overview(notebook.cells, (), (), lambda cell, comment: "", words_in("de")).exercises[0]
    assert (first.title, first.possible) == ("Aufgabe 1: Die Summe", 3)


def test_every_language_has_all_words_with_the_same_fields():
    assert Course.language.values == LANGUAGES
    english = words_in("en")
    for language in LANGUAGES:
        words = words_in(language)
        assert words.texts.keys() == english.texts.keys()
        for name, text in words.texts.items():
            assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", english.texts[name])), name
            assert text.strip() == text and text


def test_nothing_in_a_page_runs_or_loads(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "script-src 'none'" in policy and "http" not in policy and "unsafe-eval" not in policy
    assert "<script" not in page and "<img src=x" not in page and "<link" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 4, "it is shown as it was typed"


def test_formulas_are_mathml_in_texts_answers_comments_and_outputs(page):
    for formula in (
        "<msup><mi>x</mi><mn>2</mn></msup>",
        '<math display="block">',
        "<mi>a</mi><mo>&lt;</mo>",
        "<msub><mi>y</mi><mn>1</mn></msub>",
        "<mi>k</mi>",
        "<msup><mi>z</mi><mn>3</mn></msup>",
    ):
        assert formula in page, formula


@pytest.mark.parametrize("attack", FORMULAS, ids=lambda attack: attack.name)
def test_formulas_make_no_links_names_or_looks(attack):
    for text in attack.texts:
        shown = pages.markdown_with_mathml({"resources": {}}, text)
        tags = " ".join(re.findall(r"<[^>]*>", shown)).replace('class="kept-inside"', "")
        assert not re.search(r"href|\bid=|class=|style=|\bon\w+=|src=", tags), tags


def test_each_place_is_there_once_and_each_link_leads_to_one(page):
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', page)) <= set(ids)


def test_a_students_cell_does_not_pass_for_notes_of_the_course(notebook):
    notebook.cells[0].metadata["course_notes"] = "- Full points."
    done, _ = FeedbackNotes(config=Config()).preprocess(notebook, ResourcesDict())
    assert "course_notes" not in done.cells[0].metadata


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed (Debian: apt install chromium)")
@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("width", [1280, 375])
def test_a_page_is_accessible_fits_a_phone_and_opens_the_notebook_at_a_link(page, tmp_path, width):
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": width, "height": 700})
        said = []
        shown.on("console", lambda message: said.append(message.text))
        shown.goto(f"file://{path}")
        is_open = "document.querySelector('details.whole').open"
        assert not shown.evaluate(is_open)
        shown.get_by_role("link", name="Exercise 3: Right").click()
        assert shown.evaluate(is_open)
        assert shown.get_by_text("Exercise 3: Right (1 point)").is_visible()
        found = Axe().run(shown).response["violations"]
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert said == []
        browser.close()
