# SPDX-License-Identifier: MIT
# ruff: noqa: PTH102, PTH104, PTH116, PTH123, SIM115 - the dialect is MicroPython's
"""The board's flash chip: a littlefs2 image in a file, with a supply that may fail in a write.

Before every program and erase the hub says how many bytes of it the supply still allows. On the
first boot the chip is formatted and the firmware copied onto it, which stands for flashing.
"""

import os
import struct

import vfs
from _hardware import call

_BLOCK = 4096
_BLOCKS = 256


class _Chip:
    def __init__(self, path):
        self._file = open(path, "r+b")

    def readblocks(self, block, buf, offset=0):
        self._file.seek(block * _BLOCK + offset)
        self._file.readinto(buf)

    def writeblocks(self, block, buf, offset=0):
        self._write(block * _BLOCK + offset, buf, b"w")

    def ioctl(self, op, arg):
        if op == 4:
            return _BLOCKS
        if op == 5:
            return _BLOCK
        if op == 6:
            self._write(arg * _BLOCK, b"\xff" * _BLOCK, b"e")
        return 0

    def _write(self, at, buf, kind):
        allowed = struct.unpack("<I", call("p", kind + struct.pack("<I", len(buf))))[0]
        self._file.seek(at)
        self._file.write(memoryview(buf)[:allowed])
        if allowed < len(buf):
            call("P")  # the supply has failed


def mount(paths):
    """Mounts `paths`, "image:folder"; an empty image is first filled from the folder."""
    image, folder = paths.split(":")
    if os.stat(image)[6] == 0:
        _flash(image, folder)
    chip = _Chip(image)
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(chip), "/")
    os.chdir("/")


def _flash(image, folder):
    """Fill a new image, then rename it: a reset leaves an empty chip, not half a firmware."""
    new = image + ".new"
    open(new, "wb").close()
    chip = _Chip(new)
    vfs.VfsLfs2.mkfs(chip)
    vfs.mount(vfs.VfsLfs2(chip), "/.flashing")
    _copy(folder, "/.flashing")
    vfs.umount("/.flashing")
    os.rename(new, image)


def _copy(source, target):
    for name, kind, *_ in os.ilistdir(source):
        from_path, to_path = "%s/%s" % (source, name), "%s/%s" % (target, name)
        if kind == 0x4000:
            os.mkdir(to_path)
            _copy(from_path, to_path)
        else:
            with open(from_path, "rb") as file, open(to_path, "wb") as copy:
                copy.write(file.read())
