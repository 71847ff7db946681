# SPDX-License-Identifier: MIT
"""Keep what a library prints from C away from standard output, where only documents belong.

Since 1.16 HiGHS greets on file descriptor 1 while it is constructed, before any option can
silence it. `sys.stdout` is not involved, so redirecting that would not help.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

STDOUT_fd = 1


@contextmanager
def quiet_stdout() -> Iterator[None]:
    """Send file descriptor 1 to nowhere for the time of the block."""
    try:
        kept = os.dup(STDOUT_fd)
    except OSError:  # it is closed: nothing can be printed
        yield
        return
    flush = ctypes.CDLL(None).fflush
    flush(None)  # what was printed before belongs on the real one
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDOUT_fd)
    os.close(nowhere)
    try:
        yield
    finally:
        flush(None)
        os.dup2(kept, STDOUT_fd)
        os.close(kept)
