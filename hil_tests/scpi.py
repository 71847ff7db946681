# SPDX-License-Identifier: MIT
"""Bench supply and electronic load over SCPI (pyvisa): what sets a current, and what measures it.

Only commands of SCPI-99 that common instruments share are used. Every setting asks for the
instrument's error queue, so a command that it does not know is an error and not a guess.
"""

from types import TracebackType
from typing import Any, Self

from hil_tests.benchfile import Scpi

_TIMEOUT_ms = 3000
_NO_ERROR = "0"


class ScpiError(Exception):
    """One line: which instrument, and what it said."""


class Instrument:
    """Use as a context manager, or `close` it. `library` "@py", or a file and "@sim"."""

    def __init__(self, what: str, where: Scpi) -> None:
        import pyvisa

        self._what, self._where = what, where
        try:
            self._manager = pyvisa.ResourceManager(where.library)
            self._resource: Any = self._manager.open_resource(
                where.resource, read_termination="\n", write_termination="\n"
            )
            self._resource.timeout = _TIMEOUT_ms
            self.identity = self.ask("*IDN?")
        except (pyvisa.Error, OSError, ValueError) as error:
            raise ScpiError(f"{what} {where.resource} does not answer: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._resource.close()
        self._manager.close()

    def ask(self, question: str) -> str:
        answer: str = self._resource.query(question)
        return answer.strip()

    def number(self, question: str) -> float:
        answer = self.ask(question)
        try:
            return float(answer)
        except ValueError:
            raise ScpiError(f"{self._what}: {question} gave {answer!r}, no number") from None

    def tell(self, *commands: str) -> None:
        """ScpiError if the instrument's queue has an error afterwards."""
        for command in commands:
            self._resource.write(command)
        error = self.ask("SYST:ERR?")
        if error.split(",")[0].lstrip("+") != _NO_ERROR:
            raise ScpiError(f"{self._what}: {' '.join(commands)}: {error}")


class Supply(Instrument):
    """A source whose current limit protects what hangs on it."""

    def __init__(self, where: Scpi) -> None:
        super().__init__("supply", where)

    def on(self, voltage_V: float, current_max_A: float) -> None:
        self.tell(f"VOLT {voltage_V:.4f}", f"CURR {current_max_A:.4f}", "OUTP ON")

    def off(self) -> None:
        self.tell("OUTP OFF")

    def current_A(self) -> float:
        return self.number("MEAS:CURR?")


class Load(Instrument):
    """An electronic load in constant-current mode."""

    def __init__(self, where: Scpi) -> None:
        super().__init__("load", where)

    def draw(self, current_A: float) -> None:
        if current_A > 0:
            self.tell("FUNC CURR", f"CURR {current_A:.4f}", "INP ON")
        else:
            self.tell("INP OFF")

    def current_A(self) -> float:
        return self.number("MEAS:CURR?")
