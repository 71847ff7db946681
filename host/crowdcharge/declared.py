# SPDX-License-Identifier: MIT
"""Names and plain words for the codes that `wptcore.ept` declares: ends, faults and refusals."""

from wptcore import ept

NAMES: dict[int, str] = {
    code: name for name, code in vars(ept).items() if name.isupper() and isinstance(code, int)
}

TEXTS: dict[int, str] = {
    ept.NONE: "nothing ended",
    ept.CHARGE_COMPLETE: "the receiver's battery is full",
    ept.INTERNAL_FAULT: "a Qi chip reported a fault of its own",
    ept.OVER_TEMPERATURE: "the coil is too hot",
    ept.OVER_VOLTAGE: "the bus voltage is too high",
    ept.OVER_CURRENT: "the current is too high",
    ept.BATTERY_FAILURE: "the battery is too hot or too cold, or its voltage collapsed",
    ept.RECONFIGURE: "the receiver asked to be configured anew",
    ept.NO_RESPONSE: "no receiver took power, or it went away",
    ept.NEGOTIATION_FAILURE: "transmitter and receiver did not agree",
    ept.RESTART: "the receiver asked for a restart",
    ept.STOPPED: "the host stopped it",
    ept.FLOOR: "the donor is at its floor",
    ept.LEASE_LOST: "the host did not renew in time",
    ept.ENERGY_BUDGET: "the granted energy is delivered",
    ept.POWER_BUDGET: "more power flowed than was granted",
    ept.DURATION_BUDGET: "the granted time is over",
    ept.UNDER_VOLTAGE: "the bus voltage is too low",
    ept.METER_STALE: "the meter does not answer",
    ept.METER_OVERFLOW: "the meter says that its result is meaningless",
    ept.METER_CALIBRATION: "the meter lost its configuration",
    ept.METER_JUMP: "the meter gave a value that no battery can give",
    ept.SOC_UNKNOWN: "the state of charge is unknown",
    ept.ROLE_CONFLICT: "the board cannot have both roles, or donate while on cable",
    ept.REBOOTED: "the board restarted in the middle of the transfer",
    ept.PEER_ENDED: "the other board had ended",
    ept.BAD_LENGTH: "the frame has a wrong length",
    ept.BAD_VERSION: "the frame is of another protocol version",
    ept.BAD_TYPE: "the frame is of an unknown type",
    ept.NOT_PROVISIONED: "the board has no key; provision it over USB",
    ept.NO_SESSION: "no authenticated session on this connection",
    ept.BAD_TAG: "authentication failed; the host has another key than the board",
    ept.REPLAYED: "the frame's counter did not rise",
    ept.LOCKED_OUT: "too many failures on this connection",
    ept.BUSY: "another transfer is running",
    ept.UNKNOWN_TRANSFER: "no such transfer is running",
    ept.OUT_OF_RANGE: "a value is outside what the board allows",
    ept.NO_ROLE: "the board has no coil for this role",
    ept.LATCHED: "a latched fault stands",
    ept.MAINTENANCE: "the board is in maintenance",
}


def name(code: int) -> str:
    """The declared name, or the number of a code that this host does not know."""
    return NAMES.get(code, f"0x{code:02X}")


def text(code: int) -> str:
    return TEXTS.get(code, "unknown to this host")
