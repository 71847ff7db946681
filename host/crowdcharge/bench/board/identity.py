# SPDX-License-Identifier: MIT
"""What provisioning writes into a board, as the bench file has it."""

import hashlib
import secrets
from collections.abc import Collection

from crowdcharge.bench.config import BoardConfig
from crowdcharge.boards.crowd import membership
from crowdcharge.profiles.rules import rules_of
from wptcore import x25519
from wptcore.calibration import curve_hash


def identity(
    config: BoardConfig, loss_curve: list[int], crowd: Collection[int]
) -> dict[str, object]:
    """Return the board's identity; `crowd` are the boards with its crowd's key."""
    made: dict[str, object] = {
        "board": config.board,
        "board_id": config.id,
        "capacity_mJ": round(config.capacity_J * 1000),
        "attended_s": config.attended_s,
        "consent": {"to": config.gives_to.split(), "day_mJ": round(config.give_day_J * 1000)},
    }
    if config.calibrated:
        made |= {"loss_curve": loss_curve, "curve_hash": curve_hash(hashlib.sha256, loss_curve)}
    if config.profile:
        made["profile"] = rules_of({config.id: config.profile})[config.id].on_board()
    if config.key:
        made["key"] = config.key
    if config.airfuel:
        made["airfuel"] = True
    if config.crowd_key:
        crowd_key = bytes.fromhex(config.crowd_key)
        made["crowd"] = membership(crowd_key, config.id, crowd, policy=config.peer_policy)
    return made | _market_terms(config)


def _market_terms(config: BoardConfig) -> dict[str, object]:
    """Return the record that the console's `market` stores, with a new secret of the board."""
    if not config.market_a:
        return {}
    secret = secrets.token_bytes(x25519.KEY_SIZE)
    a_u, b_u = round(config.market_a * 1e6), round(config.market_b * 1e6)
    return {
        "market": [a_u, b_u, round(config.keep_pct), round(config.target_pct)],
        "market_secret": secret.hex(),
        "market_key": x25519.public_key(secret).hex(),
    }
