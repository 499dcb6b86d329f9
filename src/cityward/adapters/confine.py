"""Takes from this process all it does not need to compute: for children that run what others wrote.

Theory of operation
-------------------
Called by the child itself, when everything is imported and before the first foreign byte. `give_up_resources` bounds memory,
forbids new files, processes and core dumps, and closes every descriptor but the standard three. `give_up_the_kernel` (Linux on
x86-64 and AArch64) installs a seccomp filter: what is left is reading, writing, memory, the clock, chance and the end. Every
other call fails with EPERM, also for code that broke out of the interpreter it ran in. None of it can be undone by the process.

Does not live here: the parent's part, a deadline and a kill.

Fails when: the machine is neither of the two. `give_up_the_kernel` then says so; whoever calls decides whether that is enough.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys

_SYSCALLS: dict[str, tuple[int, tuple[int, ...]]] = {
    # AUDIT_ARCH and, in this order: read write mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn mremap madvise
    # getpid exit futex clock_gettime exit_group getrandom gettimeofday sched_yield
    "x86_64": (0xC000003E, (0, 1, 9, 10, 11, 12, 13, 14, 15, 25, 28, 39, 60, 202, 228, 231, 318, 96, 24)),
    "aarch64": (0xC00000B7, (63, 64, 222, 226, 215, 214, 134, 135, 139, 216, 233, 172, 93, 98, 113, 94, 278, 169, 124)),
}
"""SPEC: linux/audit.h, and asm/unistd_64.h of each machine."""

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD_WORD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
_ALLOW, _KILL, _EPERM = 0x7FFF0000, 0x80000000, 0x00050001
_AT_NUMBER, _AT_MACHINE = 0, 4  # offsets in struct seccomp_data
_OPEN_MOST = 4096


class _Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def give_up_resources(most_bytes: int) -> None:
    """No more than `most_bytes` of address space, no new file, process or core dump, nothing open but 0, 1 and 2."""
    os.closerange(3, _OPEN_MOST)
    for what, most in (
        (resource.RLIMIT_AS, most_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(what, (most, most))


def give_up_the_kernel() -> bool:
    """Leave only the calls named above, for good. False where this machine has no filter: nothing was changed then.

    Raises:
        OSError: the kernel has filters and did not take this one.
    """
    known = _SYSCALLS.get(platform.machine()) if sys.platform == "linux" else None
    if known is None:
        return False
    machine, calls = known
    lines = [_line(_LOAD_WORD, _AT_MACHINE), _line(_IF_EQUAL, machine, then=1), _line(_RETURN, _KILL)]
    lines.append(_line(_LOAD_WORD, _AT_NUMBER))
    lines += [_line(_IF_EQUAL, call, then=len(calls) - n) for n, call in enumerate(calls)]
    lines += [_line(_RETURN, _EPERM), _line(_RETURN, _ALLOW)]
    code = ctypes.create_string_buffer(b"".join(lines))
    program = _Program(len(lines), ctypes.cast(code, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "the kernel does not take the filter")
    return True


def _line(code: int, value: int, then: int = 0) -> bytes:
    """One instruction of the filter; `then`: how many to pass over where it is equal."""
    return struct.pack("=HBBI", code, then, 0, value)
