"""Made-up archives by the thousand: never a crash, never a byte outside, nothing without a reason.

Twenty thousand of them: ``python -m tests.handins.test_archives_fuzz 20000``.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import shutil
import sys
import tarfile
import tempfile
import unicodedata
import warnings
import zipfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from course_utils.handins.archives import unpack
from course_utils.handins.budget import Budget
from course_utils.handins.limits import Limits
from course_utils.handins.paths import is_junk, unique
from course_utils.notebooks.recognising import Catalogue, NotebookError, Template, grade_ids
from tests.support.olat_course import notebook

LIMITS = Limits(max_files=60, max_bytes=400_000, max_file_bytes=200_000, max_depth=3)

parts = st.one_of(
    st.sampled_from([
        "..", ".", "", "a", "A", "ü", "u\u0308", "Übung", "__MACOSX", "._a", "nul", "\u202egnp.exe", "a" * 210, "C:",
        "~", "timestamp.txt", "first.ipynb", "x.zip", "x.tar.gz", "-rf", "*", "?", " ", "a.", "\x00", "\x1f", "\udc80",
    ]),
    st.text(max_size=12),
)  # fmt: skip
names = st.builds(
    lambda start, middle, slash: start + slash.join(middle),
    st.sampled_from(["", "/", "\\", "./", "C:\\", "//host/"]),
    st.lists(parts, min_size=1, max_size=6),
    st.sampled_from(["/", "\\", "//"]),
)
contents = st.one_of(
    st.binary(max_size=300),
    st.just(b""),
    st.sampled_from([5_000, 250_000]).map(bytes),
    st.just(b'{"cells": [], "nbformat": 4}'),
)


def as_zip(entries, changes):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # duplicate names are on purpose
        with zipfile.ZipFile(buffer, "w") as archive:
            for (name, data), (mode, system, method, flags) in zip(entries, changes, strict=True):
                info = zipfile.ZipInfo("x")
                # Beyond what zipfile would write by itself.
                info.filename = name.encode("utf-8", "replace").decode()[:60_000] or "x"
                info.external_attr, info.create_system, info.compress_type = mode << 16, system, method
                archive.writestr(info, data)
                info.flag_bits |= flags
    return buffer.getvalue()


def as_tar(entries, changes):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for (name, data), (mode, system, *_) in zip(entries, changes, strict=True):
            info = tarfile.TarInfo(name.encode("utf-8", "replace").decode().replace("\x00", "") or "x")
            kinds = [
                tarfile.REGTYPE,
                tarfile.SYMTYPE,
                tarfile.LNKTYPE,
                tarfile.CHRTYPE,
                tarfile.DIRTYPE,
                tarfile.FIFOTYPE,
            ]
            info.type = kinds[system % 6] if mode & 1 else tarfile.REGTYPE
            info.linkname = "../../etc/passwd"
            info.size = len(data) if info.type == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


WRAPPERS = [bytes, lambda data: gzip.compress(data, mtime=0), bz2.compress, lzma.compress]
change = st.tuples(
    st.sampled_from([0, 0o644, 0o100644, 0o120777, 0o020666, 0o040755, 0o10644, 0o140755]),
    st.integers(0, 19),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
    st.sampled_from([0, 0, 0, 1, 0x800]),
)


@st.composite
def archives(draw, depth=2):
    """An archive, perhaps with archives inside, perhaps damaged afterwards."""
    data = contents if depth == 0 else st.one_of(contents, contents, archives(depth=depth - 1))
    entries = draw(st.lists(st.tuples(names, data), max_size=5))
    changes = draw(st.lists(change, min_size=len(entries), max_size=len(entries)))
    if draw(st.booleans()):
        made = as_zip(entries, changes)
    else:
        made = draw(st.sampled_from(WRAPPERS))(as_tar(entries, changes))
    kind = draw(st.sampled_from(["whole", "whole", "cut", "flip", "middle", "twice", "front"]))
    if made and kind != "whole":
        place = draw(st.integers(0, len(made) - 1))
        noise = draw(st.binary(min_size=1, max_size=8))
        made = {
            "cut": made[:place],
            "flip": made[:place] + noise + made[place + len(noise) :],
            "middle": made[:place] + noise + made[place:],
            "twice": made + made[place:],
            "front": noise + made,
        }[kind]
    return made


def check(data: bytes, name: str) -> None:
    """Unpack one archive and look at everything that must hold."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        (root / "staging").mkdir()
        (root / "received").write_bytes(data)
        budget = Budget(LIMITS, root / "staging")
        files, refusals = unpack(root / "received", name, budget)
        assert sorted(p.name for p in root.iterdir()) == ["received", "staging"]
        assert (root / "received").read_bytes() == data
        assert files or refusals, "dropped without a word"
        assert len(files) <= 2 * LIMITS.max_files + 1 and budget.bytes <= LIMITS.max_bytes
        assert sum(f.staged.stat().st_size for f in files if f.staged.parent.name == "staging") <= LIMITS.max_bytes
        for file in files:
            assert file.staged.is_file() and not file.staged.is_symlink()
            is_junk(file.parts)
            for part in file.parts:
                assert part not in ("", ".", "..") and not set(part) & set('/\\\x00:*?"<>|')
                assert len(part.encode()) <= 200
                assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in part)
        for refusal in refusals:
            assert refusal.reason and refusal.kept is not None and refusal.kept.is_file()
        # Laid out, every file has a place of its own, within the folder.
        target = root / "out"
        for file, placed in zip(files, unique(f.parts for f in files), strict=True):
            path = target.joinpath(*placed)
            path.parent.mkdir(parents=True, exist_ok=True)
            assert not path.exists() and target in path.parents
            shutil.copyfile(file.staged, path)


suffixes = st.sampled_from(["zip", "zip", "tar", "tar.gz", "tgz", "tar.xz", "ipynb", ""])


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None,
    phases=[Phase.generate, Phase.shrink],
)  # fmt: skip
@given(archives(), suffixes)
def test_no_archive_does_harm(data, suffix):
    check(data, f"hand-in.{suffix}".rstrip("."))


plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
keys = st.sampled_from(
    ["cells", "cell_type", "source", "metadata", "nbgrader", "grade_id", "id", "outputs", "worksheets"]
)
values = st.recursive(
    st.one_of(plain, st.sampled_from(["code", "markdown", "first", 3, 4])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(st.sampled_from([0, 1, 2, 3, 4, 5, "4", None]), values, st.integers(0, 3), values)
def test_no_notebook_does_harm(version, cells, where, patch):
    """Notebooks that are JSON of any shape: recognised, or refused with a reason."""
    whole = notebook("first")
    whole["nbformat"] = version
    if where == 0:
        whole["cells"] = cells
    elif where == 1:
        whole["cells"][1]["metadata"] = patch
    elif where == 2:
        whole["cells"][2] = patch
    else:
        whole = {"nbformat": version, "worksheets": cells, "metadata": patch}
    ids = grade_ids(notebook("first"))
    catalogue = Catalogue("sheet", (Template("sheet", "first", ids, frozenset()),))
    try:
        recognised = catalogue.recognise(json.dumps(whole).encode())
    except NotebookError as error:
        assert str(error)
    else:
        assert recognised.name == "first"
        catalogue.is_blank(recognised)


def main(count: int) -> None:
    """Run `count` examples, drawn at random."""
    seed = random.randrange(1 << 32)
    print(f"{count} archives, seed {seed}")
    many = settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=[Phase.generate],
    )
    done = 0

    @many
    @given(archives(), suffixes, st.integers(0, 1 << 40))  # the number keeps hypothesis from calling it exhausted
    def run(data, suffix, _):
        nonlocal done
        done += 1
        check(data, f"hand-in.{suffix}".rstrip("."))

    from hypothesis import seed as seeded

    seeded(seed)(run)()
    print(f"{done} archives: no crash, no byte outside, nothing dropped")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
