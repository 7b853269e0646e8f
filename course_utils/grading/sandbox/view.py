"""What a student's kernel sees of this machine: a bubblewrap sandbox with the Python environment, read-only.

Nothing of the course is in it but the package `course_utils`. The private part around each kernel (work folder,
sockets, limits) is built inside by `keeper.py`.
"""

from __future__ import annotations

import os
import shutil
import site
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import course_utils
from course_utils.environment import for_kernels
from course_utils.errors import CourseError
from course_utils.grading.sandbox import layout

PACKAGE = Path(course_utils.__file__).parent
INSTALL_HINT = (
    "Install bubblewrap (Debian, Ubuntu: apt install bubblewrap; Fedora: dnf install bubblewrap), or choose to grade "
    "without a sandbox: then students' code can read the course and change marks."
)
# Parts of an environment that Python needs. Not the whole folder: a course may lie beside them.
ENVIRONMENT_PARTS = ("bin", "lib", "lib32", "lib64", "include", "share", "libexec", "ssl", "pyvenv.cfg")
SYSTEM_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/fonts",
    "/etc/mime.types",
    "/sys/devices/system/cpu",
)
SMALL_ETC = {
    "/etc/passwd": (
        f"root:x:0:0:root:/:/usr/sbin/nologin\n"
        f"student:x:{layout.USER_ID}:{layout.USER_ID}::{layout.WORK_FOLDER}:/bin/sh\n"
    ),
    "/etc/group": f"root:x:0:\nstudent:x:{layout.USER_ID}:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
# Folders that the sandbox makes its own. A host folder of this name could not be shown inside.
OWN_FOLDERS = (layout.WORK_FOLDER, "/run", "/dev", "/proc", "/sys", "/etc")
# Rights the zygote needs as root, in its own namespaces, to build a kernel's; a kernel has none of them.
ZYGOTE_CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_NET_ADMIN", "CAP_CHOWN")


class SandboxUnavailable(CourseError, RuntimeError):
    """No sandbox can be had on this machine; the message says why and what to install or change."""


def has_real_root() -> bool:
    """Return whether this process is root of the whole machine, not of a container's user namespace."""
    status = Path("/proc/self/status").read_text()
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    has_sys_admin = bool(effective & 1 << 21)
    maps_everybody = Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]
    return os.geteuid() == 0 and has_sys_admin and maps_everybody


def find_bubblewrap() -> str:
    """Return the path of the program `bwrap`.

    Raises
    ------
    SandboxUnavailable
        If it is not installed, or this is not Linux.
    """
    if sys.platform != "linux":
        raise SandboxUnavailable(f"The sandbox needs Linux, this is {sys.platform}. Grade on a Linux machine.")
    path = shutil.which("bwrap")
    if path is None:
        raise SandboxUnavailable(f"The sandbox needs the program bwrap, which is not here. {INSTALL_HINT}")
    return path


def readable_paths(extra: Iterable[str | Path] = ()) -> list[Path]:
    """Return the host's files and folders that are shown inside, read-only, at their own paths."""
    paths = [Path("/usr"), *map(Path, SYSTEM_FILES)]
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}:
        # A prefix reached through a link is needed under both names: symbolic links inside use the real one.
        for root in {Path(prefix), Path(prefix).resolve()}:
            paths += [root / part for part in ENVIRONMENT_PARTS]
    interpreter = Path(sys.executable)
    paths += [interpreter.resolve()]
    # Packages installed with `pip install --user`, or by the system.
    folders = {*sys.path, site.getusersitepackages()}
    paths += [Path(folder) for folder in folders if Path(folder).name in ("site-packages", "dist-packages")]
    paths += [PACKAGE, PACKAGE.resolve(), *map(Path, extra)]
    return [path for path in dict.fromkeys(paths) if path.exists()]


def private_paths(extra: Iterable[str | Path] = ()) -> list[Path]:
    """Return the host's folders that must not be seen inside even where they lie in a folder that is shown."""
    paths = list(map(Path, extra))
    for course in (Path.cwd(), PACKAGE.resolve().parent):
        if (course / "nbgrader_config.py").exists() or (course / "source").exists():
            paths.append(course)
    home = Path.home()
    if home.exists() and home.stat().st_uid == os.geteuid():  # not a system folder that is some service's "home"
        paths.append(home)
    return list(dict.fromkeys(path.resolve() for path in paths))


def command(
    *,
    bubblewrap: str,
    etc_fds: dict[str, int],
    env: dict[str, str],
    readable: Iterable[str | Path] = (),
    private: Iterable[str | Path] = (),
    beside: Mapping[str, str | Path] | None = None,
    as_root: bool,
) -> list[str]:
    """Return the start of a command line that runs a program in the sandbox.

    Parameters
    ----------
    bubblewrap : str
        Path of the program.
    etc_fds : dict of str to int
        For each file of `SMALL_ETC`, an open file descriptor with its content.
    env : dict of str to str
        The whole environment inside.
    readable, private : iterable of paths
        Folders to show besides those of `readable_paths`, and to hide besides those of `private_paths`.
    beside : mapping of str to path, optional
        Folders that only processes of tests are to see, by their names in `layout.TESTS_FOLDER`.
    as_root : bool
        Whether this is real root, which keeps the rights to change users inside; else a user namespace is used.

    Raises
    ------
    SandboxUnavailable
        If a folder that must be shown lies where the sandbox has its own.
    """
    shown, hidden = readable_paths(readable), private_paths(private)
    for path in shown:
        own = path == Path("/tmp") or any(path.is_relative_to(folder) for folder in OWN_FOLDERS)
        if own and str(path) not in SYSTEM_FILES:
            raise SandboxUnavailable(
                f"{path} cannot be shown in the sandbox, which has a folder of its own there. "
                f"Move the course, its data or its Python environment out of /{path.parts[1]}."
            )
    args = [bubblewrap, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    args += ["--new-session", "--die-with-parent", "--as-pid-1", "--hostname", "sandbox"]
    if as_root:
        args += ["--cap-drop", "ALL"]
        for capability in ZYGOTE_CAPABILITIES:
            args += ["--cap-add", capability]
    else:
        args += ["--unshare-user", "--uid", str(layout.USER_ID), "--gid", str(layout.USER_ID)]
    for name, value in env.items():
        args += ["--setenv", name, value]
    args += ["--proc", "/proc", "--dev", "/dev"]
    for path, fd in etc_fds.items():
        args += ["--perms", "0444", "--ro-bind-data", str(fd), path]
    for link in map(Path, SYSTEM_LINKS):
        if link.is_symlink():
            args += ["--symlink", str(link.readlink()), str(link)]
        elif link.exists():
            args += ["--ro-bind", str(link), str(link)]
    # The zygote's; each kernel has its own on top. What is shown below it is shown again there.
    args += ["--perms", "0700", "--tmpfs", "/tmp"]
    # From the outside in: a private folder covers what was shown around it, and a folder that must be seen inside a
    # private one is shown again on top of the cover.
    steps = [(path, "show") for path in shown]
    steps += [(path, "hide") for path in hidden if path not in shown and any(path.is_relative_to(p) for p in shown)]
    covers, placed = [], []
    for path, step in sorted(steps, key=lambda item: len(item[0].parts)):
        if step == "show":
            # Left to itself, bubblewrap makes the folders on the way for their owner only.
            on_the_way = [parent for parent in reversed(path.parents) if not any(map(parent.is_relative_to, placed))]
            for parent in on_the_way[1:]:
                args += ["--perms", "0755", "--dir", str(parent)]
            args += ["--ro-bind", str(path), str(path)]
            placed.append(path)
        else:
            args += ["--perms", "0755", "--tmpfs", str(path)]
            covers.append(str(path))
            placed = [path_before for path_before in placed if not path.is_relative_to(path_before)]
    for folder in (layout.WORK_FOLDER, layout.SOCKET_FOLDER):
        args += ["--perms", "0755", "--dir", folder]
    if beside:
        args += ["--perms", "0755", "--dir", layout.TESTS_FOLDER]
    for name, path in (beside or {}).items():
        args += ["--ro-bind", str(path), f"{layout.TESTS_FOLDER}/{name}"]
    # Folders made above are writable until here, by the zygote; no kernel may leave anything in them for the next.
    for folder in (*covers, "/dev", "/"):
        args += ["--remount-ro", folder]
    return [*args, "--chdir", "/", "--"]


def namespace_hint() -> str:
    """Say what on this machine usually keeps a sandbox from being built."""
    setting = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if setting.exists() and setting.read_text().strip() == "1":
        return (
            "This system lets only chosen programs create user namespaces: "
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0 allows it until the next start."
        )
    setting = Path("/proc/sys/kernel/unprivileged_userns_clone")
    if setting.exists() and setting.read_text().strip() == "0":
        return "User namespaces are switched off: sudo sysctl kernel.unprivileged_userns_clone=1 allows them."
    return (
        "The sandbox needs user, mount, PID and network namespaces. In a container, allow them "
        "(Docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined)."
    )


def environment(threads: int = 1, extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return the whole environment of a sandboxed kernel, the same for every student.

    Parameters
    ----------
    threads : int
        Threads of numerical libraries.
    extra : dict of str to str, optional
        Further variables, which win.
    """
    folders = dict.fromkeys((f"{sys.prefix}/bin", f"{sys.base_prefix}/bin", "/usr/local/bin", "/usr/bin", "/bin"))
    return {
        "PATH": ":".join(folders),
        "HOME": layout.WORK_FOLDER,
        "USER": "student",
        "LOGNAME": "student",
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "xterm-color",
        "TMPDIR": "/tmp",
        # Settings are read from folders in which a submission cannot put any.
        "IPYTHONDIR": f"{layout.SOCKET_FOLDER}/ipython",
        "JUPYTER_CONFIG_DIR": f"{layout.SOCKET_FOLDER}/jupyter",
        "JUPYTER_RUNTIME_DIR": layout.SOCKET_FOLDER,
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "PYTHONNOUSERSITE": "1",
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "CUDA_VISIBLE_DEVICES": "",
        **for_kernels(),
        **{
            f"{library}_NUM_THREADS": str(threads)
            for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM")
        },
        **(extra or {}),
    }
