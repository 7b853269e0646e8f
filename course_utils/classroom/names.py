"""Names of people as they are compared: composed, folded, in their variants; and what tables call their columns."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["HEADERS", "compose", "fold", "fold_variants", "plain_header"]

# What columns about people are called in tables, German and English, reduced to letters and digits.
HEADERS = {
    "user_name": ("benutzername", "username", "user", "login", "nickname", "olatbenutzername", "openolatbenutzername"),
    "first_name": ("vorname", "firstname"),
    "last_name": ("nachname", "lastname", "surname", "familienname"),
    "email": ("email", "emailadresse", "emailaddress", "mail"),
    "matriculation_number": (
        "institutionsnummer", "institutionsnummermatrikelnummer", "matrikelnummer", "matrikelnr",
        "institutionidentifier", "institutionidentifierregistrationnumber", "institutionalidentifier",
        "matriculationnumber", "registrationnumber",
    ),
    "group": ("gruppe", "group"),
}  # fmt: skip

_GERMAN = str.maketrans({
    "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss",
    "ø": "o", "\u2205": "o", "æ": "ae",
})  # fmt: skip


def compose(text: str) -> str:
    """Return `text` in Unicode's composed form (NFC), in which ``ü`` is one character."""
    return unicodedata.normalize("NFC", text)


def plain_header(text: object) -> str:
    """Return the header of a column reduced to what is compared.

    Examples
    --------
    >>> plain_header("E-Mail-Adresse"), plain_header("student_id"), plain_header(None)
    ('emailadresse', 'studentid', '')
    """
    return re.sub(r"[^a-z0-9]", "", compose(str(text or "")).casefold())


def fold(display_name: str, *, dashes: bool = True) -> str:
    """Return the folder name that OpenOlat makes from a display name.

    Parameters
    ----------
    display_name : str
        For a person ``LastName_FirstName_UserName``, for a group or a task its title. Compose it first: with
        a decomposed ``ü`` OpenOlat writes ``u``, not ``ue``.
    dashes : bool
        Whether typographic dashes become underscores, as in newer versions; older ones delete them.

    Returns
    -------
    str
        Only ``A-Z a-z 0-9 _``; never empty.

    Examples
    --------
    >>> fold("Müller_Jörg_jmueller"), fold("Blatt 03: Faltungsnetze")
    ('Mueller_Joerg_jmueller', 'Blatt_03_Faltungsnetze')
    """
    # The order matters, see OpenOlat's StringHelper.transformDisplayNameToFileSystemName.
    name = re.sub(r"[?\\/ ]", "_", display_name)
    if dashes:
        name = re.sub("[\u2010-\u2014]", "_", name)
    name = name.translate(_GERMAN)
    name = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFKD", name))
    return re.sub(r"[^A-Za-z0-9_]", "", name) or "_"


def fold_variants(display_name: str) -> set[str]:
    """Return every folder name that an OpenOlat of any version may have made from a display name.

    Parameters
    ----------
    display_name : str
        In any Unicode form.

    Returns
    -------
    set of str
        The composed and the decomposed form, folded with and without typographic dashes.
    """
    forms = (compose(display_name), unicodedata.normalize("NFD", display_name))
    return {fold(form, dashes=dashes) for form in forms for dashes in (True, False)}
