# SPDX-License-Identifier: MIT
"""What `provision`, `configure`, `market` and `trust` store; loaded when one is typed."""

from wptcore import attendance, auth, wire
from wptcore.compat import const
from wptcore.console_commands import check_count, fingerprint, one_of, whole_number
from wptcore.floor import FLOOR_MAX_pct
from wptcore.limits import TIGHTER

_CAPACITY_MAX_mJ = const(1_000_000_000)
_LIMIT_MAX = const(100_000_000)
_MARKET = ("market", "market_secret", "market_key", "market_trusted")


def run(board, backend, sha256, command: str, arguments: list):
    """Return (what changes, by name; None: it is dropped) and the answer."""
    function, count = _COMMANDS[command]
    check_count(command, arguments, count)
    return function(board, backend, sha256, *arguments)


def provision(_board, _backend, sha256, board_id: str, key: str):
    number = whole_number(board_id, 1, wire.BOARD_ID_MAX)
    try:
        raw = bytes.fromhex(key)
    except ValueError:
        raw = b""
    if len(raw) != auth.KEY_SIZE:
        raise ValueError("range: a key has 64 hexadecimal digits")
    answer = (("board_id", number), ("key", fingerprint(sha256, raw)))
    return {"board_id": number, "key": key}, answer


def configure(board, backend, _sha256, item: str, value: str):
    one_of(item, ("capacity_mJ", "floor_pct", "attended_s", "profile"))
    answer = ((item, value),)
    if item == "floor_pct":  # the journal keeps it
        board.set_floor(whole_number(value, backend.limits.floor_pct, FLOOR_MAX_pct))
        return {}, answer
    if item == "capacity_mJ":
        return {item: whole_number(value, 1000, _CAPACITY_MAX_mJ)}, answer
    if item == "profile":
        return {item: _profile(value)}, answer
    if value == "always":
        return {item: attendance.ALWAYS_s}, answer
    return {item: whole_number(value, 1, attendance.WINDOW_MAX_s)}, answer


def _profile(text: str):
    """Read what a profile tightens, NAME=VALUE,...; None drops it."""
    if text == "none":
        return None
    found = {}
    for entry in text.split(","):
        name, _, value = entry.partition("=")
        one_of(name, tuple(TIGHTER))
        least = -_LIMIT_MAX if name.endswith("_dC") else 0
        most = FLOOR_MAX_pct if name == "floor_pct" else _LIMIT_MAX
        found[name] = whole_number(value, least, most)
    return found


def market(_board, backend, _sha256, a: str, b: str, keep: str, target: str):
    """Store the owner's terms; draw a secret, which never leaves the board.

    New terms keep the secret, so that partners still trust this board's key.
    """
    from wptcore import market_desk  # here, because a board without a market saves its memory

    if whole_number(a, 0, market_desk.A_MAX_u) == 0:
        return dict.fromkeys(_MARKET), (("market_key", "none"),)
    terms = (
        whole_number(a, market_desk.A_MIN_u, market_desk.A_MAX_u),
        whole_number(b, 1, market_desk.B_MAX_u),
        whole_number(keep, 0, 100),
        whole_number(target, 0, 100),
    )
    stored = backend.identity
    secret, key = stored.get("market_secret", ""), stored.get("market_key", "")
    if not key:
        secret, key = market_desk.new_keys(backend.random)
    changes = {"market": terms, "market_secret": secret, "market_key": key}
    return changes, (("market_key", key),)


def trust(_board, backend, _sha256, key: str):
    from wptcore import market_desk

    if key == "anybody":
        return {"market_trusted": None}, (("market_trusted", 0),)
    pin = market_desk.pin(key)
    trusted = [each for each in backend.identity.get("market_trusted", ()) if each != pin]
    trusted.append(pin)
    return {"market_trusted": trusted}, (("market_trusted", len(trusted)),)


_COMMANDS = {  # command: (function, number of arguments)
    "provision": (provision, 2),
    "configure": (configure, 2),
    "market": (market, 4),
    "trust": (trust, 1),
}
