# SPDX-License-Identifier: MIT
"""The console's commands for what its owner lets a board do; loaded when one is typed."""

from wptcore import auth, ept, way_out, wire
from wptcore.compat import const
from wptcore.console_commands import check_count
from wptcore.peer_policy import POLICIES

_U32_MAX = const(0xFFFFFFFF)
_PEERS_MAX = const(64)
_QUOTAS_MAX = const(8)  # quotas.QUOTAS_MAX
_WHOM = ("host", "crowd", "agreed", "strangers")


def run(stored: dict, command: str, arguments: list):
    """Return what to store under which name (None: drop it), and the answer."""
    call, name, count = _COMMANDS[command]
    check_count(command, arguments, count)
    changed = call(stored, *arguments)
    if command in _KEYS:
        return name, changed, ((command, "none" if changed is None else "stored"),)
    if command == "peer":
        return name, changed, (("crowd_peers", len(changed["peers"])),)
    return name, changed, ((command, arguments[0]),)


def bring(board, text: str):
    """Hand the board what its owner has signed, as by radio; return the answer."""
    try:
        signed = bytes.fromhex(text)
    except ValueError:
        signed = b""
    answer = board.take_mandate(signed)
    if answer in (ept.NO_OWNER, ept.BAD_TAG, ept.OLD_MANDATE):
        raise ValueError("mandate: refused with %s" % way_out.name_of(answer))
    return (("mandate", answer[1]), ("proof", answer[2].hex()))


def describe(stored: dict, sha256, fingerprint) -> list:
    """Return what `identity` shows of it, without a key."""
    crowd, consented = stored.get("crowd", {}), stored.get("consent", {"to": ["host"]})
    return [
        ("crowd", crowd.get("id", 0)),
        ("crowd_root", fingerprint(sha256, bytes.fromhex(crowd.get("root", "")))),
        ("crowd_peers", len(crowd.get("peers", ()))),
        ("consent", ",".join(consented["to"]) or "nobody"),
        ("consent_day_mJ", consented.get("day_mJ", 0)),
        ("owner", fingerprint(sha256, bytes.fromhex(stored.get("owner_key", "")))),
        ("airfuel", "on" if stored.get("airfuel") else "off"),
    ]


def join(stored: dict, crowd_id: str, root: str, policy: str):
    """Return the new `crowd` of an identity, without any peer; None: it leaves its crowd."""
    number = _number(crowd_id, 0, _U32_MAX)
    if not number:
        return None
    if policy not in POLICIES:
        raise ValueError("range: the policy must be one of %s" % ", ".join(POLICIES))
    before = stored.get("crowd", {})
    return {
        "id": number,
        "root": _key(root),
        "policy": policy,
        "peers": {},
        "agreed": list(before.get("agreed", ())),
        "quotas": before.get("quotas", {}),
    }


def add_peer(stored: dict, board_id: str, key: str) -> dict:
    """Return the `crowd` with the key to one more member."""
    crowd = _crowd(stored)
    peers = dict(crowd.get("peers", {}))
    peers[str(_number(board_id, 1, wire.BOARD_ID_MAX))] = _key(key)
    if len(peers) > _PEERS_MAX:
        raise ValueError("range: a board keeps the keys to at most %d others" % _PEERS_MAX)
    crowd["peers"] = peers
    return crowd


def know(stored: dict, key: str) -> dict:
    """Return the `crowd` with the key to its members' aliases."""
    crowd = _crowd(stored)
    crowd["alias"] = _key(key)
    return crowd


def agree(stored: dict, crowd_ids: str) -> dict:
    """Return the `crowd` that lets members of these other crowds ask, `CROWD` or `CROWD:mJ`."""
    crowd = _crowd(stored)
    names = () if crowd_ids == "nobody" else crowd_ids.split(",")
    crowd["agreed"] = []
    crowd["quotas"] = {}
    for name in names:
        number, colon, day_mJ = name.partition(":")
        crowd["agreed"].append(_number(number, 1, _U32_MAX))
        if colon:
            crowd["quotas"][str(int(number))] = _number(day_mJ, 1, _U32_MAX)
    if len(crowd["quotas"]) > _QUOTAS_MAX:
        raise ValueError("range: at most %d crowds have a quota" % _QUOTAS_MAX)
    return crowd


def own(_stored: dict, key: str):
    """Return the key that the board shares with its owner; None: with nobody any more."""
    return None if key == "nobody" else _key(key)


def consent(stored: dict, whom: str, day_mJ: str) -> dict:
    """Return the `consent` of an identity."""
    if "owner_key" in stored:
        raise ValueError("owner: its owner signs what it gives; first: owner nobody")
    names = () if whom == "nobody" else whom.split(",")
    for name in names:
        if name not in _WHOM:
            raise ValueError("range: nobody, or of %s" % ",".join(_WHOM))
    return {"to": list(names), "day_mJ": _number(day_mJ, 0, _U32_MAX)}


def airfuel(_stored: dict, state: str):
    """Return whether transmitters of AirFuel's profile may read the board; None: not."""
    if state not in ("on", "off"):
        raise ValueError("range: on or off")
    return True if state == "on" else None


def _crowd(stored: dict) -> dict:
    if "crowd" not in stored:
        raise ValueError("crowd: it belongs to none; first: crowd ID ROOT POLICY")
    return dict(stored["crowd"])


def _key(text: str) -> str:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != auth.KEY_SIZE:
        raise ValueError("range: a key has 64 hexadecimal digits")
    return text


def _number(text: str, least: int, most: int) -> int:
    if not text.isdigit() or not least <= int(text) <= most:
        raise ValueError("range: %s is not a number from %d to %d" % (text, least, most))
    return int(text)


_COMMANDS = {  # command: (function, the name that it stores, number of arguments)
    "crowd": (join, "crowd", 3),
    "peer": (add_peer, "crowd", 2),
    "agreed": (agree, "crowd", 1),
    "consent": (consent, "consent", 2),
    "owner": (own, "owner_key", 1),
    "alias": (know, "crowd", 1),
    "airfuel": (airfuel, "airfuel", 1),
}
_KEYS = ("owner", "alias")  # commands whose argument is never shown
