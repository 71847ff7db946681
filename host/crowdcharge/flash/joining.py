# SPDX-License-Identifier: MIT
"""A crowd's keys and the owner's consent, over the cable; the owner's hold, by radio."""

from typing import Any

from crowdcharge.boards.crowd_file import Crowd
from crowdcharge.errors import InputError, LineError
from crowdcharge.flash.by_radio import linked, obeyed
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.radio.base import Radio
from wptcore import wire


def board_on(line: SerialLine) -> int:
    """Return the number of the board; InputError if it has none yet."""
    line.hello()
    board_id = int(line.ask("identity")["board_id"])
    if not board_id:
        raise InputError(f"{line.port}: the board has no number: provision it first")
    return board_id


def join(line: SerialLine, board_id: int, crowd: Crowd) -> None:
    """Make the board a member and give it the keys to all others."""
    written = crowd.membership(board_id)
    peers = written["peers"]
    assert isinstance(peers, dict)
    with line.maintenance():
        line.ask("crowd", written["id"], written["root"], written["policy"])
        for peer, key in peers.items():
            line.ask("peer", peer, key)
        line.ask("alias", written["alias"])
        line.ask("agreed", _agreed_words(written) or "nobody")
        found = line.ask("identity")
    if (found["crowd"], found["crowd_peers"]) != (str(crowd.id), str(len(peers))):
        raise LineError(f"{line.port}: the board did not keep its keys: join again")


def _agreed_words(written: dict[str, Any]) -> str:
    """Return whom others' boards ask as the console takes it: CROWD or CROWD:mJ, with commas."""
    quotas = {crowd: f":{quota_mJ}" for crowd, quota_mJ in written["quotas"].items()}
    return ",".join(f"{crowd}{quotas.get(str(crowd), '')}" for crowd in written["agreed"])


def leave(line: SerialLine) -> None:
    with line.maintenance():
        line.ask("crowd", 0, "-", "-")


def consent(line: SerialLine, whom: str, day_mJ: int) -> None:
    with line.maintenance():
        line.ask("consent", whom, day_mJ)


async def hold(radio: Radio, board_id: int, key: bytes, held: bool) -> None:
    """End and forbid the board's transfers with other boards, or allow them again."""
    async with linked(radio, board_id, key) as link:
        await obeyed(link, wire.CONFIGURE, wire.CONFIGURE_HOLD, int(held))
