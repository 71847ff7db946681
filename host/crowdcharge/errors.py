# SPDX-License-Identifier: MIT
"""Every error that crosses a module's border.

WptError                    exit code 1: the work failed
    InputError              exit code 2: an argument or a file that the user gave
        SiteTaken           another service writes to this site's ledger
        NotNow              exit code 1: time may mend it, so a service tries again
    RadioError
        NoAdapter
        BoardUnreachable
        AckTimeout
    ProtocolError
        LocalProtocolError  we asked for something illegal
        RemoteProtocolError the peer sent something illegal
    GrantRefused
    LedgerError
        LedgerAway          its database does not answer, or not yet; the rows wait where they are
    MarketVoidError         no price was found: nobody trades
    LineError               a serial port, or what is at its other end
        NoAnswer
    CommandRefused          a board's console said no
    FlashError
    BenchError
"""

import errno

from crowdcharge.escaping import plain

# What no change of an argument mends: a full disk, a failing one, nothing left to open or to use.
OF_THE_MACHINE = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
)


class WptError(Exception):
    """Base: its text is the one line that the user reads, whatever of a file it quotes."""

    exit_code = 1

    def __str__(self) -> str:
        return plain(super().__str__())


class InputError(WptError):
    """`place`: keys and positions of what is wrong in its document, from which a line is found."""

    exit_code = 2

    def __init__(self, text: str = "", place: tuple[str | int, ...] = ()) -> None:
        super().__init__(text)
        self.place = place


class SiteTaken(InputError):
    """`holder`: the session that holds the site, and when it was last heard."""

    def __init__(self, text: str, holder: object) -> None:
        super().__init__(text)
        self.holder = holder


class NotNow(InputError):
    exit_code = 1


class RadioError(WptError):
    pass


class NoAdapter(RadioError):
    pass


class BoardUnreachable(RadioError):
    def __init__(self, board_id: int, reason: str) -> None:
        super().__init__(f"board {board_id} is unreachable: {reason}")
        self.board_id = board_id


class AckTimeout(RadioError):
    def __init__(self, board_id: int, what: str, timeout_s: float) -> None:
        super().__init__(f"board {board_id} did not answer {what} within {timeout_s:g} s")
        self.board_id = board_id


class ProtocolError(WptError):
    pass


class LocalProtocolError(ProtocolError):
    pass


class RemoteProtocolError(ProtocolError):
    pass


class GrantRefused(WptError):
    """`code` is an EPT or refusal code of wptcore.ept."""

    def __init__(self, board_id: int, code: int, name: str) -> None:
        super().__init__(f"board {board_id} refused: {name} (0x{code:02X})")
        self.board_id = board_id
        self.code = code


class LedgerError(WptError):
    pass


class LedgerAway(LedgerError):
    pass


class MarketVoidError(WptError):
    """The run ended without a price: nobody trades, and what was answered stays shut."""


class LineError(WptError):
    pass


class NoAnswer(LineError):
    """`heard`: something came, but no answer; `at_prompt`: MicroPython's prompt was in it;
    `half_flashed`: the board said so.
    """

    def __init__(
        self, text: str, heard: bool = False, at_prompt: bool = False, half_flashed: bool = False
    ) -> None:
        super().__init__(text)
        self.heard = heard
        self.at_prompt = at_prompt
        self.half_flashed = half_flashed


class CommandRefused(WptError):
    """`word`: what kind of refusal, as docs/reference/console.md lists them."""

    def __init__(self, port: str, word: str, text: str = "") -> None:
        super().__init__(f"{port}: the board refused: {text or word}")
        self.word = word


class FlashError(WptError):
    pass


class BenchError(WptError):
    pass
