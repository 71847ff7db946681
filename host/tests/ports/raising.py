# SPDX-License-Identifier: MIT
"""An exception at any line: CPython's trace function raises it."""

import sys
from collections.abc import Collection


class Raise:
    """Raises `error` at the `number`-th line that runs in `files` while `armed`."""

    def __init__(self, number: int, error: BaseException, files: Collection[str]) -> None:
        self.left = number
        self._error = error
        self._files = files
        self.armed = False
        self.where = ""

    def __enter__(self):
        sys.settrace(self._call)
        return self

    def __exit__(self, *_):
        sys.settrace(None)

    def _call(self, frame, _event, _argument):
        return self._line if frame.f_code.co_filename in self._files else None

    def _line(self, frame, event, _argument):
        if self.armed and event == "line":
            self.left -= 1
            if self.left == 0:
                self.where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                raise self._error
        return self._line
