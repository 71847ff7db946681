# SPDX-License-Identifier: MIT
"""Keeps what the periphery raises out of the loop: it is counted, and the pass goes on."""


class Guard:
    """`drops`: how often calls into a part of the board have failed, by the part's name."""

    def __init__(self):
        self.drops = {}

    def drop(self, part: str) -> None:
        """Count; a count for which there is no memory is not worth the loop."""
        try:
            self.drops[part] = self.drops.get(part, 0) + 1
        except MemoryError:
            pass

    def attempt(self, part: str, call, *arguments) -> bool:
        """Call, and return whether the call came back without an exception.

        Drivers and stacks raise OSError, RuntimeError, ValueError, MemoryError and errors of their
        own, and none of these is a reason to leave a coil without its loop.
        """
        try:
            call(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever a part raises, the loop goes on
            self.drop(part)
            if isinstance(error, MemoryError):
                self.drop("memory")
            return False
        return True
