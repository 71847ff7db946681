# SPDX-License-Identifier: MIT
# ruff: noqa: BLE001, E402, PTH123 - a boot loader: it reports whatever main.py raises
"""A board's boot loader, run by `micropython -i`: then come boot.py, main.py and the REPL.

The bench's modules are imported before the board's own file system is mounted over the root, so
that they leave no trace in it.
"""

import os as _os
import sys as _sys

_sys.path.append(_os.getenv("CROWDCHARGE_MODELS"))
for _name in _os.getenv("CROWDCHARGE_MODULES").split():
    __import__(_name)
for _name in ("ina219", "ina228", "noise"):  # models of chips: a board has no such modules
    _sys.modules.pop(_name, None)
from _hardware import tell as _tell

_storage, _path = _os.getenv("CROWDCHARGE_STORAGE").split(":", 1)
if _storage == "littlefs":
    import _flash
import vfs as _vfs

_sys.path[:] = ["", ".frozen", "/lib"]


_main = {"__name__": "__main__"}


def _mount():
    if _storage == "littlefs":
        _flash.mount(_path)
    else:
        _vfs.umount("/")
        _vfs.mount(_vfs.VfsPosix(_path), "/")
        _os.chdir("/")


def _main_name():
    """Return what the board starts: after some resets CircuitPython starts in safe mode."""
    supervisor = _sys.modules.get("supervisor")
    if supervisor and supervisor.runtime.safe_mode_reason != supervisor.SafeModeReason.NONE:
        return "safemode.py"
    return _os.getenv("CROWDCHARGE_MAIN")


def _run(name):
    try:
        with open(name) as file:
            code = compile(file.read(), name, "exec")
    except OSError:
        return
    exec(code, _main)


def _ended(error):
    """Tell the chip: some ports of CircuitPython stop the watchdog with the program."""
    chip = _sys.modules.get("microcontroller")
    if chip:
        chip.watchdog._program_has_ended(isinstance(error, Exception))


_mount()
_tell("B")  # from now on Ctrl-C is safe
try:
    _run("boot.py")
    if _os.getenv("CROWDCHARGE_RUN_MAIN") == "1":
        _run(_main_name())
    _ended(None)
except (Exception, KeyboardInterrupt) as _error:
    _ended(_error)
    _sys.print_exception(_error)
globals().update(_main)  # the REPL sees main.py's names
