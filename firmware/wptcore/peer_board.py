# SPDX-License-Identifier: MIT
"""What a board says about meetings with other boards: may it give, may it take, how does it run.

A host goes before a board: while a host has a session here, no meeting begins, and the grant of a
host ends a transfer between boards.
"""

from wptcore import ept, wire
from wptcore.checks import FLOW_mW
from wptcore.consent import Consent
from wptcore.owner import Owned
from wptcore.running import Running

_PROBE_mW = 1000
_FULL_permille = 980


class PeerBoard(Owned):
    """Comes between owner.Owned and board.Board, which makes their parts."""

    def __init__(
        self, board_id, key, limits, roles, saved, sha256, features, peers, consent: tuple
    ):
        super().__init__(board_id, key, limits, roles, saved, sha256, features)
        self._peers = peers
        self.consent = Consent(consent[0], consent[1], saved.given_mJ, saved.given_age_s)
        self.is_held = bool(saved.hold)

    # -- what peer_desk.PeerDesk and peer_taker.PeerTaker ask --

    @property
    def capacity_mJ(self) -> int:
        return self._limits.capacity_mJ

    @property
    def stored_mJ(self) -> int:
        """Charge as energy; 0 while it is unknown."""
        if self.soc_permille > 1000:
            return 0
        return self._limits.capacity_mJ // 1000 * self.soc_permille

    @property
    def ended_by(self) -> int:
        return self._ended_by

    def giving_refusal(self, asker: int, transfer_id: int = 0) -> int:
        """Why no other board gets anything now, or NONE; `asker`: consent.CROWD or AGREED.

        A grant that is repeated for the transfer that runs is no new one.
        """
        if self.is_granted_by(-1, transfer_id):
            return ept.NONE
        return self.consent.refusal(asker) or self._meeting_refusal(wire.PTX)

    def taking_refusal(self) -> int:
        """Why the board asks nobody now, or NONE."""
        if self.soc_permille >= _FULL_permille:
            return ept.CHARGE_COMPLETE
        return self._meeting_refusal(wire.PRX)

    def is_granted_by(self, peer: int, transfer_id: int) -> bool:
        """Do this transfer run by the grant of this board? -1: of any board."""
        running = self._running
        if running is None or running.transfer_id != transfer_id or not running.by_peer:
            return False
        return peer == running.granter or peer == -1

    def power_of(self, transfer_id: int) -> int:
        """Return the power that the running transfer has, or -1 when it runs no more."""
        running = self._running
        if running is None or running.transfer_id != transfer_id:
            return -1
        return running.power_mW

    def _meeting_refusal(self, role: int) -> int:
        if self.is_held:
            return ept.HELD
        if self._commands.host_present:
            return ept.HOST_PRESENT
        if self._receipts.full:
            return ept.RECEIPTS_FULL
        return self._refusal(_probe(role))

    # -- authenticated commands of a host --

    def set_hold(self, held: bool) -> int:
        """End and forbid transfers between boards, or allow them again; outlasts a reboot."""
        self.is_held = held
        self._store.due = True
        if held and self._running is not None and self._running.by_peer:
            self._end(ept.STOPPED)
        return ept.NONE

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


def _probe(role: int) -> Running:
    """Return a transfer as another board would ask for, only to be judged."""
    grant = (1, role, 0, 0, 0, _PROBE_mW, 1, 1, 0, 1, wire.GRANTED_BY_PEER)
    return Running(grant, 0, 0)
