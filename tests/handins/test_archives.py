"""Archives from strangers: nothing leaves the folder, nothing is dropped, limits hold, names are harmless."""

import bz2
import gzip
import io
import lzma
import os
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import unicodedata
import zipfile
import zlib
from pathlib import Path

import py7zr
import pytest

from course_utils.handins import budget
from course_utils.handins.archives import archive_kind, unpack
from course_utils.handins.budget import Budget
from course_utils.handins.limits import Limits, RefusedError
from course_utils.handins.paths import clean_name, is_junk, safe_parts, unique
from course_utils.handins.zips import ZipReader
from course_utils.notebooks.limits import FileLimits
from tests.support.olat_course import zip_bytes


@pytest.fixture
def read(tmp_path):
    """Unpack bytes; return the files by path and the reasons by original path."""

    def run(data, name="hand-in.zip", **limits):
        folder = tmp_path / "staging"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        path = tmp_path / "received"
        path.write_bytes(data)
        files, refusals = unpack(path, name, Budget(Limits(**limits), folder))
        assert sorted(p.name for p in tmp_path.iterdir()) == ["received", "staging"], "a byte outside"
        assert path.read_bytes() == data
        for refusal in refusals:
            assert refusal.kept is not None and refusal.kept.is_file()
        return {"/".join(f.parts): f.staged.read_bytes() for f in files}, {r.original: r.reason for r in refusals}

    return run


def raw_zip(entries):
    """Return a zip of (name, data, changes): a ZipInfo's attributes are set as given."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data, changes in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            for key, value in changes.items():
                setattr(info, key, value)
            archive.writestr(info, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil", "leads out"),
        ("a/../../evil", "leads out"),
        ("a\\..\\..\\evil", "leads out"),
        ("/etc/evil", "absolute"),
        ("C:\\evil", "absolute"),
        ("c:evil", "absolute"),
        ("//server/share/evil", "absolute"),
        ("/".join("d" * 30), "in more than 20 folders"),
    ],
)
def test_a_path_that_leads_out_is_refused_and_the_rest_is_read(read, name, reason):
    files, reasons = read(raw_zip([(name, b"x", {}), ("good.py", b"y", {})]))
    assert files == {"good.py": b"y"}
    assert reason in next(iter(reasons.values()))


SPECIAL = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


@pytest.mark.parametrize(("mode", "what"), SPECIAL.items())
def test_only_plain_files_are_read(read, mode, what):
    entries = [("a", b"/etc/passwd", {"external_attr": (mode | 0o777) << 16, "create_system": 3}), ("b", b"y", {})]
    files, reasons = read(raw_zip(entries))
    assert files == {"b": b"y"}
    assert reasons == {"hand-in.zip!a": f"is {what}, not a plain file"}


def test_an_encrypted_file_is_told(read):
    data = bytearray(raw_zip([("a.py", b"print(1)", {})]))
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    files, reasons = read(bytes(data))
    assert not files and "is encrypted" in reasons["hand-in.zip!a.py"]


def test_a_truncated_zip_is_told(read):
    whole = raw_zip([("a.py", os.urandom(10_000), {}), ("b.py", b"y", {})])
    for length in (3, 40, 5_000, len(whole) - 30, len(whole) - 1):
        files, reasons = read(whole[:length])
        assert files == {}
        assert "damaged or cut off" in reasons["hand-in.zip"] or "is no archive" in reasons["hand-in.zip"]


def test_one_damaged_file_does_not_cost_the_others(read):
    data = bytearray(raw_zip([("a.py", b"A" * 5000, {"compress_type": 0}), ("b.py", b"y", {})]))
    data[1000] ^= 0xFF
    files, reasons = read(bytes(data))
    assert files == {"b.py": b"y"}
    assert "CRC" in reasons["hand-in.zip!a.py"]


def test_an_unknown_compression_is_told(read):
    data = bytearray(raw_zip([("a.py", b"A" * 50, {})]))
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(mark) + offset] = 97
    assert "can't be read" in read(bytes(data))[1]["hand-in.zip!a.py"]


def test_a_bomb_of_zeros_is_refused_by_its_ratio(read):
    files, reasons = read(zip_bytes({"bomb": bytes(24 << 20), "good.py": b"y"}))
    assert files == {"good.py": b"y"}
    assert reasons["hand-in.zip!bomb"] == "unpacks to more than 200 times its size"


def test_small_things_may_shrink_a_lot(read):
    assert not read(zip_bytes({"zeros.npy": bytes(10 << 20)}))[1]


def test_sums_count_over_all_archives_of_a_hand_in(read):
    noise = os.urandom(400_000)
    inner = zip_bytes({"a": noise})
    files, reasons = read(zip_bytes({"1.zip": inner, "2.zip": inner, "3.zip": inner}), max_bytes=2_300_000)
    assert list(files) == ["1/a", "2/a"]
    assert "the hand-in unpacks to more than 2 MiB" in reasons["hand-in.zip!3.zip!a"]


def test_one_file_has_a_limit_too(read):
    files, reasons = read(zip_bytes({"a": os.urandom(3_000), "b": b"y"}), max_file_bytes=2_000)
    assert files == {"b": b"y"} and len(reasons) == 1


def test_files_that_share_their_packed_bytes(read):
    """All entries of the directory point at one place: each file is harmless, the archive is not."""
    base = raw_zip([("a0", bytes(12 << 20), {})])
    start, end = base.index(b"PK\x01\x02"), base.index(b"PK\x05\x06")
    local, entry = base[:start], base[start:end]
    count = 300
    directory = entry * count
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(local), 0)
    files, reasons = read(local + directory + tail)
    assert not files
    assert reasons == {"hand-in.zip": "unpacks to more than 200 times its size"}


def test_too_many_files_cost_only_themselves(read):
    """A data set that was packed along: the work is read, of the rest as much as the limit allows."""
    data = zip_bytes({f"data/{i}.jpg": b"" for i in range(10_000)} | {"by-hand.ipynb": b"{}", "artifacts/x": b"w"})
    files, reasons = read(data, max_files=600)
    assert len(files) == 602 and files["by-hand.ipynb"] == b"{}" and files["artifacts/x"] == b"w"
    (reason,) = reasons.values()
    assert reason == "more than 600 files in one hand-in: 9400 files of this archive were not read, this is the first"


def test_a_limit_is_known_by_its_kind_not_by_its_words(read, monkeypatch):
    monkeypatch.setattr(budget, "_TOO_MANY", "höchstens {} Dateien je Abgabe")
    _, reasons = read(zip_bytes({f"data/{i}.jpg": b"" for i in range(700)}), max_files=600)
    (reason,) = reasons.values()
    assert reason == "höchstens 600 Dateien je Abgabe: 100 files of this archive were not read, this is the first"


def test_too_many_files_at_all(read):
    files, reasons = read(zip_bytes({f"{i}.py": b"" for i in range(1_300)}), max_files=60)
    assert files == {} and reasons == {"hand-in.zip": "has more than 1200 files"}
    members = [(f"{i}.py", b"", {}) for i in range(1_300)]
    assert "has more than 1200 files" in read(tar_bytes(members), "x.tar", max_files=60)[1]["x.tar"]


def test_too_many_files_in_several_archives(read):
    part = zip_bytes({f"{i}": b"" for i in range(40)})
    files, reasons = read(zip_bytes({"1.zip": part, "2.zip": part}), max_files=60)
    assert len(files) == 60 and "more than 60 files in one hand-in: 20 files" in next(iter(reasons.values()))


def test_the_work_comes_before_what_uses_up_the_bytes(read):
    noise = os.urandom(300_000)
    for pack in (zip_bytes, lambda files: tar_bytes([(n, d, {}) for n, d in files.items()])):
        files, reasons = read(pack({"a.bin": noise, "z.ipynb": noise}), "x.tar", max_bytes=500_000)
        assert list(files) == ["z.ipynb"] and "the hand-in unpacks to more than" in next(iter(reasons.values()))


def test_a_path_that_no_file_system_takes(read):
    files, reasons = read(zip_bytes({"/".join("d" * 90 for _ in range(12)) + ".py": b"x", "a.py": b"y"}))
    assert files == {"a.py": b"y"} and "longer than 1000 bytes" in next(iter(reasons.values()))


def test_a_directory_that_only_wastes_memory_is_not_read(read):
    huge = b"PK\x01\x02" + bytes(42)
    directory = huge * 600_000
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    assert read(b"PK\x03\x04" + directory + tail)[1] == {"hand-in.zip": "has more than 100000 files"}


def test_archives_in_archives_end_somewhere(read):
    data = zip_bytes({"deep.py": b"y"})
    for _ in range(3):
        data = zip_bytes({"inner.zip": data})
    assert read(data)[0] == {"inner/inner/inner/deep.py": b"y"}
    files, reasons = read(zip_bytes({"inner.zip": data, "b": b"y"}))
    assert files == {"b": b"y"} and "is an archive inside 4 others" in next(iter(reasons.values()))


def test_names_are_made_harmless(read):
    names = [
        "a" * 200 + ".py",
        "e\u202evil\u200b.py",
        "new\nline",
        "tab\tname",
        "trailing. ",
        "ü" * 120,
        "wild*[?]",
        "x\x7f",
    ]
    files, reasons = read(zip_bytes(dict.fromkeys(names, b"")))
    assert not reasons and len(files) == len(names)
    for path in files:
        assert len(path) <= 100 and len(path.encode()) <= 200
        assert path == path.strip(" ").rstrip(".")
        assert not any(unicodedata.category(c) in ("Cc", "Cf") for c in path)
    assert any(path.endswith(".py") and path.startswith("aaaa") for path in files)


def test_a_nul_in_a_name_is_no_end(read):
    data = zip_bytes({"good.pyXevil": b"y"}).replace(b"good.pyX", b"good.py\x00")
    assert list(read(data)[0]) == ["good.py_evil"]


def test_duplicate_names_are_all_read(read):
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = raw_zip([("a.py", b"1", {}), ("a.py", b"2", {})])
    folder_names = [(n,) for n in read(data)[0]]
    assert folder_names == [("a.py",)]  # by path; `unique` tells them apart
    assert unique([("a.py",), ("a.py",)]) == [("a.py",), ("a_2.py",)]


@pytest.mark.parametrize(
    ("names", "apart"),
    [
        (["A.py", "a.py"], ["A.py", "a_2.py"]),
        (["u\u0308.py", "ü.py"], ["ü.py", "ü_2.py"]),
        (["d", "d/x"], ["d", "d_2/x"]),
        (["d/x", "D"], ["d/x", "D_2"]),
        (["ﬁ.py", "fi.py"], ["ﬁ.py", "fi_2.py"]),
        (["x", "x", "x"], ["x", "x_2", "x_3"]),
    ],
)
def test_paths_stay_apart_on_every_file_system(names, apart):
    parts = [tuple(clean_name(p) for p in name.split("/")) for name in names]
    assert ["/".join(p) for p in unique(parts)] == apart


@pytest.mark.parametrize(
    ("written", "encoding", "flags"),
    [("Übung für Müller.py", "cp437", 0), ("Übung für Müller.py", "cp850", 0), ("Übung für Müller.py", "utf-8", 0),
     ("Übung für Müller.py", "utf-8", 0x800), ("Übung für Müller.py", "cp1252", 0), ("Á la carte.py", "cp850", 0)],
)  # fmt: skip
def test_names_in_old_code_pages(read, written, encoding, flags):
    raw = written.encode(encoding)
    data = bytearray(zip_bytes({"x" * len(raw): b"y"}).replace(b"x" * len(raw), raw))
    data[6:8] = struct.pack("<H", flags)
    start = data.index(b"PK\x01\x02")
    data[start + 8 : start + 10] = struct.pack("<H", flags)
    assert list(read(bytes(data))[0]) == [written]


def test_a_name_with_a_unicode_copy(read):
    raw = "Ü-ж.py".encode("cp437", errors="replace")
    name = "Ü-ж.py".encode()
    extra = struct.pack("<HHBI", 0x7075, 5 + len(name), 1, zlib.crc32(raw)) + name
    info = zipfile.ZipInfo("x" * len(raw))
    info.extra = extra
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, b"y")
    assert list(read(buffer.getvalue().replace(b"x" * len(raw), raw))[0]) == ["Ü-ж.py"]


def tar_bytes(members, mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data, changes in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in changes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
def test_tar_in_all_its_wrappers(read, suffix):
    mode = {"tar": "w", "tar.gz": "w:gz", "tgz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}[suffix]
    data = tar_bytes([("Lösung/a.py", b"y", {}), ("b", b"", {"type": tarfile.DIRTYPE})], mode)
    assert read(data, f"hand-in.{suffix}") == ({"Lösung/a.py": b"y"}, {})
    # A wrong name does no harm.
    assert read(data, "hand-in.zip")[0] == {"Lösung/a.py": b"y"}


def test_a_tar_is_as_safe_as_a_zip(read):
    members = [
        ("../evil", b"x", {}),
        ("/evil", b"x", {}),
        ("link", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("hard", b"", {"type": tarfile.LNKTYPE, "linkname": "a.py"}),
        ("pipe", b"", {"type": tarfile.FIFOTYPE}),
        ("dev", b"", {"type": tarfile.CHRTYPE}),
        ("a.py", b"y", {}),
    ]
    files, reasons = read(tar_bytes(members), "x.tar")
    assert files == {"a.py": b"y"} and len(reasons) == 6


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_tar_bomb_is_refused(read, pack):
    data = pack(tar_bytes([("bomb", bytes(24 << 20), {})]))
    assert "unpacks to more than 200 times its size" in read(data, "x.tar.gz")[1]["x.tar.gz"]


def test_a_truncated_tar_is_told(read):
    whole = tar_bytes([("a.py", os.urandom(50_000), {}), ("b.py", b"y", {})], "w:gz")
    for length in (20, 20_000, len(whole) - 4):
        files, reasons = read(whole[:length], "x.tar.gz")
        assert not files and "cut off" in reasons["x.tar.gz"]
    cut = tar_bytes([("a.py", b"1" * 600, {}), ("b.py", b"2" * 5000, {})])[:2600]
    files, reasons = read(cut, "x.tar")
    assert list(files) == ["a.py"] and any("cut off" in reason for reason in reasons.values())


def test_a_tar_that_is_only_gzip(read):
    assert "is no archive" in read(gzip.compress(b"hello"), "x.tar.gz")[1]["x.tar.gz"]


def seven_zip(files, **options):
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w", **options) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return buffer.getvalue()


def test_7z_is_read_in_a_process_of_its_own(read):
    data = seven_zip({"Übung/a.ipynb": b"{}", "b.py": b"y", "empty": b""})
    assert read(data, "x.7z") == ({"Übung/a.ipynb": b"{}", "b.py": b"y", "empty": b""}, {})


def test_7z_with_a_password_and_damaged_ones_are_told(read):
    locked = seven_zip({"a": b"y" * 100}, password="secret")
    assert "is encrypted" in read(locked, "x.7z")[1]["x.7z"]
    whole = seven_zip({"a": os.urandom(5_000)})
    for length in (10, 1_000, len(whole) - 1):
        assert "can't be read" in read(whole[:length], "x.7z")[1]["x.7z"]


def test_a_7z_bomb_and_too_many_files_in_a_7z(read):
    assert "200 times" in read(seven_zip({"bomb": bytes(24 << 20)}), "x.7z")[1]["x.7z"]
    many = seven_zip({f"{i}": b"y" for i in range(30)})
    files, reasons = read(many, "x.7z", max_files=20)
    assert len(files) == 20 and len(reasons) == 10


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.zip", b"PK\x03\x04", "zip"), ("noext", b"PK\x03\x04", "zip"), ("a.ipynb", b"PK\x03\x04", "zip"),
        ("w.pt", b"PK\x03\x04", None), ("x.npz", b"PK\x03\x04", None), ("x.docx", b"PK\x03\x04", None),
        ("a.ipynb", b'{"cells"', None), ("a.zip", b"hello", "broken"), ("a.rar", b"Rar!\x1a\x07", "rar"),
        ("a.zip (1)", b"PK\x03\x04", "zip"), ("a.zip.csv", b"a,b", None), ("a.zipper", b"PK\x03\x04", None),
        ("a.zip", b"7z\xbc\xaf\x27\x1c", "7z"), ("A.ZIP", b"PK\x05\x06", "zip"), ("x.gz", b"\x1f\x8b", None),
    ],
)  # fmt: skip
def test_only_what_promises_an_archive_is_unpacked(tmp_path, name, head, kind):
    path = tmp_path / "f"
    path.write_bytes(head)
    assert archive_kind(path, name) == kind


def test_a_whole_number_of_junk_names():
    for path in ("__MACOSX/a/._b", ".DS_Store", "a/._x.ipynb", "x/.ipynb_checkpoints/a.py", "__pycache__/a.pyc"):
        assert is_junk(tuple(path.split("/")))
    for path in ("a/b.py", "MACOSX/a", ".gitignore", "x/.hidden", "x/.ipynb_checkpoints/a.ipynb"):
        assert not is_junk(tuple(path.split("/")))


def test_nothing_is_no_name():
    for name in ("", "/".join([".", "."]), "./"):
        with pytest.raises(RefusedError):
            safe_parts(name, Limits())


TREE = {"Lösung für Übung/näïve Datei.ipynb": b"{}", "a/b/c.py": b"x = 1\n", "große Größe.txt": "ß".encode() * 999}


# OpenOlat is written in Java, whose zips say "made on DOS". Info-ZIP then takes names for those of DOS, in spite of
# the flag that says UTF-8: of such a zip only the contents can be compared with it.
READERS = [
    ("unzip", ["unzip", "-q"], 3),
    ("unzip", ["unzip", "-q"], 0),
    ("jar", ["jar", "xf"], 3),
    ("jar", ["jar", "xf"], 0),
]


@pytest.mark.parametrize(("reader", "command", "host"), READERS)
def test_a_second_reader_agrees_on_zips(read, tmp_path, reader, command, host):
    """Another program gives the same files, umlauts included."""
    if shutil.which(reader) is None:
        pytest.skip(f"{reader} is not installed")
    path = tmp_path.parent / f"{tmp_path.name}.zip"
    out = tmp_path.parent / f"{tmp_path.name}-out"
    out.mkdir()
    data = raw_zip([(name, content, {"create_system": host}) for name, content in TREE.items()])
    path.write_bytes(data)
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    subprocess.run([*command, path], check=True, cwd=out, env=environment)
    theirs = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    ours = read(data)[0]
    assert ours == TREE
    if (reader, host) == ("unzip", 0):
        assert sorted(theirs.values()) == sorted(ours.values())
    else:
        assert theirs == ours


@pytest.mark.skipif(shutil.which("tar") is None, reason="tar is not installed")
def test_a_second_writer_is_read(read, tmp_path):
    folder = tmp_path.parent / f"{tmp_path.name}-tree"
    for name, content in TREE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    packed = subprocess.run(["tar", "-C", folder, "-czf", "-", "."], check=True, capture_output=True).stdout
    assert read(packed, "x.tgz")[0] == TREE


def test_the_child_takes_nothing_from_the_students_folder(tmp_path):
    """A file called py7zr.py beside the archive must not be imported."""
    (tmp_path / "py7zr.py").write_text("raise SystemExit('imported')")
    data = tmp_path / "x.7z"
    data.write_bytes(seven_zip({"a": b"y"}))
    folder = tmp_path / "staging"
    folder.mkdir()
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        files, refusals = unpack(data, "x.7z", Budget(Limits(), folder))
    finally:
        os.chdir(before)
    assert not refusals and len(files) == 1
    assert sys.modules.get("py7zr") is not None


def test_a_zip_reader_names_its_file(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"")
    with pytest.raises(RefusedError, match="the file is empty"):
        ZipReader(path, 10)


def test_a_notebook_may_shrink_but_notebooks_are_no_way_in_for_bombs(read, monkeypatch):
    monkeypatch.setattr(budget, "FileLimits", lambda: FileLimits(size=40 << 20))
    printed = b'{"cells": [' + b" " * (18 << 20) + b"]}"
    files, reasons = read(zip_bytes(dict.fromkeys(("a.ipynb", "b.ipynb.txt", "c.ipynb"), printed)))
    assert list(files) == ["a.ipynb", "b.ipynb.txt"] and files["a.ipynb"] == printed
    assert reasons == {"hand-in.zip!c.ipynb": "unpacks to more than 200 times its size"}
