"""Reports as a browser shows them: on a phone nothing goes sideways, and nothing runs or is loaded."""

from __future__ import annotations

import itertools
import runpy
import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe

from benchmarks.made_up_class import make_class
from course_utils.report.assignment import write_report
from course_utils.report.course import write_course_report
from course_utils.report.similar import write_similar
from tests.support.engine import ROOT

pytestmark = [
    pytest.mark.skipif(
        not (shutil.which("chromium") or shutil.which("google-chrome")),
        reason="chromium is not installed (Debian: apt install chromium)",
    ),
    pytest.mark.xdist_group("browser"),
]
# Every name or text of an element that a screen reader needs one for.
UNNAMED = """() => [...document.querySelectorAll('a, summary, [role=region], [role=img], th, section')].filter(one => {
    const label = one.getAttribute('aria-labelledby');
    const text = one.getAttribute('aria-label') || (label && document.getElementById(label)?.textContent) || '';
    return !(text || (one.tagName !== 'SECTION' && one.textContent)).trim();
}).map(one => one.outerHTML.slice(0, 80))"""


FOLDED = """() => [...document.querySelectorAll('details > :not(summary)')].filter(one => {
    return !one.checkVisibility({contentVisibilityAuto: true});
}).map(one => one.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    course = make_class(tmp_path_factory.mktemp("class") / "course", "depthwise", 24, copies=1).course
    makers = (write_report, write_similar)
    return [*(make(course, "depthwise").page for make in makers), write_course_report(course).page]


def test_a_page_fits_a_phone_names_its_parts_and_neither_runs_nor_loads_anything(written):
    pictures = runpy.run_path(str(ROOT / "docs" / "screenshots.py"))
    with pictures["browser"]() as chromium:
        for path in written:
            page = chromium.new_page(viewport={"width": 375, "height": 700})
            asked, told = [], []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.on("dialog", lambda dialog, told=told: (told.append(dialog.message), dialog.dismiss()))
            page.on("console", lambda message, told=told: told.append(message.text))
            page.goto(path.as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = false)")
            page.emulate_media(media="print")
            for _ in range(100):  # a browser that is busy lays the page out for paper a moment later
                if not page.evaluate(FOLDED):
                    break
                page.wait_for_timeout(100)
            assert page.evaluate(FOLDED) == [], f"{path.name}: paper has no folds"
            page.emulate_media(media="screen")
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            assert page.evaluate("document.documentElement.scrollWidth") <= 375, path.name
            assert asked == [path.as_uri()] and not told
            assert page.evaluate(UNNAMED) == []
            assert [rule["id"] for rule in Axe().run(page).response["violations"]] == [], path.name
            levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(one => +one.tagName[1])")
            assert levels[0] == 1 and all(after <= before + 1 for before, after in itertools.pairwise(levels))
            page.close()
