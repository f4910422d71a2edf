"""What a kernel older than this one refuses, and gVisor, whose programs see a Linux 4.4."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from typing import NoReturn

#: The last system call of Linux 4.4 on x86-64, mlock2. What came later has a higher number.
LAST = 325
FCNTL = 72
#: Locks of an opening (F_OFD_GETLK to F_OFD_SETLKW): Linux has had them since 3.15, gVisor has none.
OFD = range(36, 39)

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD, _EQUAL, _GREATER, _RETURN = 0x20, 0x15, 0x25, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
#: Offsets in struct seccomp_data: the call's number, and the lower half of its second argument.
_NUMBER, _SECOND = 0, 24


class _Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def _instructions() -> list[tuple[int, int, int, int]]:
    """Code, jump if true, jump if false, value (linux/filter.h)."""
    return [
        (_LOAD, 0, 0, _NUMBER),
        (_GREATER, 6, 0, LAST),
        (_EQUAL, 0, 4, FCNTL),
        (_LOAD, 0, 0, _SECOND),
        (_GREATER, 0, 2, OFD.start - 1),
        (_GREATER, 1, 0, OFD.stop - 1),
        (_RETURN, 0, 0, _ERRNO | errno.EINVAL),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]


def start_again_on_an_older_kernel(option: str) -> NoReturn:
    """Starts this command again without `option`, where such a kernel is. glibc found out about this one's already."""
    _refuse_later_calls()
    os.execv(sys.executable, [sys.executable, *(each for each in sys.argv if each != option)])


def _refuse_later_calls() -> None:
    """From now on this process and all that it starts are refused what came after Linux 4.4."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = b"".join(struct.pack("HBBI", *each) for each in _instructions())
    program = _Program(len(code) // 8, code)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or libc.prctl(
            _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no filter for system calls can be set")
