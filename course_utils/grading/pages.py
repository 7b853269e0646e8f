"""What of a student's text a page may hold: the pages are read by instructors who are logged in.

nbgrader's templates for feedback and formgrader turn Markdown into HTML and put it into the page as it is, scripts
included. `markdown2html` takes the place of their filter (`c.HTMLExporter.filters` in `nbgrader_config.py`).
"""

from __future__ import annotations

import html
import io
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from pygments.formatters import HtmlFormatter

from course_utils.grading.cleaning import as_text, clean, is_other_site, no_picture, picture
from course_utils.grading.formulas import to_mathml
from course_utils.grading.overview import overview
from course_utils.grading.page_state import PageState, read_state
from course_utils.grading.settings import Course
from course_utils.grading.words import words_in
from course_utils.notebooks.pictures import Room, take_pictures
from course_utils.notebooks.texts import plain_math

__all__ = ["MATHJAX", "FeedbackExporter", "highlight_code", "markdown2html", "rendered", "unchanged"]

# Where nbconvert's templates take MathJax 2 from; it loads the rest of itself from there, and evaluates its settings.
MATHJAX = "https://cdnjs.cloudflare.com/ajax/libs/mathjax/"

# nbgrader's template, which shows what nobody has read as 0.
_NBGRADERS = "feedback"
# Characters that are read at once: some texts take a Markdown reader hours. Longer ones are read in parts, and a part
# without a blank line is shown as it was typed.
_LONGEST = 20_000
# Of the HTML of an output.
_MOST_HTML = 200_000
# Cells in colours, and texts, that are kept: most of a notebook's are the course's, and the same on everybody's page.
_MOST_KEPT = 500
# Seconds of processor time for Markdown and colours of one page; what comes after that is shown as it was typed.
_PATIENCE_S = 10.0

_coloured: dict[str, str] = {}
_as_html: dict[str, str] = {}


@pass_context
def markdown2html(context: Any, source: str) -> str:
    """Return the HTML of a Markdown text, without anything that runs, loads or reaches outside of the page.

    Parameters
    ----------
    context : jinja2.runtime.Context
        Holds the cell, whose pasted pictures the text may show.
    source : str
        Markdown, with formulas.
    """
    clock = _Clock(context)
    attachments = context.get("cell", {}).get("attachments", {})
    own_host = context.get("resources", {}).get("course_host", "")
    # Pasted pictures are no text: the limits are on what is read.
    source, pasted = take_pictures(source, {}, Room())
    attachments = {**attachments, **pasted}
    return "".join(_part(part, attachments, own_host, clock) for part in _in_parts(source))


def rendered(source: str, attachments: dict[str, dict[str, str]] | None = None) -> str:
    """Return the HTML of a Markdown text for a page without scripts of others: its formulas are MathML.

    Parameters
    ----------
    source : str
        Markdown, with formulas.
    attachments : dict of str to dict of str to str, optional
        Pictures in base64, by name and media type, as a cell has them.
    """
    source, pasted = take_pictures(source, {}, Room())
    attachments = {**(attachments or {}), **pasted}
    clock = _Clock({"resources": {}})
    return "".join(_rendered_part(part, attachments, clock) for part in _in_parts(source))


@pass_context
def markdown_with_mathml(context: Any, source: str) -> str:
    """Return the same as `rendered` within a template: one clock for the whole page, pictures of the cell.

    Parameters
    ----------
    context : jinja2.runtime.Context
    source : str
        Markdown, with formulas.
    """
    source, pasted = take_pictures(source, {}, Room())
    attachments = {**context.get("cell", {}).get("attachments", {}), **pasted}
    clock = _Clock(context)
    return "".join(_reachable(_rendered_part(part, attachments, clock)) for part in _in_parts(source))


def _reachable(page: str) -> str:
    """Return a part that a keyboard can scroll if it may be wider than a phone."""
    if "<table" in page or '<math display="block">' in page:
        return page.replace('<div class="kept-inside">', '<div class="kept-inside" tabindex="0">', 1)
    return page


def cleaned_html(source: str) -> str:
    """Return the HTML of an output, as clean as that of a text."""
    if len(source) > _MOST_HTML:
        return f"<pre>{html.escape(source)}</pre>"
    return _reachable(f'<div class="kept-inside">{clean(source, {})}</div>')


def _rendered_part(source: str, attachments: dict[str, dict[str, str]], clock: _Clock) -> str:
    if not attachments and source in _as_html:
        return _as_html[source]
    if len(source) > _LONGEST or clock.is_up():
        return f"<pre>{html.escape(source)}</pre>"
    try:
        with clock:
            renderer = _WithFormulas(attachments, "")
            page = clean(MarkdownWithMath(renderer=renderer).render(source), attachments, "")
            page = renderer.put_in(page)
    except RecursionError:  # quotes within quotes within quotes
        return f"<pre>{html.escape(source)}</pre>"
    page = f'<div class="kept-inside">{page}</div>'
    if not attachments and len(_as_html) < _MOST_KEPT:
        _as_html[source] = page
    return page


def _part(source: str, attachments: dict[str, dict[str, str]], own_host: str, clock: _Clock) -> str:
    if len(source) > _LONGEST or clock.is_up():
        return f"<pre>{html.escape(source)}</pre>"
    try:
        with clock:
            page = MarkdownWithMath(renderer=_Renderer(attachments, own_host)).render(source)
            page = clean(page, attachments, own_host)
    except RecursionError:  # quotes within quotes within quotes
        return f"<pre>{html.escape(source)}</pre>"
    # Only now: entities are letters, and nothing that MathJax would skip stands within a command any more.
    return f'<div style="{_KEPT_INSIDE}">{plain_math(page)}</div>'


def _in_parts(source: str) -> list[str]:
    """Split a long text at blank lines that stand in no block of code or formula."""
    if len(source) <= _LONGEST:
        return [source]
    parts, lines, size, fence, formula = [], [], 0, "", False
    for line in source.split("\n"):
        size += len(line) + 1
        mark = line.lstrip()[:3]
        if mark in ("```", "~~~"):
            fence = "" if fence == mark else fence or mark
        elif not fence:
            formula ^= line.count("$$") % 2 == 1
        lines.append(line)
        if size > _LONGEST // 2 and not line.strip() and not fence and not formula:
            parts.append("\n".join(lines))
            lines, size = [], 0
    return [*parts, "\n".join(lines)]


# Formulas may be moved and may be of any size; they must not lie over what formgrader shows around them.
_KEPT_INSIDE = "overflow: auto; contain: paint"


class _Renderer(IPythonRenderer):
    """Turns Markdown into HTML; links and pictures that the page must not follow become text with their names."""

    def __init__(self, attachments: dict[str, dict[str, str]], own_host: str) -> None:
        super().__init__(escape=False, attachments=attachments, exclude_anchor_links=True)
        self.own_host = own_host

    def link(self, text: str, url: str, title: str | None = None) -> str:
        text = text or html.escape(url)
        if is_other_site(url, self.own_host):
            return f'<a href="{html.escape(url)}">{text}</a>'
        return as_text(text, "" if url.startswith("#") else url.removeprefix("mailto:"))

    def image(self, text: str, url: str, title: str | None = None) -> str:
        source = picture(url, self.attachments)
        if source is None:
            return no_picture(html.escape(text), url, self.attachments)
        return f'<img src="{source}" alt="{html.escape(text)}">'

    def task_list_item(self, text: str, checked: bool = False) -> str:
        return f"<li>{'☑' if checked else '☐'} {text}</li>\n"

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        tag = "th" if head else "td"
        return f'<{tag} align="{align}">{text}</{tag}>\n' if align else f"<{tag}>{text}</{tag}>\n"


class _WithFormulas(_Renderer):
    """Keeps formulas aside while the page is cleaned, and puts them in as MathML."""

    _TAG = re.compile(r"""(<(?:[^<>"']|"[^"]*"|'[^']*')*>)""")

    def __init__(self, attachments: dict[str, dict[str, str]], own_host: str) -> None:
        super().__init__(attachments, own_host)
        self._formulas: list[str] = []
        # Nobody knows the marks beforehand: what a student types never is one.
        self._secret = secrets.token_hex(8)
        self._marks = re.compile(rf"formula-{self._secret}-(\d+)-")

    def _keep(self, formula: str, *, block: bool) -> str:
        self._formulas.append(to_mathml(formula.strip(), block=block))
        return f"formula-{self._secret}-{len(self._formulas) - 1}-"

    def inline_math(self, body: str) -> str:
        return self._keep(body, block=False)

    def block_math(self, body: str) -> str:
        return self._keep(body, block=True)

    def latex_environment(self, name: str, body: str) -> str:
        return self._keep(rf"\begin{{{name}}}{body}\end{{{name}}}", block=True)

    def put_in(self, page: str) -> str:
        """Return a page with its formulas in their places; within a tag (in a picture's name, say) there is none."""

        def formula(found: re.Match) -> str:
            number = int(found[1])
            return self._formulas[number] if number < len(self._formulas) else ""

        parts = self._TAG.split(page)
        parts[::2] = [self._marks.sub(formula, text) for text in parts[::2]]
        parts[1::2] = [self._marks.sub("", tag) for tag in parts[1::2]]
        return "".join(parts)


@pass_context
def highlight_code(context: Any, source: str, language: str | None = None, metadata: Any = None, **_: Any) -> str:
    """Return the HTML of Python code in colours, or plain where that takes too long.

    Parameters
    ----------
    context : jinja2.runtime.Context
    source : str
        Code of a notebook cell.
    language, metadata : optional
        Not needed; part of how templates call the filter they know.
    """
    from IPython.lib.lexers import IPython3Lexer  # brings IPython's shell along; pages of Markdown do without

    if source in _coloured:
        return _coloured[source]
    clock = _Clock(context)
    try:
        with clock:
            tokens = list(clock.watch(IPython3Lexer().get_tokens(source)))
            page = highlight_tokens(tokens)
    except TimeoutError:
        return f'<div class="highlight"><pre>{html.escape(source)}</pre></div>'
    if len(source) <= _LONGEST and len(_coloured) < _MOST_KEPT:
        _coloured[source] = page
    return page


def highlight_tokens(tokens: list[Any]) -> str:
    """Return the HTML of what a lexer found."""
    page = io.StringIO()
    HtmlFormatter(cssclass=" highlight hl-ipython3").format(tokens, page)
    return page.getvalue()


class _Clock:
    """Counts the processor time that one page has taken so far."""

    def __init__(self, context: Any) -> None:
        # Templates are given this dict anew for each page.
        self.resources = context.get("resources", {})
        self.began = 0.0

    def __enter__(self) -> None:
        self.began = time.process_time()

    def __exit__(self, *_: object) -> None:
        self.resources["course_seconds"] = self.spent()
        self.began = 0.0

    def spent(self) -> float:
        running = time.process_time() - self.began if self.began else 0.0
        return self.resources.get("course_seconds", 0.0) + running

    def is_up(self) -> bool:
        return self.spent() > _PATIENCE_S

    def watch(self, tokens: Iterable[Any]) -> Iterator[Any]:
        """Pass tokens on until time is up."""
        for token in tokens:
            if self.is_up():
                raise TimeoutError
            yield token


def unchanged(text: str) -> str:
    """Return the text as it is.

    Takes the place of a filter of the templates that mends links of notebooks from before 2014, and needs the square of
    the time for a text of brackets.
    """
    return text


class FeedbackExporter(HTMLExporter):
    """Writes feedback pages whose policy lets nothing run, and nothing load.

    The page is opened from a disk or in OpenOlat; the policy stands in the page itself.
    """

    def __init__(self, **kw: Any) -> None:
        super().__init__(**kw)
        self.is_own = self.template_name == _NBGRADERS  # who has set another one wants that
        self.words = words_in(Course(config=self.config).language)
        if self.is_own:
            self.template_paths = [str(Path(__file__).parent / "feedback_page"), *self.template_paths]

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> tuple[str, Any]:
        ids = (resources or {}).get("nbgrader", {})
        state = PageState("")
        if "db_url" in ids:
            graded = Path(resources["metadata"]["path"], f"{resources['metadata']['name']}.ipynb")
            state = read_state(
                ids["db_url"], (ids["notebook"], ids["assignment"], ids["student"]), graded, self.words.lang
            )
            for name in ("waiting", "waiting_points", "waiting_score", "by_hand", "blank"):
                resources[f"course_{name}"] = getattr(state, name)
        page, resources = self._render(nb, resources, **kw)
        return with_policy(page, state.meta if state.digest else "", mathjax=not self.is_own), resources

    def _render(self, nb: Any, resources: Any, **kw: Any) -> tuple[str, Any]:
        if not self.is_own:
            return super().from_notebook_node(nb, resources, **kw)
        # `HTMLExporter` reads its whole page again to describe pictures and to set the focus in JupyterLab's templates,
        # which takes half of a page's time; the course's template describes its pictures itself.
        resources = self._init_resources(resources)
        chosen = WidgetsDataTypeFilter(notebook_metadata=self._nb_metadata, parent=self, resources=resources)
        self.register_filter("filter_data_type", chosen)
        self.register_filter("highlight_code", self.filters.get("highlight_code", highlight_code))
        # Formgrader has MathJax, and takes the filter of the settings; this page lets no script run.
        self.register_filter("markdown2html", markdown_with_mathml)
        self.register_filter("cleaned_html", cleaned_html)
        self.register_filter("number", self.words.number)
        self.environment.globals["say"] = self.words
        return super(HTMLExporter, self).from_notebook_node(nb, resources, **kw)

    def _preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        nb, resources = super()._preprocess(nb, resources)
        if not self.is_own:
            return nb, resources
        if nb.cells and (notes := nb.cells[0].metadata.pop("course_notes", "")):
            nb.cells.pop(0)
            resources["course_notes"] = markdown_with_mathml({"resources": resources}, notes)

        for place, cell in enumerate(nb.cells):
            cell.metadata["course_place"] = place

        def show(cell: Any, comment: str | None) -> str:
            context = {"resources": resources, "cell": cell if comment is None else {}}
            if comment is None and cell.cell_type == "code":
                return highlight_code(context, cell.source)
            return markdown_with_mathml(context, cell.source if comment is None else comment)

        waiting, by_hand, blank = (resources.get(f"course_{name}", ()) for name in ("waiting", "by_hand", "blank"))
        resources["course_overview"] = overview(nb.cells, waiting, by_hand, show, self.words, blank)
        return nb, resources


def with_policy(page: str, more: str = "", *, mathjax: bool = False) -> str:
    """Return a feedback page with its policy as the first thing in its head, and what else is given behind that.

    Parameters
    ----------
    page : str
    more : str
        HTML.
    mathjax : bool
        Whether the page may load MathJax and run it, as nbgrader's own does.

    Raises
    ------
    ValueError
        If the page has no head: then its template is not the one that this was made for.
    """
    start, found, rest = page.partition("<head>")
    if not found:
        raise ValueError("A feedback page has no <head>, so that it can't be given a policy.")
    scripts, fonts = (f"{MATHJAX} 'unsafe-eval'", f"{MATHJAX} data:") if mathjax else ("'none'", "'none'")
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data:; "
        f"font-src {fonts}; base-uri 'none'; form-action 'none'"
    )
    return f'{start}{found}\n<meta http-equiv="Content-Security-Policy" content="{policy}">{more}{rest}'
