# SPDX-License-Identifier: MIT
"""What a board gives to a stranger: one transfer after a press of both buttons.

A board whose owner has not consented to strangers takes no part in it, not even as a taker.
"""

from wptcore import ept, press, wire
from wptcore.consent import STRANGERS
from wptcore.peer_desk import PeerDesk
from wptcore.press import Press

NO_CROWD = 0  # the crowd that a stranger names when it says hello


class StrangerDesk(PeerDesk):
    def __init__(self, membership, sha256, random_bytes):
        super().__init__(membership, sha256)
        self.press = Press(sha256, random_bytes)

    def on_press(self, board) -> None:
        if board.consent.gives_to & STRANGERS and not board.is_running:
            self.press.open()

    def elapse(self, dt_ms: int) -> None:
        super().elapse(dt_ms)
        self.press.elapse(dt_ms)

    def take_key(self, board, other: int, public: bytes):
        """Take a stranger's public key; return ours, or why there is no agreement.

        Boards of the same number may not meet: their receipts could not be told apart.
        """
        if not 0 < other != board.board_id:
            return ept.NOT_FOR_PEERS
        code = self.press.agree(other, public, other, board.board_id)
        return code or (wire.STRANGER_PUBLIC, self.press.public)

    def key_of(self, crowd_id: int, board_id: int) -> bytes:
        if crowd_id != NO_CROWD:
            return super().key_of(crowd_id, board_id)
        return self.press.key if board_id == self.press.other else b""

    def askers(self, board, link) -> int:
        return STRANGERS if link.crowd == NO_CROWD else super().askers(board, link)

    def _refusal(self, board, link) -> int:
        agreed = self.press.key and self.press.key == link.pair_key
        if link.crowd == NO_CROWD and not agreed:
            return ept.NOT_PRESSED
        return super()._refusal(board, link)

    def _flags(self, link) -> int:
        more = wire.GRANTED_BY_PRESS if link.crowd == NO_CROWD else 0
        return super()._flags(link) | more

    def _grant(self, board, link, grant: tuple) -> int:
        """Grant a stranger once: with the key forgotten, its session gets no second grant."""
        if link.crowd == NO_CROWD and grant[7] > press.DURATION_MAX_ms:
            return ept.OUT_OF_RANGE
        code = super()._grant(board, link, grant)
        if link.crowd == NO_CROWD and code == ept.NONE:
            self.press.close()
        return code
