"""What of a text's HTML may stay: an allowlist, for pages that are read by somebody who is logged in.

Nothing that runs, loads or reaches outside of the page; no id, class or style, because the pages' own scripts and
looks go by them; no link but to other web sites, with its address shown.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

import nh3
from pygments.token import STANDARD_TYPES

__all__ = ["clean", "is_other_site", "picture"]

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

# Never a form that may hold scripts, such as SVG.
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
# A name with a dot and letters behind the last: no address of this machine or of the local network in any notation.
_HOST = r"(?:[a-z0-9_-]+\.)+(?:[a-z]{2,24}|xn--[a-z0-9-]{1,60})"
_SITE = re.compile(rf"https?://({_HOST})(?::\d{{1,5}})?(?:[/?#][^\s\"'<>\\`]*)?", re.I)
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
        ``attachment:name``, or a data address.
    attachments : mapping of str to mapping of str to str
        Base64 data by name and media type.
    """
    if source.startswith("attachment:"):
        forms = attachments.get(source.removeprefix("attachment:"), {})
        kind = next((kind for kind in ("image/png", "image/jpeg", "image/gif", "image/webp") if kind in forms), "")
        source = f"data:{kind};base64,{''.join(forms.get(kind, '').split())}"
    return source if _PICTURE.fullmatch(source) else None


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
            return picture(value, attachments)
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
    cleaned = _IMAGE.sub(_picture_or_its_text, cleaned)
    return _LINK.sub(_link_with_its_address, cleaned)


# What nh3 writes: attributes in double quotes, which values do not hold.
_IMAGE = re.compile(r'<img((?: [a-z]+="[^"]*")*)>')
_LINK = re.compile(r'<a((?: [a-z]+="[^"]*")*)>(.*?)</a>', re.S)


def _picture_or_its_text(tag: re.Match[str]) -> str:
    if ' src="' in tag[1]:
        return tag[0]
    text = re.search(r' alt="([^"]*)"', tag[1])
    return f"[picture: {text[1] if text else ''}]"


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
