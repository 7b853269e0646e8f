"""What of a student's text a page holds, and which addresses are students' files; in a browser: test_browser.py."""
# ruff: noqa: E501 (texts of attackers)

from __future__ import annotations

import html
import json
import re
import tomllib

import pytest
from jinja2 import Environment, FileSystemLoader
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbgrader.converters import GenerateFeedback
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

from course_utils.classroom.config import load_config
from course_utils.grading import pages, server
from course_utils.grading.cleaning import clean, is_other_site, picture
from course_utils.notebooks.texts import plain_math
from tests.support.engine import ROOT

PNG = "iVBORw0KGgo="


@pytest.fixture
def shown():
    """A function that gives the HTML of Markdown, as a template does."""
    environment = Environment()
    environment.filters["markdown2html"] = pages.markdown2html
    template = environment.from_string("{{ source | markdown2html }}")

    def show(source, attachments=None, **resources):
        return template.render(source=source, cell={"attachments": attachments or {}}, resources=resources)

    return show


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("# A heading\n\nand *text*", "<h1>A heading</h1>\n<p>and <em>text</em></p>"),
        ("```python\nx = 1\n```", '<span class="n">x</span>'),
        ("|a|b|\n|-|:-:|\n|1|2|", '<td align="center">2</td>'),
        ("- [x] done", "☑ done"),
        ("![plot](attachment:p.png)", f'<img src="data:image/png;base64,{PNG}" alt="plot">'),
        ('<img src="attachment:p.png" width="300">', f'<img src="data:image/png;base64,{PNG}" width="300">'),
        (f"![](data:image/webp;base64,{PNG})", f'<img src="data:image/png;base64,{PNG}" alt="">'),
        (r"$a<b$ and $$\frac{1}{2}$$", r"$a&lt;b$ and $$\frac{1}{2}$$"),
        ("<details><summary>more</summary>H<sub>2</sub>O</details>", "<summary>more</summary>H<sub>2</sub>O"),
        ("if a < b and c > d", "if a &lt; b and c &gt; d"),
        ("<https://arxiv.org/abs/1502.03167>", ">https://arxiv.org/abs/1502.03167</a>"),
        ("write to me@uni.de: <me@uni.de>", "write to me@uni.de: me@uni.de"),
        ("A <script>alert(1)</script> tag", "A alert(1) tag"),
    ],
)
def test_honest_texts_are_shown(source, kept, shown):
    assert kept in shown(source, {"p.png": {"image/png": PNG}})


def test_a_link_shows_where_it_leads(shown):
    address = "https://pytorch.org/docs?a=1&b=2"
    link = f'<a href="{html.escape(address)}" rel="noopener noreferrer nofollow">{html.escape(address)}</a>'
    for source in (f"[Full credit]({address})", f'<a href="{address}" class="btn" target=x title=y>Full credit</a>'):
        assert f"Full credit ({link})" in shown(source)
    assert shown(address).count(html.escape(address)) == 2


@pytest.mark.parametrize(
    "url",
    [
        "figure.html", "/files/x", "//evil.org/x", "#a", "javascript:alert(1)", "data:text/html,x", "http:figure.html",
        "http://localhost:8888/x", "http://a.localhost/", "http://127.0.0.1/", "http://127.1", "http://2130706433/",
        "http://0x7f.0.0.1/", "http://[::1]/", "http://grader/", "http://box.local/", "https://user@pytorch.org/",
        "http://pytorch.org\\@localhost/", "https://hub.uni.de/user/x", "https://HUB.uni.de:443/", "ftp://x.org/",
        "https://x.org/a b", "https://x.org/'\"", " https://x.org", "https://localhost./x", "https://x.org\n.localhost/",
    ],
)  # fmt: skip
def test_links_to_anywhere_but_another_site_become_text(url, shown):
    assert not is_other_site(url, "hub.uni.de:8000")
    for source in (f"[name](<{url}>)", f'<a href="{html.escape(url)}">name</a>'):
        page = shown(source, course_host="hub.uni.de:8000")
        assert "name" in page
        assert "href" not in page or "name](" in page or "<https" in source


@pytest.mark.parametrize("source", ["figure.png", "http://x.org/a.png", "//x.org/a", "data:image/svg+xml;base64,AAAA",
                                    "data:text/html;base64,AAAA", "attachment:other", f'data:image/png;base64,{PNG}" x="'])  # fmt: skip
def test_pictures_from_elsewhere_become_text(source, shown):
    assert picture(source, {}) is None
    page = shown(f"![what it shows](<{source}>)") + shown(f'<img alt="what it shows" src="{html.escape(source)}">')
    assert "<img" not in page and page.count("[picture: what it shows") == 2


@pytest.mark.parametrize(
    "source",
    [
        '<h6 id="test_x">x</h6>', "<p class=score style='position: fixed' name=a data-link=b for=c onclick=d>x</p>",
        "<input id=a><button>x</button><form><textarea>x</textarea></form><label for=a>x</label><select><option>x</select>",
        "<iframe src=a></iframe><object data=a></object><embed src=a><svg onload=a></svg><math><mtext></math><video src=a>",
        "<style>* { color: red }</style><link rel=stylesheet href=a><base href=a><meta http-equiv=refresh><!-- x -->",
        "# x {#test_x}", '<div class="highlight nbgrader_cell"><span class="k btn score-saved">x</span></div>',
        "<td width=1 onmouseover=a><ol start='1 x=y'><img src=x onerror=a><a name=test_x href='javascript:a'>x</a>",
    ],
)  # fmt: skip
def test_nothing_stays_that_a_page_goes_by(source, shown):
    page = shown(source).partition(">")[2].removesuffix("</div>")  # without what the text is kept inside
    for word in (" id=", " style=", " name=", " for=", "data-", " on", "javascript:", "btn", "score", "nbgrader_cell",
                 "<input", "<button", "<form", "<textarea", "<label", "<select", "<iframe", "<object", "<embed", "<svg",
                 "<math", "<video", "<style", "<link", "<base", "<meta", "<!--"):  # fmt: skip
        assert word not in page.replace("javascript:a'&gt;", ""), page


@pytest.mark.parametrize("name", ["href", "cssId", "class", "style", "mmlToken", "bbox", "require", "unicode", "toggle", "def",
                                  "gdef", "let", "newcommand", "renewcommand", "newenvironment", "DeclareMathOperator"])  # fmt: skip
def test_commands_that_do_more_than_typeset_are_words(name):
    for source in (f"\\{name}{{x}}", f"\\{name}1", f"\\{name} x", f"\\{name}_x", f"\\{name}\\{name}"):
        assert f"\\{name}" not in plain_math(source)
    assert plain_math(f"\\{name}s") == f"\\{name}s" and plain_math(r"\hrefs\defeq") == r"\hrefs\defeq"


def test_entities_and_tags_within_a_command_do_not_hide_it(shown):
    for source in (r"$&#92;href{x}{y}$", r"$&bsol;href{x}{y}$", r"$\hr<wbr>ef{x}{y}$", r"\(\hr<!-- x -->ef{x}{y}\)"):
        assert "\\href" not in html.unescape(shown(source)), source


def test_cleaning_twice_changes_nothing():
    page = clean('<p title=x>a <a href="https://x.org/?a&b">b</a> <b>c</p> <img src="attachment:p">', {})
    assert clean(page, {}).replace(" (", "(") == page.replace(" (", "(")


@pytest.mark.parametrize(
    ("path", "students"),
    [
        ("/files/submitted/ada/tiny/x.html", True), ("/files/a/b/Autograded/x/tiny/x.svg", True),
        ("/files/%73ubmitted/x", True), ("/nbconvert/html/feedback/x.ipynb", True), ("/view/quarantine/x.html", True),
        ("/files/./submitted//x", True), ("/files\\submitted\\x", True), ("/anything/new/submitted/x", True),
        ("/files/source/tiny/x.ipynb", False), ("/files/submitted.txt", False), ("/api/contents/submitted/x", False),
        ("/lab/tree/submitted/x", False), ("/formgrader/manage_submissions/submitted", False), ("/submitted", False),
    ],
)  # fmt: skip
def test_addresses_of_students_files_are_known(path, students):
    assert server.holds_students_work(path) is students
    assert server.holds_students_work(f"/user/ada{path}", "/user/ada/") is students


def test_formgrader_fits_photos_to_its_page():
    templates = server._WithNumbers(FileSystemLoader(f"{handlers.template_path}/formgrade"), ("index.html.j2",))
    source, _, _ = templates.get_source(Environment(), "index.html.j2")
    head = source.partition("</head>")[0]
    assert head.index("formgrade.css") < head.index("img { max-width: 100%; border: 0 }")


def test_a_feedback_page_has_a_policy_before_anything_else():
    page = pages.with_policy("<!DOCTYPE html>\n<html>\n<head>\n<script src=x></script></head>")
    head, policy = page.index("<head>"), page.index("Content-Security-Policy")
    assert head < policy < page.index("<script") and "default-src 'none'" in page and "unsafe-inline'; img" in page
    with pytest.raises(ValueError, match="no <head>"):
        pages.with_policy("<p>")


@pytest.mark.parametrize("filters", [True, False])
def test_each_picture_of_an_output_has_one_description(filters):
    outputs = [
        new_output("display_data", {"image/png": PNG}, metadata=more)
        for more in ({}, {"image/png": {"alt": "a curve"}})
    ]
    notebook = new_notebook(cells=[new_code_cell("x = 1", outputs=outputs)])
    config = load_config(ROOT) if filters else Config()
    exporter = pages.FeedbackExporter(config=GenerateFeedback(config=config).config)
    resources = {
        "nbgrader": {"notebook": "n", "score": 0, "max_score": 0, "late_penalty": 0},
        "metadata": {"name": "n", "path": ""},
    }
    page, _ = exporter.from_notebook_node(notebook, resources)
    found = re.findall(r"<img [^>]*>", page)
    assert [re.findall(r'alt="([^"]*)"', picture) for picture in found] == [
        ["A picture without a description"],
        ["a curve"],
    ]


def test_code_is_coloured_once_and_what_took_too_long_is_tried_again(monkeypatch):
    context = {"resources": {}}
    monkeypatch.setattr(pages, "_coloured", {})
    monkeypatch.setattr(pages, "_PATIENCE_S", -1)
    assert pages.highlight_code(context, "x = 1") == '<div class="highlight"><pre>x = 1</pre></div>'
    monkeypatch.setattr(pages, "_PATIENCE_S", 10)
    once = pages.highlight_code(context, "x = 1")
    assert '<span class="n">x</span>' in once
    monkeypatch.setattr(pages, "_PATIENCE_S", -1)
    assert pages.highlight_code(context, "x = 1") == once and "x = 2</pre>" in pages.highlight_code(context, "x = 2")


def test_a_text_is_read_once_unless_it_shows_pictures_of_its_cell(monkeypatch):
    monkeypatch.setattr(pages, "_as_html", {})
    monkeypatch.setattr(pages, "_PATIENCE_S", -1)
    assert pages.rendered("*x*") == "<pre>*x*</pre>"
    monkeypatch.setattr(pages, "_PATIENCE_S", 10)
    once = pages.rendered("*x*, $y$")
    assert "<em>x</em>" in once and "<math" in once
    monkeypatch.setattr(pages, "_PATIENCE_S", -1)
    assert pages.rendered("*x*, $y$") == once and pages.rendered("*z*") == "<pre>*z*</pre>"
    monkeypatch.setattr(pages, "_PATIENCE_S", 10)
    shown = [
        pages.rendered("![it](attachment:it.png)", files) for files in (None, {"it.png": {"image/png": PNG}}, None, {})
    ]
    assert [PNG in page for page in shown] == [False, True, False, False]


def test_the_installation_switches_the_extension_on():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    (path,) = settings["etc/jupyter/jupyter_server_config.d"]
    switched = json.loads((ROOT / path).read_text())["ServerApp"]["jpserver_extensions"]
    assert switched == {server.EXTENSION: True}
    assert server._jupyter_server_extension_points() == [{"module": server.EXTENSION}]


@pytest.mark.parametrize("mark", ["\ue0100\ue011", "formula-0-", "&#xe010;0&#xe011;"])
def test_a_formula_stands_where_it_was_typed_and_nowhere_else(mark):
    unit = "$" + "x" * 900 + "$\n\n`" + mark * 900 + "`\n\n"
    page = pages.rendered((unit * 50)[:100_000])
    assert 100_000 < len(page) < 3_000_000
    assert page.count("<math") == (unit * 50)[:100_000].count("$x")
