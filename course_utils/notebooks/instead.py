"""What goes by the name of a notebook and is none: a web page, a pointer, a script; or has one inside."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

__all__ = ["inner_notebook", "what_instead", "what_json_instead"]

_ITSELF = "hand in the notebook itself (.ipynb)"
_DOWNLOAD = "download the notebook itself (.ipynb)"
_ANNEX = "a pointer of git-annex; fetch the file itself (`git annex get`)"
_PAGE = f"a web page; {_DOWNLOAD}"
_PICTURE = f"a picture; {_ITSELF}"
_SCRIPT = f"a script that was made of one; {_ITSELF}"
_NOT_FOUND = f"the answer of a web site that it found none; {_DOWNLOAD}"
_ARCHIVE = "a packed file; unpack it and hand in the notebook itself (.ipynb)"
_SHORTCUT = f"a shortcut; {_ITSELF}"
_ZEROS = (
    "holds nothing but zero bytes: a placeholder of a cloud folder (OneDrive, iCloud, Dropbox), or a disk that was full"
)
_OPEN_IT = "; open it once on that computer, so that it is downloaded, and hand it in again"
# What it is, and behind a semicolon what to do. By the first bytes. Of several the first one counts.
_STARTS = {
    b"version https://git-lfs": "a pointer of Git LFS, which only says where the file is; "
    "fetch the file itself (`git lfs pull`)",
    b"bplist00": "a placeholder of iCloud; open it once on that computer, so that it is downloaded",
    b"[InternetShortcut]": f"a link to a web page; {_DOWNLOAD}",
    b"[Desktop Entry]": f"a link to a file or web page; {_ITSELF}",
    b"<": _PAGE,
    b"From: <Saved by": _PAGE,
    b"MIME-Version:": _PAGE,
    b"404: Not Found": _NOT_FOUND,
    b"404 Not Found": _NOT_FOUND,
    b"{\\rtf": f"a text that TextEdit or Word has saved (RTF); {_DOWNLOAD}",
    b"%PDF": f"a PDF; {_ITSELF}",
    b"/annex/objects/": _ANNEX,
    b"../.git/annex/": _ANNEX,
    b".git/annex/": _ANNEX,
    b"http": f"the address of one; {_DOWNLOAD}",
    b"L\0\0\0\x01\x14\x02\0": f"a shortcut of Windows; {_ITSELF}",
    b"book\0\0\0\0mark": f"{_SHORTCUT} (an alias of macOS)",
    b"\0\5\x16\7": f"what macOS keeps beside one; {_ITSELF}",
    b"\xd0\xcf\x11\xe0": f"a file of Office; {_ITSELF}",
    b"PK\3\4": _ARCHIVE,
    b"\x1f\x8b": _ARCHIVE,
    b"7z\xbc\xaf": _ARCHIVE,
    b"Rar!": _ARCHIVE,
    b"\x89PNG": _PICTURE,
    b"\xff\xd8\xff": _PICTURE,
    b"GIF8": _PICTURE,
    b"diff --git": f"the changes to one; {_ITSELF}",
    b"#!": _SCRIPT,
    b"# coding": _SCRIPT,
    b"# -*- coding": _SCRIPT,
    b"# %%": _SCRIPT,
    b"# In[": _SCRIPT,
    b"---\njupyter:": _SCRIPT,
    b"# ---\n# jupyter:": _SCRIPT,
}
_MEANT = re.compile(rb"(?m)^# (In\[[\d ]*\]:|%%|\+)|^(import|from) \w+|^def \w+\(")
_LONGEST = 300 << 20  # characters of base64


def what_instead(content: bytes, kind: str = "notebook", *, advise: bool = True) -> str:
    """Return what a file is that is no notebook for sure, else an empty text.

    Parameters
    ----------
    content : bytes
        Of the file, or its beginning.
    kind : str
        What it should be.
    advise : bool
        Whether students are told what to hand in.

    Examples
    --------
    >>> what_instead(b"<!DOCTYPE html>"), what_instead(b'{"cells": []}')
    ('is no notebook but a web page; download the notebook itself (.ipynb)', '')
    """
    start = content[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start and not content.strip():
        return "is an empty file"
    if not content.strip(b"\0"):
        return _ZEROS + (_OPEN_IT if advise else "")
    plain = start.replace(b"\r\n", b"\n")
    what = next((what for begin, what in _STARTS.items() if plain.startswith(begin)), "")
    if start.startswith(b"bplist00") and b"WebMainResource" in start:
        what = f"{_PAGE} (it was saved by Safari as a web archive)"
    elif start[4:8] == b"ftyp":
        what = _PICTURE
    return what and f"is no {kind} but {what if advise else what.partition('; ')[0]}"


def is_script(text: bytes) -> bool:
    """Whether a text that is no JSON reads like Python that was saved out of a notebook."""
    return _MEANT.search(text[:20_000]) is not None


def what_json_instead(found: Any) -> str:
    """Return what JSON without cells is, as the end of a sentence."""
    keys = found.keys() if isinstance(found, dict) else set()
    if {"doc_id", "resource_key"} & keys:
        return "is only a shortcut to a file in Google Drive; download the notebook itself (.ipynb)"
    if keys >= {"message", "documentation_url"} or (keys and found.get("message") == "Not Found"):
        return f"is no notebook but {_NOT_FOUND}"
    return "is JSON, but no notebook: it has no cells"


def inner_notebook(found: Any) -> tuple[bytes, str] | None:
    """Return the notebook that stands in the answer of a server, and a note; None if there is none.

    Parameters
    ----------
    found : the JSON of a file without cells

    Examples
    --------
    >>> inner_notebook({"type": "notebook", "content": {"cells": []}})
    (b'{"cells": []}', 'was wrapped in the answer of a server; the notebook in it was taken')
    """
    note = "was wrapped in the answer of a server; the notebook in it was taken"
    if isinstance(found, str) and found.lstrip().startswith("{"):
        return found.encode("utf-8", "replace"), "was wrapped in quotes; the notebook in it was taken"
    content = found.get("content") if isinstance(found, dict) else None
    if isinstance(content, dict) and "cells" in content:
        return json.dumps(content).encode(), note
    if isinstance(content, str) and found.get("encoding") == "base64" and len(content) < _LONGEST:
        try:
            return base64.b64decode("".join(content.split()), validate=True), note
        except (binascii.Error, ValueError):
            return None
    return None
