# SPDX-License-Identifier: MIT
"""PURE: the wire's numbers by name. Their values are the core's; records keep plain integers."""

from enum import IntEnum

from wptcore import transfer, wire


class Role(IntEnum):
    """A board's side in a transfer; its limits hold the roles that it can take as bits."""

    PTX = wire.PTX
    PRX = wire.PRX


class BoardState(IntEnum):
    IDLE = transfer.IDLE
    PING = transfer.PING
    POWER = transfer.POWER
    FAULT = transfer.FAULT
    MAINT = transfer.MAINT


class FrameType(IntEnum):
    """What the host may ask, then what a board may answer."""

    HELLO = wire.HELLO
    GRANT = wire.GRANT
    RENEW = wire.RENEW
    STOP = wire.STOP
    CLEAR = wire.CLEAR
    CONFIGURE = wire.CONFIGURE
    PING = wire.PING
    ASK = wire.ASK
    COLLECTED = wire.COLLECTED
    MANDATE = wire.MANDATE
    GROUP_RENEW = wire.GROUP_RENEW
    MARKET_OPEN = wire.MARKET_OPEN
    MARKET_KEY = wire.MARKET_KEY
    MARKET_SEAT = wire.MARKET_SEAT
    MARKET_ASK = wire.MARKET_ASK
    MARKET_PRESENT = wire.MARKET_PRESENT
    MARKET_PRICE = wire.MARKET_PRICE
    ACK = wire.ACK
    MARKET_PUBLIC = wire.MARKET_PUBLIC
    MARKET_ANSWER = wire.MARKET_ANSWER
    MARKET_OPENING = wire.MARKET_OPENING
    MARKET_TAKE = wire.MARKET_TAKE
    INFO_LIMITS = wire.INFO_LIMITS
    INFO_FAULTS = wire.INFO_FAULTS
    INFO_STATUS = wire.INFO_STATUS
    INFO_CONSENT = wire.INFO_CONSENT
    MANDATE_TAKEN = wire.MANDATE_TAKEN
