"""System calls that Python does not wrap: namespaces, mounts, capabilities, a filter of system calls.

Runs inside the sandbox, in a process that is about to become a student's kernel. Linux only.
"""

from __future__ import annotations

import ctypes
import dataclasses
import errno
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
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOSYMFOLLOW = 1, 2, 4, 8, 256
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_DUMPABLE, PR_SET_NAME, PR_CAPBSET_DROP, PR_SET_SECUREBITS, PR_SET_NO_NEW_PRIVS = 4, 15, 24, 28, 38
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
LINUX_CAPABILITY_VERSION_3 = 0x20080522
SECUREBITS_ALL_LOCKED = 0xEF  # no root, no setuid fixup, no ambient capabilities, all locked

# What a notebook never needs: other namespaces, mounts and keys; tracing; memory that belongs to no process
# and so escapes every count (memfd, System V, pages given to a pipe); what the whole machine has only so much of
# (asynchronous requests, watches of file systems, compiled filters); parts of the kernel with a history of holes
# (io_uring, bpf). Numbers of (x86_64, aarch64); None where a processor has no such call.
DENIED_SYSCALLS = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "cachestat": (451, 451),
    "chroot": (161, 51),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_cancel": (210, 3),
    "io_destroy": (207, 1),
    "io_getevents": (208, 4),
    "io_pgetevents": (333, 292),
    "io_setup": (206, 0),
    "io_submit": (209, 2),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "landlock_add_rule": (445, 445),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "lookup_dcookie": (212, 18),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "remap_file_pages": (216, 234),
    "request_key": (249, 218),
    "seccomp": (317, 277),
    "semget": (64, 190),
    "set_mempolicy_home_node": (450, 450),
    "setns": (308, 268),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
    "vmsplice": (278, 75),
}
# Calls with higher numbers came to Linux after this table was written: nobody here has thought about them.
NEWEST_SYSCALL = 456


@dataclasses.dataclass(frozen=True)
class Refusal:
    """A system call that fails for some values of its arguments.

    Parameters
    ----------
    name : str
    numbers : tuple of (int, int)
        Of x86_64 and aarch64.
    error : int
        What it fails with.
    conditions : tuple of Condition
        It fails where all of them hold.
    """

    name: str
    numbers: tuple[int, int]
    error: int
    conditions: tuple[Condition, ...]


@dataclasses.dataclass(frozen=True)
class Condition:
    """What holds for the lower half of one argument, after masking: that it is one of `values`, or none of them."""

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    listed: bool = True


_MAP_SHARED_ANONYMOUS = 0x21
_SOCKET_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
_KEEPER = 1  # process id, in the kernel's namespace, of the process that watches over it
_PRIO_USER, _IOPRIO_WHO_USER = 2, 3
_PR_FUTEX_HASH = 78
_F_OFD_SETLK, _F_OFD_SETLKW, _F_SETLEASE, _F_NOTIFY = 37, 38, 1024, 1026
_ATTACH_FILTERS = (26, 50, 51, 52)  # SO_ATTACH_{FILTER, BPF, REUSEPORT_CBPF, REUSEPORT_EBPF}


def _refuse(name: str, numbers: tuple[int, int], error: int, *conditions: Condition) -> Refusal:
    return Refusal(name, numbers, error, conditions)


DENIED_USES = (
    # Shared memory without a name is in no process's and no file system's count once it is unmapped in part.
    _refuse("mmap", (9, 222), errno.EPERM, Condition(3, (_MAP_SHARED_ANONYMOUS,), mask=_MAP_SHARED_ANONYMOUS)),
    # What ipykernel needs inside; not, say, AF_VSOCK, which network namespaces do not part from the machine's host.
    _refuse("socket", (41, 198), errno.EAFNOSUPPORT, Condition(0, _SOCKET_FAMILIES, listed=False)),
    # The keeper belongs to the same user and must not be slowed down or starved, alone or with all of the user's.
    _refuse("prlimit64", (302, 261), errno.EPERM, Condition(0, (_KEEPER,))),
    _refuse("sched_setaffinity", (203, 122), errno.EPERM, Condition(0, (_KEEPER,))),
    _refuse("sched_setattr", (314, 274), errno.EPERM, Condition(0, (_KEEPER,))),
    _refuse("sched_setparam", (142, 118), errno.EPERM, Condition(0, (_KEEPER,))),
    _refuse("sched_setscheduler", (144, 119), errno.EPERM, Condition(0, (_KEEPER,))),
    _refuse("setpriority", (141, 140), errno.EPERM, Condition(1, (_KEEPER,))),
    _refuse("setpriority", (141, 140), errno.EPERM, Condition(0, (_PRIO_USER,))),
    _refuse("ioprio_set", (251, 30), errno.EPERM, Condition(1, (_KEEPER,))),
    _refuse("ioprio_set", (251, 30), errno.EPERM, Condition(0, (_IOPRIO_WHO_USER,))),
    # Locks of open files, leases and notices have no owner in /proc/locks by whom they could be counted. Locks of a
    # process (`fcntl.lockf`, SQLite's) and of `flock` have: the keeper counts them.
    _refuse("fcntl", (72, 25), errno.EINVAL, Condition(1, (_F_OFD_SETLK, _F_OFD_SETLKW, _F_SETLEASE, _F_NOTIFY))),
    # The keeper reads in /proc what a process uses; and filters are compiled into memory that all share.
    _refuse("prctl", (157, 167), errno.EPERM, Condition(0, (PR_SET_DUMPABLE, PR_SET_SECCOMP, _PR_FUTEX_HASH))),
    _refuse("setsockopt", (54, 208), errno.EPERM, Condition(1, (socket.SOL_SOCKET,)), Condition(2, _ATTACH_FILTERS)),
)
# Most bytes that the kernel keeps for one socket: twice its settings net.core.{r,w}mem_max, which few machines change.
SOCKET_BUFFER = 2 * 212_992
# Signals and timers that wait, of all processes together; bytes that a process may keep out of swap.
SIGNALS, LOCKED_MEMORY = 1024, 8 << 20
# Watches of files (`inotify`) of all processes together: those outside count against the same user of the machine.
WATCHES = {"max_inotify_instances": 16, "max_inotify_watches": 1024}
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_SYSCALL_BIT = 0x40000000


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _prctl(option: int, arg: int = 0, arg3: int = 0, *, what: str) -> None:
    ulong = ctypes.c_ulong
    _check(_libc.prctl(option, ulong(arg), ulong(arg3), ulong(0), ulong(0)), what)


def unshare(flags: int) -> None:
    """Move this process (for PID namespaces: its future children) into new namespaces."""
    _check(_libc.unshare(flags), "new namespaces")


def join_namespace(descriptor: int, kind: int) -> None:
    """Move this process (for PID namespaces: its future children) into a namespace that is there, from ``/proc``."""
    _check(_libc.setns(descriptor, kind), "joining a namespace")


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
    """Allow no further namespaces of any kind to this user namespace, and few watches of files."""
    for path in Path("/proc/sys/user").glob("max_*_namespaces"):
        path.write_text("0")
    for name, most in WATCHES.items():
        path = Path("/proc/sys/user", name)
        if path.exists():
            path.write_text(str(most))


def set_dumpable(dumpable: bool) -> None:
    """Let other processes of the same user read and trace this one, or forbid it."""
    _prctl(PR_SET_DUMPABLE, int(dumpable), what="dumpable")


def set_name(name: str) -> None:
    """Give this process and what it forks the name that lists of processes show, of which 15 characters count."""
    text = ctypes.create_string_buffer(name.encode())
    _prctl(PR_SET_NAME, ctypes.addressof(text), what="name")


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


def set_up_network() -> None:
    """Switch on the loopback interface of this new, otherwise empty network namespace, with small buffers.

    ipykernel uses it for what child processes print.
    """
    siocgifflags, siocsifflags, iff_up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = fcntl.ioctl(sock, siocgifflags, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack_from("h", request, 16)[0] | iff_up
        fcntl.ioctl(sock, siocsifflags, struct.pack("16sh22x", b"lo", flags))
    for name in ("tcp_rmem", "tcp_wmem"):
        Path(f"/proc/sys/net/ipv4/{name}").write_text(f"4096 65536 {SOCKET_BUFFER // 2}")


def filter_syscalls() -> bool:
    """Make the system calls of `DENIED_SYSCALLS` and `DENIED_USES` fail from here on, for children too.

    Returns
    -------
    bool
        False on a processor for which there is no table; the other walls stand without it.
    """
    machine = platform.machine()
    if machine not in _AUDIT_ARCH:
        return False
    column = 0 if machine == "x86_64" else 1
    program = [
        # A 32-bit program numbers its calls differently: it is ended.
        bpf(_LOAD, 4),  # architecture
        bpf(_JUMP_EQUAL, _AUDIT_ARCH[machine], true=1),
        bpf(_RETURN, _KILL_PROCESS),
        bpf(_LOAD, 0),  # number
    ]
    if machine == "x86_64":
        program += [bpf(_JUMP_GREATER_EQUAL, _X32_SYSCALL_BIT, false=1), bpf(_RETURN, _FAIL | errno.ENOSYS)]
    program += [bpf(_JUMP_GREATER, NEWEST_SYSCALL, false=1), bpf(_RETURN, _FAIL | errno.ENOSYS)]
    for numbers in DENIED_SYSCALLS.values():
        if numbers[column] is not None:
            program += [bpf(_JUMP_EQUAL, numbers[column], false=1), bpf(_RETURN, _FAIL | errno.ENOSYS)]
    for refusal in DENIED_USES:
        program += _refusal_block(refusal, column)
    program.append(bpf(_RETURN, _ALLOW))
    code = ctypes.create_string_buffer(b"".join(program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(header), what="filter of system calls")
    return True


# Classic BPF, <linux/bpf_common.h>, and the answers of <linux/seccomp.h>.
_LOAD, _AND, _JUMP, _RETURN = 0x20, 0x54, 0x05, 0x06
_JUMP_EQUAL, _JUMP_GREATER, _JUMP_GREATER_EQUAL = 0x15, 0x25, 0x35
_KILL_PROCESS, _FAIL, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000


def _refusal_block(refusal: Refusal, column: int) -> list[bytes]:
    """Return instructions that refuse one use of a call, and go on behind themselves with every other."""
    block = [bpf(_RETURN, _FAIL | refusal.error)]
    for condition in reversed(refusal.conditions):
        # A value that is found jumps over the next instruction: out of the block, or, where none of the listed ones
        # must be met, over the values' absence.
        test = [bpf(_LOAD, 16 + 8 * condition.argument), bpf(_AND, condition.mask)]
        left = len(condition.values)
        for value in condition.values:
            left -= 1
            test.append(bpf(_JUMP_EQUAL, value, true=left + 1))
        listed, unlisted = [bpf(_JUMP, len(block))], [bpf(_JUMP, 1), bpf(_JUMP, len(block))]
        block = [*test, *(listed if condition.listed else unlisted), *block]
    return [bpf(_LOAD, 0), bpf(_JUMP_EQUAL, refusal.numbers[column], false=len(block)), *block]


def bpf(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("HBBI", code, true, false, value)


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
        resource.RLIMIT_SIGPENDING: SIGNALS,
        resource.RLIMIT_MEMLOCK: LOCKED_MEMORY,
    }.items():
        hard = resource.getrlimit(name)[1]
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (limit, limit))
