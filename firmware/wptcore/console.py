# SPDX-License-Identifier: MIT
"""The serial console, sans-IO: bytes in, lines out. docs/reference/console.md is its reference.

A machine sends `wpt1 ID COMMAND ARGUMENTS *CRC` and gets `wpt1 ID ok KEY=VALUE... *CRC`, or `err`
with a word and a sentence, or `data` lines before the `ok`. A person types `COMMAND ARGUMENTS`.
CRC: CRC-32 of all before ` *`, 8 hexadecimal digits. Anything else is noise, which gets one line
of answer or none; the next line end puts both sides in step again.
"""

from wptcore.compat import const

VERSION = const(1)
LINE_MAX = const(200)

_MARK = "wpt%d" % VERSION
_OUT_MAX = const(40)  # lines; help is the longest answer
_NOT_HEARD = "0"  # the id of answers to lines whose id cannot be trusted
_BACKSPACES = b"\x08\x7f"
_ENDS = b"\r\n"


def frame(text: str, crc32) -> bytes:
    """Return a line with its checksum, for either direction; `crc32` is `binascii.crc32`."""
    return b"%s *%08x\r\n" % (text.encode(), crc32(text.encode()) & 0xFFFFFFFF)


def unframe(line: str, crc32) -> str:
    """Return what a line says; ValueError when it is not whole."""
    star = line.rfind(" *")
    text = line[:star]
    if star < 0 or line[star + 2 :] != "%08x" % (crc32(text.encode()) & 0xFFFFFFFF):
        raise ValueError("garbled: the line's checksum is wrong")
    return text


class Console:
    """`commands`: console_commands.ConsoleCommands."""

    def __init__(self, commands, crc32):
        self._commands = commands
        self._crc32 = crc32
        self._line = bytearray(LINE_MAX)
        self._length = 0
        self._too_long = False
        self._out = []
        self._asker = ""  # the id of the request that a stream answers; "": a person asked

    def feed(self, data: bytes) -> None:
        """Take bytes as they came over the wire."""
        for byte in data:
            if byte in _ENDS:
                self._end_line()
            elif byte in _BACKSPACES:
                self._length = max(self._length - 1, 0)
            elif self._length == LINE_MAX:
                self._too_long = True
            elif 0x20 <= byte <= 0x7E:
                self._line[self._length] = byte
                self._length += 1

    def step(self) -> None:
        """Send the next line of a running stream; called once each pass of the loop."""
        if not self._commands.streaming or self._out:
            return
        try:
            pairs = self._commands.next_of_stream()
            self._answer(self._asker, "data" if self._commands.streaming else "ok", pairs)
        except (ValueError, OSError, MemoryError) as error:
            self._fail(self._asker, error)

    def pop_line(self):
        """Return the next line to send, or None."""
        return self._out.pop(0) if self._out else None

    def announce(self, pairs) -> None:
        """Say once after boot that no answer to an earlier request will come."""
        self._answer(_NOT_HEARD, "boot", pairs)

    def _end_line(self) -> None:
        text = bytes(memoryview(self._line)[: self._length]).decode().strip()
        too_long = self._too_long
        self._length = 0
        self._too_long = False
        if too_long:
            self._fail(_NOT_HEARD if text.startswith("wpt") else "", ValueError("long: line"))
        elif text.startswith("wpt"):
            self._run_machine_line(text)
        elif text:
            self._run("", text.split())

    def _run_machine_line(self, text: str) -> None:
        try:
            words = _addressed(unframe(text, self._crc32).split())
        except ValueError as error:
            self._fail(_NOT_HEARD, error)
            return
        self._run(words[1], words[2:])

    def _run(self, asker: str, words: list) -> None:
        try:
            pairs = self._commands.run(words[0], words[1:])
            if self._commands.streaming:
                self._asker = asker
            else:
                self._answer(asker, "ok", pairs)
        except (ValueError, OSError, MemoryError) as error:
            self._fail(asker, error)

    def _answer(self, asker: str, status: str, pairs) -> None:
        if asker:
            told = " ".join([status] + ["%s=%s" % pair for pair in _without_spaces(pairs)])
            self._put(frame("%s %s %s" % (_MARK, asker, told), self._crc32))
            return
        for key, value in pairs:
            self._put(b"%s  %s\r\n" % (key.encode(), str(value).encode()))
        if status == "ok":
            self._put(b"ok\r\n")

    def _fail(self, asker: str, error) -> None:
        """Answer with the error, which reads "word: sentence"; never repeat the line itself."""
        if isinstance(error, MemoryError):
            word, text = "memory", "the board has no room for that now"
        elif isinstance(error, OSError):
            word, text = "storage", "the board's flash or bus failed"
        else:
            word, colon, text = str(error).partition(": ")
            if not colon:
                word, text = "usage", "arguments are not understood; type help"
        if asker:
            self._put(frame("%s %s err %s %s" % (_MARK, asker, word, text), self._crc32))
        else:
            self._put(b"error: %s: %s\r\n" % (word.encode(), text.encode()))

    def _put(self, line: bytes) -> None:
        if len(self._out) < _OUT_MAX:
            self._out.append(line)


def _addressed(words: list) -> list:
    """Return the words of a line of a machine; ValueError unless complete and of this version."""
    if words[0] != _MARK:
        raise ValueError("version: this board speaks %s" % _MARK)
    if len(words) < 3:
        raise ValueError("garbled: no id or no command")
    return words


def _without_spaces(pairs):
    return [(key.replace(" ", "_"), str(value).replace(" ", "_")) for key, value in pairs]
