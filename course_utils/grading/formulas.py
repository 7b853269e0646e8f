"""Formulas as MathML, which browsers show without a script and without a network.

The library's tree is written out anew here: what it writes itself has a student's text in it as it was typed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

__all__ = ["to_mathml"]

# Longer formulas, and deeper ones, are shown as they were typed.
_LONGEST = 4_000
_DEEPEST = 60
_TAGS = (
    "math merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle "
    "msub msubsup msup mtable mtd mtext mtr munder munderover"
)
_ATTRIBUTES = (
    "accent columnalign columnspacing display displaystyle fence form linebreak lspace mathvariant maxsize minsize "
    "movablelimits rowspacing rspace scriptlevel separator stretchy symmetric width"
)
_VALUE = re.compile(r"[\w.%+ -]{0,40}")
# Environments within a formula that the library knows by another name.
_RENAMED = {"aligned": "split", "gathered": "split", "alignedat": "split", "eqnarray": "align", "eqnarray*": "align*"}
_ENVIRONMENT = re.compile(rf"\\(begin|end)\{{({'|'.join(map(re.escape, _RENAMED))})\}}")
# What the library leaves of a command that it does not know.
_UNKNOWN = re.compile(r"\\[A-Za-z]+")


def to_mathml(formula: str, *, block: bool = False) -> str:
    """Return a formula as MathML; as it was typed, in a `code` element, where it can't be read.

    Parameters
    ----------
    formula : str
        LaTeX without its dollar signs.
    block : bool
        Whether it stands on a line of its own.

    Examples
    --------
    >>> to_mathml("x^2")
    '<math display="inline"><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math>'
    >>> to_mathml("{")
    '<code>${$</code>'
    """
    from latex2mathml.converter import convert_to_element  # reads its tables when it is loaded

    typed = f"<code>{html.escape(f'$${formula}$$' if block else f'${formula}$')}</code>"
    if len(formula) > _LONGEST or _depth(formula) > _DEEPEST:
        return typed
    source = _ENVIRONMENT.sub(lambda found: rf"\{found[1]}{{{_RENAMED[found[2]]}}}", formula)
    try:
        tree = convert_to_element(source, display="block" if block else "inline")
        parts = list(_written(tree))
    except Exception:  # the library has no one error for what a student may type
        return typed
    page = "".join(parts)
    return typed if _UNKNOWN.search(page) else page


def _depth(formula: str) -> int:
    deepest = depth = 0
    for character in formula:
        depth += (character == "{") - (character == "}")
        deepest = max(deepest, depth)
    return deepest + len(re.findall(r"\\(?:left|begin)\b", formula))


def _written(element: Element) -> Iterator[str]:
    """Yield an element's MathML: only tags and attributes that are known, every text escaped."""
    known = element.tag in _TAGS.split()
    if known:
        kept = {
            key: value
            for key, value in element.attrib.items()
            if key in _ATTRIBUTES.split() and _VALUE.fullmatch(value)
        }
        yield f"<{element.tag}" + "".join(f' {key}="{html.escape(value)}"' for key, value in kept.items()) + ">"
    # The library writes signs as entities, which the text of a student may look like as well: both are text.
    yield html.escape(html.unescape(element.text or ""), quote=False)
    for child in element:
        yield from _written(child)
        yield html.escape(html.unescape(child.tail or ""), quote=False)
    if known:
        yield f"</{element.tag}>"
