# SPDX-License-Identifier: MIT
"""What a member of a crowd asks its own board: may it give, may it take, how does it run.

These are no methods of Board, so that boards without a crowd save their memory.
"""

from wptcore import ept, wire
from wptcore.consent import CROWD, FRIENDS
from wptcore.fod import UNCALIBRATED_MAX_mW
from wptcore.running import Running

_FULL_permille = 980


def wanted_mJ(board) -> int:
    return board.consent.wants_mJ(board.stored_mJ, board._limits.capacity_mJ)


def giving_refusal(board, askers: int, crowd: int, flags: int = wire.GRANTED_BY_PEER) -> int:
    """Return why no other board gets anything now, or NONE; `askers`: see PeerDesk.askers."""
    return board.consent.refusal(askers, crowd) or _meeting_refusal(board, wire.PTX, flags)


def may_call(board, membership) -> bool:
    """May the board offer itself to a member that has to be called (peer_caller)?

    As if its button were pressed: an owner is asked when another board asks, and not before.
    """
    if not membership.keys or not board.consent.gives_to & (CROWD | FRIENDS):
        return False
    flags = wire.GRANTED_BY_PEER | wire.GRANTED_BY_PRESS
    return _meeting_refusal(board, wire.PTX, flags) == ept.NONE


def taking_refusal(board) -> int:
    """Return why the board asks nobody now, or NONE."""
    if board.soc_permille >= _FULL_permille or not wanted_mJ(board):
        return ept.CHARGE_COMPLETE
    return _meeting_refusal(board, wire.PRX, wire.GRANTED_BY_PEER)


def is_granted_by(board, link, transfer_id: int) -> bool:
    """Tell whether it runs by the grant of the board at this link; others may have its number."""
    running = board._running
    if running is None or running.transfer_id != transfer_id or not running.by_peer:
        return False
    return (link.crowd, link.peer) == (running.crowd, running.granter)


def power_mW_of(board, transfer_id: int) -> int:
    """Return the power that the running transfer has, or -1 when it runs no more."""
    running = board._running
    if running is None or running.transfer_id != transfer_id:
        return -1
    return running.power_mW


def was_in_vain(board) -> bool:
    """Tell whether no power flowed in the newest transfer."""
    return board._newest is not None and not board._newest.has_flowed


def _meeting_refusal(board, role: int, flags: int) -> int:
    if board.is_held:
        return ept.HELD
    if board._commands.host_present:
        return ept.HOST_PRESENT
    if board._receipts.full:
        return ept.RECEIPTS_FULL
    return board._refusal(_probe(role, flags))


def power_max_mW(board, role: int, flags: int, peer: int) -> int:
    """Return the most that may flow to or from another board now.

    `flags`: those of the grant. More than UNCALIBRATED_MAX_mW takes members with a curve of this
    pair on the giver, and somebody near both.
    """
    wanted = _probe(role, flags, peer, board._limits.power_max_mW)
    unjudged = role == wire.PTX and not board._fod.allows(wanted)
    if wanted.by_press or unjudged or board._power_ends(wanted):
        return min(UNCALIBRATED_MAX_mW, board._limits.power_max_mW)
    return board._limits.power_max_mW


def _probe(role: int, flags: int, peer: int = 0, power_mW: int = UNCALIBRATED_MAX_mW) -> Running:
    """Return a transfer as another board would ask for, only to be judged."""
    grant = (1, role, peer, 0, peer, power_mW, 1, 1, 0, 1, flags)
    return Running(grant, 0, 0)
