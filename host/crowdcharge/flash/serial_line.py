# SPDX-License-Identifier: MIT
"""The host's end of a board's serial console: requests, answers, and what can go wrong.

Every request has its own number, so late answers to older ones are ignored. Every command may be
repeated (docs/reference/console.md), so a request without an answer is sent again. The USB port
of a board disappears when it reboots, and is opened again when it is back.
"""

import re
import time
from binascii import crc32
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

import serial
from serial.tools import list_ports

from crowdcharge.errors import CommandRefused, InputError, LineError, NoAnswer
from wptcore.console import VERSION, frame, unframe

ANSWER_s = 1.5
TRIES = 3
REBOOT_s = 20.0
_BAUD = 115_200
_POLL_s = 0.05
_REOPEN_s = 0.1
_LOOK_s = 0.5
_PROMPTS_MAX = 2  # that many in a row: the firmware does not start
_HEARD_MAX = 4096
_TO_PROMPT, _SOFT_REBOOT = b"\x02", b"\x04"
_PROMPT = b">>> "
_ANSWER = re.compile(r"wpt(\d+) (\S+) (ok|err|data|boot)(?: (.*))?")

Pairs = dict[str, str]


class SerialLine:
    """A connection to the console: a context manager. `port` is a device name or path."""

    def __init__(self, port: str) -> None:
        self.port = port
        self._serial = _open(port)
        self._buffer = bytearray()
        self._heard = bytearray()  # since the request, for the error message
        self._number = int(time.monotonic() * 10) % 10_000  # differs from an earlier process's

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
        with suppress(OSError):
            self._serial.close()

    def ask(self, *words: object, timeout_s: float = ANSWER_s, tries: int = TRIES) -> Pairs:
        """Send a command and return the pairs of the answer.

        CommandRefused: the board refused it; NoAnswer, LineError: there was none.
        """
        self._heard.clear()
        for _ in range(tries):
            deadline_s = time.monotonic() + timeout_s
            number = self._send(words)
            while (answer := self._answer(number, deadline_s)) is not None:
                status, text = answer
                if status == "ok":
                    return _pairs(text)
                number = self._send(words)
        raise self._silence(timeout_s * tries)

    def stream(self, *words: object, timeout_s: float = ANSWER_s) -> Iterator[Pairs]:
        """Yield the `data` lines of one request as they come; the request is not repeated."""
        self._heard.clear()
        number = self._send(words)
        while (answer := self._answer(number, time.monotonic() + timeout_s)) is not None:
            status, text = answer
            if status == "ok":
                return
            if status == "again":
                raise LineError(f"{self.port}: the board rebooted in the middle of {words[0]}")
            yield _pairs(text)
        raise self._silence(timeout_s)

    def hello(self) -> Pairs:
        """Return the answer to `version`, after starting a board that waits at its prompt."""
        try:
            return self.ask("version", tries=2)
        except NoAnswer as error:
            if error.half_flashed or (error.heard and not error.at_prompt):
                raise
        self._write(_TO_PROMPT + _SOFT_REBOOT)
        deadline_s = time.monotonic() + REBOOT_s
        prompts = 0
        while True:
            try:
                return self.ask("version", timeout_s=_LOOK_s, tries=1)
            except NoAnswer as silence:
                prompts += silence.at_prompt
                too_late = prompts > _PROMPTS_MAX or time.monotonic() > deadline_s
                if silence.half_flashed or too_late:
                    raise

    def wait_for_prompt(self) -> None:
        """Wait for a board that has been reset to its prompt. LineError: it did not come."""
        deadline_s = time.monotonic() + REBOOT_s
        while True:
            try:
                self.ask("version", timeout_s=_LOOK_s, tries=1)
            except NoAnswer as silence:
                if silence.half_flashed or silence.at_prompt:
                    return
                if time.monotonic() > deadline_s:
                    raise

    def maintain(self, on: bool) -> bool:
        """Reboot the board into or out of maintenance; False if nothing had to change."""
        before = self.ask("status")
        if before["maintenance"] == str(int(on)):
            return False
        self.ask("maintenance", "on" if on else "off")
        self.rebooted(before["epoch"])
        return True

    @contextmanager
    def maintenance(self) -> Iterator[None]:
        """Keep the board in maintenance within the block; it leaves only what was entered here."""
        entered = self.maintain(True)
        try:
            yield
        finally:
            if entered:
                self.maintain(False)

    def rebooted(self, epoch: str) -> Pairs:
        """Wait for the reboot that ends `epoch`; return the new status."""
        deadline_s = time.monotonic() + REBOOT_s
        while True:
            time.sleep(_REOPEN_s)
            try:
                status = self.ask("status", timeout_s=_LOOK_s, tries=1)
            except NoAnswer:
                if time.monotonic() > deadline_s:
                    raise
                continue
            if status["epoch"] != epoch:
                return status
            if time.monotonic() > deadline_s:
                raise LineError(f"{self.port}: the board was to reboot and did not")

    # -- what goes out --

    def _send(self, words: tuple[object, ...]) -> str:
        self._number += 1
        text = " ".join(str(word) for word in (f"wpt{VERSION}", self._number, *words))
        self._write(b"\n" + frame(text, crc32))  # ends a line that noise has begun
        return str(self._number)

    def _write(self, data: bytes) -> None:
        try:
            self._serial.write(data)
        except serial.SerialTimeoutException:
            pass  # the missing answer reports it
        except OSError:
            self._open_again(time.monotonic() + REBOOT_s)

    # -- what comes in --

    def _answer(self, number: str, deadline_s: float) -> tuple[str, str] | None:
        """(status, text) of the next answer to `number`; None after the deadline.

        The status "again" means that the request must be sent again.
        """
        while (line := self._read_line(deadline_s)) is not None:
            try:
                match = _ANSWER.fullmatch(unframe(line, crc32))
            except ValueError:
                continue
            if match is None:
                continue
            version, answered, status, text = match.groups(default="")
            if int(version) != VERSION:
                raise LineError(
                    f"{self.port}: the board speaks console version {version}, this crowdcharge"
                    f" {VERSION}: update the older of them (crowdcharge flash updates the board)"
                )
            if status == "boot" or (answered, text.split()[:1]) == ("0", ["garbled"]):
                return "again", text
            if answered == number and status == "err":
                raise CommandRefused(self.port, *text.split(" ", 1))
            if answered == number:
                return status, text
        return None

    def _read_line(self, deadline_s: float) -> str | None:
        while (end := self._buffer.find(b"\n")) < 0:
            if time.monotonic() >= deadline_s:
                return None
            self._read(deadline_s)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.decode("ascii", "replace").strip()

    def _read(self, deadline_s: float) -> None:
        try:
            data = self._serial.read(max(self._serial.in_waiting, 1))
        except OSError:
            self._open_again(deadline_s)
            return
        self._buffer += data
        self._heard += data
        del self._heard[:-_HEARD_MAX]
        if len(self._buffer) > _HEARD_MAX:  # noise without a line end
            self._buffer.clear()

    def _open_again(self, deadline_s: float) -> None:
        """Reopen the port of a board that reboots and is off the bus for a moment."""
        self.close()
        while True:
            try:
                self._serial = _open(self.port)
            except (InputError, LineError):
                if time.monotonic() >= deadline_s:
                    raise LineError(
                        f"{self.port} went away and did not come back: plug the board in again"
                    ) from None
                time.sleep(_REOPEN_s)
            else:
                return

    def _silence(self, waited_s: float) -> NoAnswer:
        heard = bytes(self._heard).strip()
        at_prompt = _PROMPT.strip() in heard
        half_flashed = b"half-flashed" in heard
        if half_flashed:
            what = "the board was left half-flashed: run crowdcharge flash again"
        elif at_prompt:
            what = "MicroPython is there, but our firmware does not run: run crowdcharge flash"
        elif heard:
            shown = heard.decode("ascii", "replace").splitlines()[-1][:40]
            what = f"what answers is not our firmware (heard {shown!r}): is it the right port?"
        else:
            what = f"no answer within {waited_s:g} s: is it the right port, and the board on?"
        return NoAnswer(f"{self.port}: {what}", bool(heard), at_prompt, half_flashed)


def _pairs(text: str) -> Pairs:
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def _open(port: str) -> serial.Serial:
    try:
        return serial.Serial(port, _BAUD, timeout=_POLL_s, write_timeout=ANSWER_s, exclusive=True)
    except (OSError, ValueError) as error:
        text = str(error)
        if "lock" in text or "Errno 16" in text:  # EBUSY
            raise LineError(f"{port} is in use by another program: close it first") from None
        if "Errno 13" in text:  # EACCES
            raise LineError(f"no permission to open {port}: join the group dialout") from None
        seen = ", ".join(found.device for found in list_ports.comports()) or "none"
        raise InputError(f"cannot open the serial port {port} (there are: {seen})") from None
