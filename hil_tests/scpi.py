# SPDX-License-Identifier: MIT
"""Bench supply and electronic load over SCPI (pyvisa), to set a current and to measure it.

Only commands of SCPI-99 that common instruments share are used. After every setting the error
queue is read, so that an unknown command is reported.
"""

from types import TracebackType
from typing import Any, Self

from hil_tests.benchfile import Scpi

_TIMEOUT_ms = 3000
_NO_ERROR = "0"


class ScpiError(Exception):
    """An instrument's error, in one line with its name."""


class Instrument:
    """A VISA instrument, a context manager; `library` is "@py", or a file and "@sim"."""

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
        """Send commands. ScpiError: the instrument's error queue is not empty afterwards."""
        for command in commands:
            self._resource.write(command)
        error = self.ask("SYST:ERR?")
        if error.split(",")[0].lstrip("+") != _NO_ERROR:
            raise ScpiError(f"{self._what}: {' '.join(commands)}: {error}")


class Supply(Instrument):
    """A supply whose current limit protects what is connected to it."""

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
