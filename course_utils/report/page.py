"""How a report becomes one page: nothing in it is loaded or run, and what students wrote stays text."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from course_utils.notebooks.texts import one_line

__all__ = ["histogram", "made_at", "render", "write_page"]

_PAGES = Path(__file__).parent / "pages"
_LONGEST = 2_000  # characters of a text that stands in one place of a page


def render(template: str, **values: Any) -> str:
    """Return a page as HTML; every text is escaped.

    Parameters
    ----------
    template : str
        Name of a file in ``report/pages/``, without ``.html.j2``.
    **values : object
        What it shows.
    """
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGES), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    pages.filters |= {"percent": _percent, "points": _points, "line": _line, "signed": _signed, "correlation": _r}
    return pages.get_template(f"{template}.html.j2").render(**values)


def made_at(now: datetime | None = None) -> str:
    """Return the time that a page says it was made at, to the minute."""
    return (now or datetime.now()).strftime("%Y-%m-%d %H:%M")


def write_page(path: Path, text: str) -> Path:
    """Write a page in one step, so that nobody opens half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8", errors="replace")
    new.replace(path)
    return path


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _points(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}".replace("-", "−")


def _r(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def _line(text: Any) -> str:
    return one_line(text, _LONGEST)


def histogram(shares: Sequence[float], title: str) -> str:
    """Return a histogram of marks in ten parts as SVG, with its numbers as a description.

    Parameters
    ----------
    shares : sequence of float
        Marks as shares of the maximum.
    title : str
    """
    counts = [0] * 10
    for share in shares:
        counts[min(9, max(0, int(share * 10 + 1e-9)))] += 1
    parts = [f"{10 * i} to {10 * i + (10 if i == 9 else 9)} %: {count}" for i, count in enumerate(counts)]
    top, height, width = max([*counts, 1]), 160, 52
    shown = []
    for i, count in enumerate(counts):
        tall, x = round(height * count / top), 30 + i * width
        shown.append(f'<rect x="{x}" y="{20 + height - tall}" width="{width - 6}" height="{tall}" fill="#1f5f8b"/>')
        shown.append(f'<text x="{x + width / 2 - 3}" y="{14 + height - tall}" text-anchor="middle">{count}</text>')
        shown.append(f'<text x="{x + width / 2 - 3}" y="{38 + height}" text-anchor="middle">{10 * i}</text>')
    told = html.escape(f"{title}. {len(shares)} marks by share of the points. {'; '.join(parts)}.")
    return (
        f'<svg role="img" aria-label="{told}" viewBox="0 0 570 225" xmlns="http://www.w3.org/2000/svg">'
        f'<title>{told}</title><line x1="24" y1="{20 + height}" x2="556" y2="{20 + height}" stroke="#333"/>'
        f'{"".join(shown)}<text x="290" y="218" text-anchor="middle">points reached, in per cent, from …</text></svg>'
    )
