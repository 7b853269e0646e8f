"""System calls that Python does not wrap: namespaces, mounts, capabilities, a filter of system calls.

Runs inside the sandbox, in a process that is about to become a student's kernel. Linux only.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import resource
import socket
import struct
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)

# Constants of <linux/sched.h>, <linux/mount.h>, <linux/prctl.h>, <linux/capability.h>, <linux/securebits.h>.
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOSYMFOLLOW, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 256, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_SECUREBITS, PR_SET_NO_NEW_PRIVS = 4, 24, 28, 38
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
LINUX_CAPABILITY_VERSION_3 = 0x20080522
SECUREBITS_ALL_LOCKED = 0xEF  # no root, no setuid fixup, no ambient capabilities, all locked

# What a notebook never needs: other namespaces, mounts and keys; tracing; memory that belongs to no process
# and so escapes every count (memfd, System V); parts of the kernel with a history of holes (io_uring, bpf).
# Numbers of (x86_64, aarch64).
DENIED_SYSCALLS = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "kcmp": (312, 272),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "semget": (64, 190),
    "setns": (308, 268),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_SYSCALL_BIT = 0x40000000


def _check(result: int, what: str) -> int:
    if result < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"{what}: {os.strerror(errno)}")
    return result


def _prctl(option: int, arg: int = 0, arg3: int = 0, *, what: str) -> None:
    ulong = ctypes.c_ulong
    _check(_libc.prctl(option, ulong(arg), ulong(arg3), ulong(0), ulong(0)), what)


def unshare(flags: int) -> None:
    """Move this process (for PID namespaces: its future children) into new namespaces."""
    _check(_libc.unshare(flags), "new namespaces")


def mount(source: str, target: str, fstype: str = "", flags: int = 0, options: str = "") -> None:
    """Mount a file system or, with the flag `MS_BIND`, a folder."""
    fields = (field.encode() or None for field in (source, target, fstype))
    result = _libc.mount(*fields, ctypes.c_ulong(flags), options.encode() or None)
    _check(result, f"mount of {fstype or source} on {target}")


def unmount(target: str) -> None:
    """Take a mount out of the tree of folders; what else uses it keeps it."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), f"unmount of {target}")


def enter_user_namespace(uid: int, extra_flags: int = 0) -> None:
    """Enter a new user namespace in which the present user is called `uid`, with all rights inside it only."""
    outside_uid, outside_gid = os.geteuid(), os.getegid()
    # A process that has changed its user is not "dumpable" and may not write these files of its own.
    set_dumpable(True)
    unshare(CLONE_NEWUSER | extra_flags)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {outside_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{uid} {outside_gid} 1")


def forbid_namespaces() -> None:
    """Allow no further namespaces of any kind to this user namespace and all below it."""
    for path in Path("/proc/sys/user").glob("max_*_namespaces"):
        path.write_text("0")


def set_dumpable(dumpable: bool) -> None:
    """Let other processes of the same user read and trace this one, or forbid it."""
    _prctl(PR_SET_DUMPABLE, int(dumpable), what="dumpable")


def drop_privileges() -> None:
    """Give up all capabilities for good, also through programs run later."""
    last_cap = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for capability in range(last_cap + 1):
        _prctl(PR_CAPBSET_DROP, capability, what="bounding set")
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, what="ambient capabilities")
    _prctl(PR_SET_SECUREBITS, SECUREBITS_ALL_LOCKED, what="securebits")
    header = struct.pack("Ii", LINUX_CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, bytes(24)), "capabilities")
    _prctl(PR_SET_NO_NEW_PRIVS, 1, what="no_new_privs")


def loopback_up() -> None:
    """Switch on the loopback interface of this (new, otherwise empty) network namespace."""
    siocgifflags, siocsifflags, iff_up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = fcntl.ioctl(sock, siocgifflags, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack_from("h", request, 16)[0] | iff_up
        fcntl.ioctl(sock, siocsifflags, struct.pack("16sh22x", b"lo", flags))


def filter_syscalls() -> bool:
    """Make the system calls of `DENIED_SYSCALLS` fail with ENOSYS from here on.

    Returns
    -------
    bool
        False on a processor for which there is no table; the other walls stand without it.
    """
    machine = platform.machine()
    if machine not in _AUDIT_ARCH:
        return False
    column = 0 if machine == "x86_64" else 1
    numbers = sorted({pair[column] for pair in DENIED_SYSCALLS.values()})
    load, jump_equal, jump_ge, ret = 0x20, 0x15, 0x35, 0x06  # classic BPF, <linux/bpf_common.h>
    deny, kill, allow = 0x00050000 | 38, 0x80000000, 0x7FFF0000  # errno ENOSYS; kill process; allow

    def op(code, k, true=0, false=0):
        return struct.pack("HBBI", code, true, false, k)

    # seccomp_data: number at byte 0, architecture at byte 4. A 32-bit or x32 call has other numbers: not allowed.
    program = [op(load, 4), op(jump_equal, _AUDIT_ARCH[machine], 1, 0), op(ret, kill), op(load, 0)]
    if machine == "x86_64":
        program += [op(jump_ge, _X32_SYSCALL_BIT, 0, 1), op(ret, deny)]
    for index, number in enumerate(numbers):
        program.append(op(jump_equal, number, len(numbers) - index, 0))
    program += [op(ret, allow), op(ret, deny)]
    code = ctypes.create_string_buffer(b"".join(program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(header), what="filter of system calls")
    return True


def set_rlimits(*, memory: int, processes: int, cpu_seconds: int, open_files: int, file_size: int) -> None:
    """Set the limits that the kernel keeps for each process (processes: for each user of a namespace)."""
    for name, value in {
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_NPROC: processes,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_NOFILE: open_files,
        resource.RLIMIT_FSIZE: file_size,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }.items():
        hard = resource.getrlimit(name)[1]
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (limit, limit))
