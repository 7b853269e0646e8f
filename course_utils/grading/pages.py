"""What of a student's text a page may hold: the pages are read by instructors who are logged in.

nbgrader's templates for feedback and formgrader turn Markdown into HTML and put it into the page as it is, scripts
included. `markdown2html` takes the place of their filter (`c.HTMLExporter.filters` in `nbgrader_config.py`).
"""

from __future__ import annotations

import functools
import html
import io
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

from bleach.css_sanitizer import CSSSanitizer
from bleach.sanitizer import Cleaner
from IPython.lib.lexers import IPython3Lexer
from jinja2 import pass_context
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter

from course_utils.grading.texts import plain_math

__all__ = ["highlight_code", "markdown2html", "unchanged"]

# Characters. Longer texts are shown as they were typed: some take a Markdown reader hours.
_LONGEST = 20_000
# Seconds of processor time for Markdown and colours of one page; what comes after that is shown as it was typed.
_PATIENCE_S = 10.0

_TAGS = (
    "a abbr b blockquote br center caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 "
    "h5 h6 hr i img ins kbd li mark ol p pre s samp small span strong sub summary sup table tbody td tfoot th thead tr "
    "u ul var"
)
_ATTRIBUTES = {
    "*": ["class", "title", "align"],
    "a": ["href"],
    "img": ["src", "alt", "width", "height", "style"],
    "td": ["colspan", "rowspan", "style"],
    "th": ["colspan", "rowspan", "style"],
    "ol": ["start"],
    **{f"h{level}": ["id"] for level in range(1, 7)},
}


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
    if len(source) > _LONGEST or clock.is_up():
        return f"<pre>{html.escape(source)}</pre>"
    attachments = context.get("cell", {}).get("attachments", {})
    renderer = IPythonRenderer(escape=False, attachments=attachments, exclude_anchor_links=True)
    try:
        with clock:
            try:
                page = MarkdownWithMath(renderer=renderer).render(source)
            except InvalidNotebook:  # names a picture that was never pasted
                page = MarkdownWithMath(renderer=renderer).render(source.replace("attachment:", "missing:"))
            page = _cleaner().clean(page)
    except RecursionError:  # quotes within quotes within quotes
        return f"<pre>{html.escape(source)}</pre>"
    # A browser reads `&#92;` as a backslash before MathJax looks.
    return plain_math(re.sub(r"&(?:#\d+|#x[0-9a-fA-F]+|bsol|lowbar);", _as_letter, page))


def _as_letter(entity: re.Match[str]) -> str:
    character = html.unescape(entity[0])
    return character if character == "\\" or character.isalnum() else entity[0]


@functools.cache
def _cleaner() -> Cleaner:
    return Cleaner(
        tags=_TAGS.split(),
        attributes=_allowed,
        protocols=["http", "https", "mailto", "data"],
        strip=True,
        css_sanitizer=CSSSanitizer(allowed_css_properties=["width", "height", "text-align", "max-width"]),
    )


def _allowed(tag: str, name: str, value: str) -> bool:
    if name not in _ATTRIBUTES["*"] and name not in _ATTRIBUTES.get(tag, ()):
        return False
    if value.strip().lower().startswith("data:"):
        # Only a pasted picture, and never one that may hold scripts.
        return tag == "img" and name == "src" and re.match(r"data:image/(png|jpeg);base64,", value) is not None
    return True


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
    clock = _Clock(context)
    try:
        with clock:
            tokens = list(clock.watch(IPython3Lexer().get_tokens(source)))
            return highlight_tokens(tokens)
    except TimeoutError:
        return f'<div class="highlight"><pre>{html.escape(source)}</pre></div>'


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
