# SPDX-License-Identifier: MIT
"""What every board knows of transfers between boards; peer_meeting.py is for members of a crowd.

A host goes before a board: while a host has a session here, no meeting begins, and the grant of a
host ends a transfer between boards.
"""

from wptcore import ept
from wptcore.checks import FLOW_mW
from wptcore.consent import Consent
from wptcore.owner import Owned


class PeerBoard(Owned):
    """Comes between owner.Owned and board.Board, which makes their parts."""

    def __init__(
        self, board_id, key, limits, roles, saved, sha256, features, peers, consent: tuple
    ):
        super().__init__(board_id, key, limits, roles, saved, sha256, features)
        self._peers = peers
        self.consent = Consent(consent[0], consent[1], saved.given_mJ, saved.given_age_s)
        self.is_held = bool(saved.hold)

    @property
    def ended_by(self) -> int:
        return self._ended_by

    # -- authenticated commands of a host --

    def collected(self, transfer_id: int) -> int:
        """Note that the receipt of a transfer is in a ledger."""
        self._receipts.release(transfer_id)
        self._store.due = True
        return ept.NONE

    def _compare(self, running, peer_power_mW: int) -> None:
        """Compare both ends of a transfer: foreign objects, a missing receiver, a dull sensor."""
        judged = running.by_peer or not self._fod.is_calibrated
        if running.by_peer:  # the rig's curve is of another pair of coils
            if self._peers.is_implausible(running.power_mW, peer_power_mW):
                self._end(ept.PEER_LOST)
        elif self._fod.compare(running.power_mW, peer_power_mW):
            self._diagnosis.trip(ept.FOREIGN_OBJECT)
        judged = judged or self._fod.judged
        lost_mJ = running.answered(peer_power_mW, judged, FLOW_mW)
        dull = self._warming.lose(lost_mJ, self._coil_dC)
        if dull:
            self._diagnosis.observe(ept.THERMISTOR_DULL, dull > 0, 0)
        self._supervise()
