# SPDX-License-Identifier: MIT
"""What `help`, `identity` and `limits` show; loaded when one is typed."""

from wptcore.console_commands import fingerprint

_LIMITS = (
    "bus_min_mV",
    "bus_max_mV",
    "current_max_mA",
    "power_max_mW",
    "coil_max_dC",
    "battery_min_dC",
    "battery_max_dC",
    "battery_resume_dC",
    "capacity_mJ",
    "ping_ms",
    "quiet_ms",
    "gives_mW",
    "cable_holds",
)


def _help(_board, backend, _sha256) -> list:
    return [(("%s %s" % row[:2]).strip(), row[2]) for row in backend.part("console_help").HELP]


def _identity(_board, backend, sha256) -> list:
    stored = backend.identity
    curve = stored.get("loss_curve")
    pairs = [
        ("board", backend.name),
        ("board_id", stored.get("board_id", 0)),
        ("key", fingerprint(sha256, bytes.fromhex(stored.get("key", "")))),
        ("capacity_mJ", backend.capacity_mJ),
    ]
    for side in ("tx", "rx"):
        gain_ppm, offset_uA = stored.get("meters", {}).get(side, (0, 0))
        pairs.append((side + "_gain_ppm", gain_ppm))
        pairs.append((side + "_offset_uA", offset_uA))
    pairs.append(("curve", ",".join(str(value) for value in curve) if curve else "none"))
    pairs.append(("curve_hash", stored.get("curve_hash", "none") if curve else "none"))
    pairs.append(("pair_curves", ",".join(sorted(stored.get("pair_curves", ()))) or "none"))
    terms = stored.get("market")
    pairs.append(("market", ",".join(str(value) for value in terms) if terms else "none"))
    pairs.append(("market_key", stored.get("market_key", "none")))
    pairs.append(("market_trusted", len(stored.get("market_trusted", ()))))
    if any(key in stored for key in ("crowd", "consent", "owner_key", "airfuel")):
        pairs += backend.part("console_crowd").describe(stored, sha256, fingerprint)
    return pairs


def _limits(board, backend, _sha256) -> list:
    floor_pct, resume_pct, roles = board.limits[5:8]
    pairs = [(name, getattr(backend.limits, name)) for name in _LIMITS]
    return pairs + [("floor_pct", floor_pct), ("resume_pct", resume_pct), ("roles", roles)]


LOOKS = {"help": _help, "identity": _identity, "limits": _limits}
