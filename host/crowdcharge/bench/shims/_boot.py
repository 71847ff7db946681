# SPDX-License-Identifier: MIT
# ruff: noqa: BLE001, E402, PLC0415, PTH123 - a boot loader: it reports whatever main.py raises
"""What a board's silicon and boot loader do, run by `micropython -i`: then boot.py, main.py, REPL.

The bench's modules are imported before the board's own file system is mounted over the root, so
that no trace of them is in it.
"""

import os
import sys

for _name in os.getenv("CROWDCHARGE_MODULES").split():
    __import__(_name)
from _hardware import tell as _tell

sys.path[:] = []
import vfs as _vfs


def _mount():
    storage, path = os.getenv("CROWDCHARGE_STORAGE").split(":", 1)
    if storage == "littlefs":
        import _flash

        _flash.mount(path)
    else:
        _vfs.umount("/")
        _vfs.mount(_vfs.VfsPosix(path), "/")
        os.chdir("/")
    sys.path[:] = ["", ".frozen", "/lib"]


def _run(name):
    try:
        with open(name) as file:
            code = compile(file.read(), name, "exec")
    except OSError:
        return
    exec(code, {"__name__": "__main__"})


_mount()
_tell("B")  # from here on Ctrl-C finds a board
try:
    _run("boot.py")
    if os.getenv("CROWDCHARGE_RUN_MAIN") == "1":
        _run(os.getenv("CROWDCHARGE_MAIN"))
except (Exception, KeyboardInterrupt) as _error:
    sys.print_exception(_error)
