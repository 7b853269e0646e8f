"""The system calls that the process of the tests needs; everything else fails.

It computes with arrays, reads files, writes to its own temporary folder and speaks over Unix sockets. It starts no
program and no process, has no network, and changes nothing about itself or others. Linux only.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import socket
import struct

from course_utils.grading.sandbox import confine
from course_utils.grading.sandbox.confine import bpf

__all__ = ["ALLOWED", "allow_only_listed"]

# Numbers of (x86_64, aarch64); None where a processor has no such call.
ALLOWED = {
    "access": (21, None), "alarm": (37, None), "arch_prctl": (158, None), "brk": (12, 214), "chdir": (80, 49),
    "chmod": (90, None), "clock_getres": (229, 114), "clock_gettime": (228, 113), "clock_nanosleep": (230, 115),
    "close": (3, 57), "close_range": (436, 436), "connect": (42, 203), "copy_file_range": (326, 285),
    "creat": (85, None), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "epoll_create": (213, None),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_pwait": (281, 22), "epoll_pwait2": (441, 441),
    "epoll_wait": (232, None), "eventfd": (284, None), "eventfd2": (290, 19), "exit": (60, 93),
    "exit_group": (231, 94), "faccessat": (269, 48), "faccessat2": (439, 439), "fadvise64": (221, 223),
    "fallocate": (285, 47), "fchmod": (91, 52), "fchmodat": (268, 53), "fdatasync": (75, 83), "fstat": (5, 80),
    "fstatfs": (138, 44), "fsync": (74, 82), "ftruncate": (77, 46), "futex": (202, 98), "get_mempolicy": (239, 236),
    "get_robust_list": (274, 100), "getcpu": (309, 168), "getcwd": (79, 17), "getdents": (78, None),
    "getdents64": (217, 61), "getegid": (108, 177), "geteuid": (107, 175), "getgid": (104, 176),
    "getgroups": (115, 158), "getitimer": (36, 102), "getpeername": (52, 205), "getpgrp": (111, None),
    "getpid": (39, 172), "getppid": (110, 173), "getrandom": (318, 278), "getresgid": (120, 150),
    "getresuid": (118, 148), "getrlimit": (97, 163), "getrusage": (98, 165), "getsockname": (51, 204),
    "getsockopt": (55, 209), "gettid": (186, 178), "gettimeofday": (96, 169), "getuid": (102, 174), "kill": (62, 129),
    "link": (86, None), "linkat": (265, 37), "lseek": (8, 62), "lstat": (6, None), "madvise": (28, 233),
    "membarrier": (324, 283), "mincore": (27, 232), "mkdir": (83, None), "mkdirat": (258, 34), "mprotect": (10, 226),
    "mremap": (25, 216), "msync": (26, 227), "munmap": (11, 215), "nanosleep": (35, 101), "newfstatat": (262, 79),
    "open": (2, None), "openat": (257, 56), "pipe": (22, None), "pipe2": (293, 59), "poll": (7, None),
    "ppoll": (271, 73), "pread64": (17, 67), "preadv": (295, 69), "pselect6": (270, 72), "pwrite64": (18, 68),
    "pwritev": (296, 70), "read": (0, 63), "readlink": (89, None), "readlinkat": (267, 78), "readv": (19, 65),
    "recvfrom": (45, 207), "recvmsg": (47, 212), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276),
    "restart_syscall": (219, 128), "rmdir": (84, None), "rseq": (334, 293), "rt_sigaction": (13, 134),
    "rt_sigpending": (127, 136), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "rt_sigtimedwait": (128, 137), "sched_get_priority_max": (146, 125), "sched_get_priority_min": (147, 126),
    "sched_getaffinity": (204, 123), "sched_getparam": (143, 121), "sched_getscheduler": (145, 120),
    "sched_yield": (24, 124), "select": (23, None), "sendfile": (40, 71), "sendmsg": (46, 211), "sendto": (44, 206),
    "set_robust_list": (273, 99), "set_tid_address": (218, 96), "setitimer": (38, 103), "setsockopt": (54, 208),
    "shutdown": (48, 210), "sigaltstack": (131, 132), "stat": (4, None), "statfs": (137, 43), "statx": (332, 291),
    "symlink": (88, None), "symlinkat": (266, 36), "sysinfo": (99, 179), "tgkill": (234, 131), "time": (201, None),
    "times": (100, 153), "truncate": (76, 45), "umask": (95, 166), "uname": (63, 160), "unlink": (87, None),
    "unlinkat": (263, 35), "utime": (132, None), "utimensat": (280, 88), "utimes": (235, None), "write": (1, 64),
    "writev": (20, 66),
}  # fmt: skip

_CLONE_THREAD = 0x00010000
_MAP_SHARED_ANONYMOUS = 0x21
_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA = 15, 16, 0x53564D41
_TCGETS, _TIOCGWINSZ, _FIONREAD, _FIONBIO, _FIONCLEX, _FIOCLEX = 0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451
_F_DUPFD, _F_GETFD, _F_SETFD, _F_GETFL, _F_SETFL, _F_DUPFD_CLOEXEC = 0, 1, 2, 3, 4, 1030
_ANY = 0xFFFFFFFF
# Calls that are allowed for some values of one argument: (numbers, argument, mask, values after masking, error else).
ALLOWED_USES = {
    "clone": ((56, 220), 0, _CLONE_THREAD, (_CLONE_THREAD,), errno.EPERM),  # threads, no processes
    "fcntl": (
        (72, 25),
        1,
        _ANY,
        (_F_DUPFD, _F_GETFD, _F_SETFD, _F_GETFL, _F_SETFL, _F_DUPFD_CLOEXEC),
        errno.EPERM,  # no locks, which nothing counts
    ),
    "ioctl": ((16, 29), 1, _ANY, (_TCGETS, _TIOCGWINSZ, _FIONREAD, _FIONBIO, _FIONCLEX, _FIOCLEX), errno.ENOTTY),
    "prctl": ((157, 167), 0, _ANY, (_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA), errno.EPERM),
    "prlimit64": ((302, 261), 0, _ANY, (0,), errno.EPERM),  # of itself
    "sched_setscheduler": ((144, 119), 1, _ANY, (0,), errno.EPERM),  # ZeroMQ sets the usual one for its threads
    "socket": ((41, 198), 0, _ANY, (socket.AF_UNIX,), errno.EAFNOSUPPORT),
    "socketpair": ((53, 199), 0, _ANY, (socket.AF_UNIX,), errno.EAFNOSUPPORT),
}
_MMAP = (9, 222)
# The C library then takes the older call, whose flags can be looked at.
_NEWER = {"clone3": (435, 435)}


def allow_only_listed() -> bool:
    """Make all other system calls fail with `EPERM` from here on.

    Returns
    -------
    bool
        False on a processor for which there is no table; the other walls stand without it.
    """
    machine = platform.machine()
    if machine not in confine._AUDIT_ARCH:
        return False
    program = _program(machine)
    code = ctypes.create_string_buffer(b"".join(program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    confine._prctl(
        confine.PR_SET_SECCOMP, confine.SECCOMP_MODE_FILTER, ctypes.addressof(header), what="list of system calls"
    )
    return True


def _program(machine: str) -> list[bytes]:
    column = 0 if machine == "x86_64" else 1
    allow, refuse = bpf(confine._RETURN, confine._ALLOW), confine._FAIL
    program = [
        # A 32-bit program numbers its calls differently: it is ended.
        bpf(confine._LOAD, 4),  # architecture
        bpf(confine._JUMP_EQUAL, confine._AUDIT_ARCH[machine], true=1),
        bpf(confine._RETURN, confine._KILL_PROCESS),
        bpf(confine._LOAD, 0),  # number
    ]
    for numbers in ALLOWED.values():
        if numbers[column] is not None:
            program += [bpf(confine._JUMP_EQUAL, numbers[column], false=1), allow]
    for numbers in _NEWER.values():
        program += [
            bpf(confine._JUMP_EQUAL, numbers[column], false=1),
            bpf(confine._RETURN, refuse | errno.ENOSYS),
        ]
    for numbers, argument, mask, values, error in ALLOWED_USES.values():
        program += _for_values(numbers[column], argument, mask, values, confine._ALLOW, refuse | error)
    # Shared memory without a name is in no process's count.
    program += _for_values(
        _MMAP[column], 3, _MAP_SHARED_ANONYMOUS, (_MAP_SHARED_ANONYMOUS,), refuse | errno.EPERM, confine._ALLOW
    )
    program.append(bpf(confine._RETURN, refuse | errno.EPERM))
    return program


def _for_values(
    number: int, argument: int, mask: int, values: tuple[int, ...], answer: int, otherwise: int
) -> list[bytes]:
    """Return the part of the filter that looks at an argument of one call."""
    block = [bpf(confine._LOAD, 16 + 8 * argument), bpf(confine._AND, mask)]  # the lower half of the argument
    for left, value in zip(reversed(range(len(values))), values, strict=True):
        block.append(bpf(confine._JUMP_EQUAL, value, true=left + 1))
    block += [bpf(confine._RETURN, otherwise), bpf(confine._RETURN, answer)]
    return [bpf(confine._JUMP_EQUAL, number, false=len(block)), *block]
