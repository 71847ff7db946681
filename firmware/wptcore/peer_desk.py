# SPDX-License-Identifier: MIT
"""A giver's half of a meeting between two boards: who may ask, what is offered, what is refused.

The taker speaks the frames of a host over a session of its own (peer_taker.py), so the giver's
transfer runs as one of a host does: it lives only while the taker's authenticated reports come.
Board.coil_on stays the only permission.
"""

from wptcore import ept, peer_policy, wire
from wptcore.compat import const
from wptcore.consent import AGREED, CROWD, FRIENDS
from wptcore.peer_keys import pair_key
from wptcore.peer_keys import transfer_id as number_of
from wptcore.peer_meeting import giving_refusal, is_granted_by, power_max_mW

_LOSSES_MAX = const(3)
_LOSSES_WINDOW_ms = const(600_000)
_VAIN_MAX = const(6)  # a member that asks and lies elsewhere has the coil ping 30 s an hour
_VAIN_WINDOW_ms = const(3_600_000)
_EXCESS_mW = const(250)  # what two meters and a report's age may differ by
_EXCESSES_MAX = const(3)


class Membership:
    """The `crowd` of an identity, as `crowdcharge crowd` writes it; None: it is in no crowd.

    `keys`: (board, 32 bytes) of each member that this board may ask; `agreed`: other crowds whose
    members may ask this one; `alias`: the key to members' aliases.
    """

    def __init__(self, crowd: "dict | None"):
        crowd = crowd or {}
        self.crowd_id = crowd.get("id", 0)
        self.root = bytes.fromhex(crowd.get("root", ""))
        self.policy = crowd.get("policy", "oblivious-share")
        self.alias = bytes.fromhex(crowd.get("alias", ""))
        self.agreed = tuple(crowd.get("agreed", ()))
        peers = crowd.get("peers", {})
        self.keys = tuple((int(board), bytes.fromhex(peers[board])) for board in peers)

    def key_to(self, board_id: int) -> bytes:
        """Return the key with which this board asks another; empty for a stranger."""
        for member, key in self.keys:
            if member == board_id:
                return key
        return b""


class PeerDesk:
    """`membership`: Membership of this board."""

    press: object = None  # stranger_desk.StrangerDesk has a press.Press

    def __init__(self, membership: Membership, sha256):
        self.membership = membership
        self._sha256 = sha256
        self._policy = peer_policy.POLICIES[membership.policy]()
        self._losses_ms = []  # ages of the losses within the window
        self._vain = []  # (crowd, board, age) of each transfer in which no power flowed
        self._excesses = 0

    def elapse(self, dt_ms: int) -> None:
        if self._losses_ms:
            ages_ms = (age_ms + dt_ms for age_ms in self._losses_ms)
            self._losses_ms = [age_ms for age_ms in ages_ms if age_ms < _LOSSES_WINDOW_ms]
        if self._vain:
            older = ((crowd, who, age_ms + dt_ms) for crowd, who, age_ms in self._vain)
            self._vain = [each for each in older if each[2] < _VAIN_WINDOW_ms]

    def key_of(self, crowd_id: int, board_id: int) -> bytes:
        """Return the key of a board that says hello; empty if its crowd may not ask."""
        member = self.membership
        if crowd_id != member.crowd_id and crowd_id not in member.agreed:
            return b""
        return pair_key(self._sha256, member.root, crowd_id, board_id)

    def lost_too_often(self, running) -> bool:
        """Take a transfer that has ended; True for the third loss within ten minutes."""
        if running.by_peer and running.role == wire.PTX and not running.has_flowed:
            self._vain.append((running.crowd, running.peer, 0))
        if running.ended_by != ept.PEER_LOST:
            return False
        self._losses_ms.append(0)
        if len(self._losses_ms) < _LOSSES_MAX:
            return False
        self._losses_ms.clear()
        return True

    def is_implausible(self, sent_mW: int, received_mW: int) -> bool:
        """Tell whether the taker has reported, three times in a row, more than was sent."""
        self._excesses = self._excesses + 1 if received_mW > sent_mW + _EXCESS_mW else 0
        return self._excesses >= _EXCESSES_MAX

    # -- the frames of a peer's session: each returns a code or a whole reply --

    def carry_out(self, board, link, frame_type: int, fields: tuple):
        """`link`: links.Link of a peer that has said hello."""
        if frame_type == wire.PEER_HELLO:
            return ept.NONE
        if frame_type == wire.PEER_WISH:
            return self._offer(board, link, *fields)
        if frame_type == wire.GRANT:
            return self._grant(board, link, fields)
        if frame_type == wire.RENEW and is_granted_by(board, link, fields[0]):
            return board.renew(*fields)
        if frame_type == wire.STOP and is_granted_by(board, link, fields[0]):
            return board.stop(*fields)
        if frame_type in (wire.RENEW, wire.STOP):
            return ept.UNKNOWN_TRANSFER
        return ept.NOT_FOR_PEERS

    def hold(self, board, held: bool) -> int:
        """End and forbid transfers between boards, or allow them again; outlasts a reboot."""
        board.is_held = held
        board._store.due = True
        if held and board._running is not None and board._running.by_peer:
            board._end(ept.STOPPED)
        return ept.NONE

    def askers(self, board, link) -> int:
        """Return what the board at the other end is to this one: a mask of consent.CROWD etc."""
        if link.crowd != self.membership.crowd_id:
            return AGREED
        return CROWD | FRIENDS if board.consent.is_friend(link.peer) else CROWD

    def _offer(self, board, link, soc_permille: int, capacity_mJ: int, wish_mJ: int):
        code = self._refusal(board, link)
        energy_mJ = 0
        if code == ept.NONE and soc_permille <= 1000:
            other_mJ = min(capacity_mJ // 1000 * soc_permille, board._limits.capacity_mJ)
            if link.share_mJ < 0:
                link.share_mJ = self._policy.share_mJ(board.stored_mJ, other_mJ, capacity_mJ)
            energy_mJ = board.consent.bound_mJ(min(link.share_mJ, wish_mJ), link.crowd)
        if code == ept.NONE and not energy_mJ:
            code = ept.NOTHING_TO_GIVE
        link.offer_mJ = energy_mJ
        power_mW = power_max_mW(board, wire.PTX, self._flags(link), link.peer)
        return wire.PEER_OFFER, energy_mJ, power_mW, code

    def _grant(self, board, link, grant: tuple) -> int:
        """Take only what was offered to this very board, for itself, once."""
        transfer_id, role, peer, group, granter, power_mW, energy_mJ = grant[:7]
        if role != wire.PTX or peer != link.peer or granter != link.peer or group:
            return ept.NOT_FOR_PEERS
        if grant[10] != self._flags(link):
            return ept.NOT_FOR_PEERS
        if is_granted_by(board, link, transfer_id):
            return board.grant(grant)  # again, because its Ack was lost
        if power_mW > power_max_mW(board, wire.PTX, grant[10], link.peer):
            return ept.UNCALIBRATED
        if not 0 < energy_mJ == link.offer_mJ:
            return ept.OUT_OF_RANGE
        if transfer_id != number_of(self._sha256, link.pair_key, link.nonce):
            return ept.OUT_OF_RANGE
        code = self._refusal(board, link) or board.grant(grant)
        if code == ept.NONE:
            self._excesses = 0
            link.offer_mJ = 0
            if board._running is not None:
                board._running.crowd = link.crowd
        return code

    def _refusal(self, board, link) -> int:
        asker = link.crowd, link.peer  # each for itself, else one would use up what all have
        if sum(1 for each in self._vain if each[:2] == asker) >= _VAIN_MAX:
            return ept.NO_RESPONSE
        return giving_refusal(board, self.askers(board, link), link.crowd, self._flags(link))

    def _flags(self, _link) -> int:
        """Return the flags that a grant of this board must have."""
        return wire.GRANTED_BY_PEER
