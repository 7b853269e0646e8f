"""What of a text's HTML may stay: an allowlist, for pages that are read by somebody who is logged in.

Nothing that runs, loads or reaches outside of the page; no id, class or style, because the pages' own scripts and
looks go by them; no link but to other web sites, with its address shown.
"""

from __future__ import annotations

import base64
import binascii
import html
import posixpath
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

import nh3
from pygments.token import STANDARD_TYPES

from course_utils.notebooks.pictures import kind_of

__all__ = ["clean", "is_other_site", "no_picture", "picture"]

_TAGS = (
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 "
    "h5 h6 hr i img ins kbd li mark ol p pre s samp small span strong sub summary sup table tbody td tfoot th thead tr "
    "u ul var"
)
# What each attribute may be, whole. Those of `img` and `a` have functions of their own.
_VALUES = {
    "title": re.compile(r".{0,300}", re.S),
    "alt": re.compile(r".{0,1000}", re.S),
    "align": re.compile(r"left|right|center|justify"),
    "width": re.compile(r"\d{1,4}(px|%)?"),
    "height": re.compile(r"\d{1,4}(px)?"),
    "colspan": re.compile(r"\d{1,2}"),
    "rowspan": re.compile(r"\d{1,2}"),
    "start": re.compile(r"\d{1,6}"),
}
_ATTRIBUTES = {
    "a": {"href"},
    "abbr": {"title"},
    "img": {"src", "alt", "width", "height"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
    "p": {"align"},
    "div": {"align"},
    "ol": {"start"},
}
# Code in colours: the short names of Pygments, which nothing else on these pages goes by.
_CLASSES = {"span": {name for name in STANDARD_TYPES.values() if name}, "div": {"highlight"}}
_REL = "noopener noreferrer nofollow"

# Of what kind it is says the data, so that never a form comes through that may hold scripts, such as SVG.
_PICTURE = re.compile(r"data:image/[a-z0-9.+-]{1,40};base64,([A-Za-z0-9+/]++={0,2})")
# A name with a dot and letters behind the last: no address of this machine or of the local network in any notation.
_HOST = r"(?:[a-z0-9_-]+\.)+(?:[a-z]{2,24}|xn--[a-z0-9-]{1,60})"
_SITE = re.compile(rf"https?://({_HOST})(?::\d{{1,5}})?(?:[/?#][^\s\"'<>\\`]*)?", re.I)
_NAMED = "data:text/plain,"
_BASE64 = re.compile(r"[A-Za-z0-9+/]++={0,2}")
_LOCAL = "localhost local localdomain internal intranet lan home corp test example invalid arpa"
_LONGEST_ADDRESS = 2_000


def is_other_site(url: str, own_host: str = "") -> bool:
    """Whether an address is one of another web site, whole and in plain notation.

    Parameters
    ----------
    url : str
    own_host : str
        Host of the page, with or without its port. A link to the page's own server would act in the reader's name.

    Examples
    --------
    >>> [is_other_site(url) for url in ("https://pytorch.org/docs?a=1#b", "figure.html", "http://127.1:8888/")]
    [True, False, False]
    """
    found = _SITE.fullmatch(url)
    if not found or len(url) > _LONGEST_ADDRESS:
        return False
    host = found[1].lower()
    return (
        host.rpartition(".")[2] not in _LOCAL.split() and host != own_host.rpartition("@")[2].partition(":")[0].lower()
    )


def picture(source: str, attachments: Mapping[str, Mapping[str, str]]) -> str | None:
    """Return the address of a picture that is part of the page, or None: pictures from elsewhere tell who reads when.

    Parameters
    ----------
    source : str
        ``attachment:name``, the path of a file that was attached under it, or a data address.
    attachments : mapping of str to mapping of str to str
        Base64 data by name and media type.
    """
    found = _PICTURE.fullmatch(source)
    if found:
        return _checked(found[1])
    forms = _forms_of(source, attachments)
    shown = (_checked("".join(data.split())) for form, data in forms.items() if form.startswith("image/"))
    return next(filter(None, shown), None)


def _forms_of(source: str, attachments: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """Return what is attached under an address; names with blanks and umlauts come encoded."""
    name = source.removeprefix("attachment:")
    for known in (name, plain := unquote(name), posixpath.normpath(plain)):
        if known in attachments:
            return attachments[known]
    return {}


def _checked(data: str) -> str | None:
    """Return base64 data as an address if it begins like a picture of a known kind."""
    try:
        kind = kind_of(base64.b64decode(data[:32], validate=True))
    except (binascii.Error, ValueError):
        return None
    return f"data:{kind};base64,{data}" if kind and _BASE64.fullmatch(data) else None


def _why_no_picture(source: str, attachments: Mapping[str, Mapping[str, str]]) -> str:
    """Return why a picture is not shown, as far as that is known.

    Parameters
    ----------
    source : str
    attachments : mapping
        As `picture` takes them; `notebooks.pictures` writes reasons into them.
    """
    forms = _forms_of(source, attachments)
    if "text/plain" in forms:
        return forms["text/plain"]
    return "it is not in the notebook that was handed in" if source.startswith("attachment:") else ""


def clean(page: str, attachments: Mapping[str, Mapping[str, str]], own_host: str = "") -> str:
    """Return HTML with nothing in it but what the lists above name.

    Parameters
    ----------
    page : str
        HTML of any kind.
    attachments : mapping
        As `picture` takes it.
    own_host : str
        As `is_other_site` takes it.
    """

    def allowed(tag: str, name: str, value: str) -> str | None:
        if name in ("class", "rel"):
            return value  # nh3 itself keeps those of _CLASSES and _REL only
        if name == "src":
            # Of one that is not shown the name goes along, as an address that loads nothing.
            return picture(value, attachments) or f"{_NAMED}{quote(value[:500])}"
        if name == "href":
            return value if is_other_site(value, own_host) else None
        return value if name in _VALUES and _VALUES[name].fullmatch(value) else None

    cleaned = nh3.clean(
        page,
        tags=set(_TAGS.split()),
        clean_content_tags=set(),  # a script's source is shown: it may be the answer to a question about scripts
        attributes=_ATTRIBUTES,
        attribute_filter=allowed,
        allowed_classes=_CLASSES,
        url_schemes={"http", "https", "data", "attachment"},
        link_rel=_REL,
    )
    cleaned = _IMAGE.sub(lambda tag: _picture_or_its_text(tag, attachments), cleaned)
    return _LINK.sub(_link_with_its_address, cleaned)


# What nh3 writes: attributes in double quotes, which values do not hold.
_IMAGE = re.compile(r'<img((?: [a-z]+="[^"]*")*)>')
_LINK = re.compile(r'<a((?: [a-z]+="[^"]*")*)>(.*?)</a>', re.S)


def _picture_or_its_text(tag: re.Match[str], attachments: Mapping[str, Mapping[str, str]]) -> str:
    address = re.search(r' src="([^"]*)"', tag[1])
    if address and not address[1].startswith(_NAMED):
        return tag[0]
    text = re.search(r' alt="([^"]*)"', tag[1])
    url = unquote(address[1].removeprefix(_NAMED)) if address else ""
    return no_picture(text[1] if text else "", url, attachments)


def no_picture(text: str, url: str, attachments: Mapping[str, Mapping[str, str]]) -> str:
    """Return what stands in the place of a picture that is not shown: what it was called, and why.

    Parameters
    ----------
    text : str
        HTML.
    url : str
        Plain text.
    attachments : mapping
        As `picture` takes them.
    """
    shown = as_text(text, unquote(url.removeprefix("attachment:")))
    reason = _why_no_picture(url, attachments)
    return f"[picture: {shown}{html.escape(f': {reason}') if reason else ''}]"


def _link_with_its_address(tag: re.Match[str]) -> str:
    address = re.search(r' href="([^"]*)"', tag[1])
    if address is None:
        return tag[2]
    shown = address[1] if len(address[1]) <= 200 else f"{address[1][:200].rpartition('&')[0] or address[1][:200]}…"
    link = f'<a href="{address[1]}" rel="{_REL}">{shown}</a>'
    text = re.sub(r"<[^>]*>", "", tag[2]).strip()
    return link if text == address[1] or (not text and "<img" not in tag[2]) else f"{tag[2]} ({link})"


def as_text(word: str, url: str) -> str:
    """Return a link or picture that is not followed as text: what it was called, and its address if that is short.

    Parameters
    ----------
    word : str
        HTML.
    url : str
        Plain text.
    """
    shown = html.escape(url if len(url) <= 200 else f"{url[:200]}…")
    return word if not shown or word == shown else f"{word} ({shown})"
