"""What of a student's text a page may hold: the pages are read by instructors who are logged in.

nbgrader's templates for feedback and formgrader turn Markdown into HTML and put it into the page as it is, scripts
included. `markdown2html` takes the place of their filter (`c.HTMLExporter.filters` in `nbgrader_config.py`).
"""

from __future__ import annotations

import functools
import html
import re
from typing import Any

from bleach.css_sanitizer import CSSSanitizer
from bleach.sanitizer import Cleaner
from jinja2 import pass_context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from course_utils.grading.texts import plain_math

__all__ = ["markdown2html"]

# Characters. Longer texts are shown as they were typed: some take a Markdown reader hours.
_LONGEST = 20_000

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
    if len(source) > _LONGEST:
        return f"<pre>{html.escape(source)}</pre>"
    attachments = context.get("cell", {}).get("attachments", {})
    renderer = IPythonRenderer(escape=False, attachments=attachments, exclude_anchor_links=True)
    try:
        page = _cleaner().clean(MarkdownWithMath(renderer=renderer).render(source))
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
