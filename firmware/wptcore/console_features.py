# SPDX-License-Identifier: MIT
"""Which words of the console a board does not know because it lacks their feature."""

from wptcore import wire

# Commands, and words of `consent`: (feature, its name in hardware/boards/*.toml).
_PEERS = (wire.PEERS, "peers")
_MARKET = (wire.MARKET, "market")
_NEEDS = {
    "agreed": _PEERS,
    "airfuel": (wire.AIRFUEL, "airfuel"),
    "alias": _PEERS,
    "crowd": _PEERS,
    "market": _MARKET,
    "peer": _PEERS,
    "strangers": (wire.STRANGERS, "strangers"),
    "trust": _MARKET,
}
_UNDOES = ("0", "anybody", "nobody", "off")  # no board is left with what it cannot drop


def check(features: int, command: str, arguments: list) -> None:
    """ValueError: the command would store what a board with these features does not carry."""
    first = arguments[0] if arguments else ""
    if first in _UNDOES:
        return
    for word in first.split(",") if command == "consent" else (command,):
        feature, name = _NEEDS.get(word, (0, ""))
        if feature & ~features:
            raise ValueError("feature: this board does not carry %s" % name)
