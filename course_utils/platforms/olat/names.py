"""How OpenOlat turns names into folder names, and what its folders are called."""

from __future__ import annotations

import re

__all__ = ["STEP", "split_owner", "strip_task_folder"]

# A folder of one step of a task, such as `2_submissions` or `4_revisions_1`. The number in front is a running
# counter which differs between students of one download, so nothing may depend on it.
STEP = re.compile(r"^\d{1,9}_(task|submissions|corrections(_\d{1,9})?|revisions_\d{1,9}|assessment)$", re.ASCII)
_TASK_FOLDER = re.compile(r"^(?:ita_|grouptask_)?(.*?)(?:_(\d{4}-\d\d-\d\dT\d\d-\d\d(?:-\d\d(?:_\d{1,3})?)?))?$")


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
