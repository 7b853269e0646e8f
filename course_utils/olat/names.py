"""How OpenOlat turns names into folder names, and what its folders are called."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["STEP", "compose", "fold", "fold_variants", "split_owner", "strip_task_folder"]

# A folder of one step of a task, such as `2_submissions` or `4_revisions_1`. The number in front is a running
# counter which differs between students of one download, so nothing may depend on it.
STEP = re.compile(r"^\d{1,9}_(task|submissions|corrections(_\d{1,9})?|revisions_\d{1,9}|assessment)$", re.ASCII)

_GERMAN = str.maketrans({
    "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss",
    "ø": "o", "\u2205": "o", "æ": "ae",
})  # fmt: skip
_TASK_FOLDER = re.compile(r"^(?:ita_|grouptask_)?(.*?)(?:_(\d{4}-\d\d-\d\dT\d\d-\d\d(?:-\d\d(?:_\d{1,3})?)?))?$")


def compose(text: str) -> str:
    """Return `text` in Unicode's composed form (NFC), in which ``ü`` is one character."""
    return unicodedata.normalize("NFC", text)


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


def split_owner(path: str) -> tuple[tuple[str, ...], str, str, tuple[str, ...]] | None:
    """Find the owner folder in the path of a file of a download.

    Parameters
    ----------
    path : str
        Path inside the zip, with ``/`` between its parts.

    Returns
    -------
    tuple or None
        The folders above the owner, the owner folder, the step folder, and the file's own path; None if the
        file belongs to nobody, such as a sample solution. The first step folder counts: a student's own
        folders may be called ``1_task`` too.

    Examples
    --------
    >>> split_owner("ita_Blatt_3/Mueller_Joerg_jm/2_submissions/src/a.py")
    (('ita_Blatt_3',), 'Mueller_Joerg_jm', '2_submissions', ('src', 'a.py'))
    """
    parts = tuple(part for part in path.split("/") if part)
    for i in range(1, len(parts) - 1):
        if STEP.match(parts[i]):
            return parts[: i - 1], parts[i - 1], parts[i], parts[i + 1 :]
    return None


def strip_task_folder(folder: str) -> tuple[str, str]:
    """Split the folder of a task into its folded title and the time of the download.

    Parameters
    ----------
    folder : str
        Such as ``ita_Blatt_03_2026-11-20T18-05-41_207``; a folder of a course archive is the title alone.

    Returns
    -------
    title, time : str
        `time` is empty where the folder carries none; as text it sorts by time.

    Examples
    --------
    >>> strip_task_folder("ita_Blatt_03_2026-11-20T18-05-41_207")
    ('Blatt_03', '2026-11-20T18-05-41_207')
    """
    match = _TASK_FOLDER.match(folder)
    return (match[1], match[2] or "") if match else (folder, "")
