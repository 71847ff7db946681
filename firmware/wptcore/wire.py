# SPDX-License-Identifier: MIT
"""Every byte on the air but BTHome: beacon, command frames, replies, receipts.

All little-endian. A frame is header (version, type, counter, board time), body, 16-byte tag. In a
command the board time is its expiry, in a reply the moment when it was packed; it counts ms since
boot in a u32 that wraps. `pack_*` clamps each field, because MicroPython's struct does not check;
`unpack_*` raises only ValueError, on bytes that are not of the format.
"""

import struct

from wptcore.auth import TAG_SIZE
from wptcore.compat import const
from wptcore.units import clamp

VERSION = const(2)
MAGIC = const(0x43)  # the company id is anyone's, so a beacon says that it is ours
COMPANY_ID = const(0xFFFF)  # Bluetooth SIG: reserved for tests
BATTERY_SERVICE = const(0x180F)
BATTERY_LEVEL = const(0x2A19)
DEVICE_INFORMATION = const(0x180A)
MODEL_NUMBER = const(0x2A24)
FIRMWARE_REVISION = const(0x2A26)

SERVICE_UUID = "7a5c0001-6f1e-4d8b-9c3a-20c5e1b0d94f"
STATUS_UUID = "7a5c0002-6f1e-4d8b-9c3a-20c5e1b0d94f"  # read, notify
CHALLENGE_UUID = "7a5c0003-6f1e-4d8b-9c3a-20c5e1b0d94f"  # read; fresh per connection
COMMAND_UUID = "7a5c0004-6f1e-4d8b-9c3a-20c5e1b0d94f"  # write
REPLY_UUID = "7a5c0005-6f1e-4d8b-9c3a-20c5e1b0d94f"  # notify
RECEIPTS_UUID = "7a5c0006-6f1e-4d8b-9c3a-20c5e1b0d94f"  # read; the last eight, newest first

MTU_MIN = const(100)
LEASE_MAX_ms = const(5000)
EXPIRY_MAX_ms = const(5000)  # how far ahead a command's expiry may lie
BOARD_ID_MAX = const(65534)
BUS_MAX_mV = const(26000)  # what the meters can measure
PING_MAX_ms = const(3000)
SOC_UNKNOWN_permille = const(0xFFFF)
_SOC_UNKNOWN_pct = const(255)

GROUP_MAX = const(6)  # receivers in a group

PTX = const(1)
PRX = const(2)

# features: what a board carries, then what holds now
MARKET = const(1)
PEERS = const(2)  # other boards may grant
GROUP = const(4)  # several receivers in one transfer
FOD = const(8)
STRANGERS = const(32)  # one transfer with a stranger after a press of both buttons
AIRFUEL = const(64)  # a transmitter of AirFuel's profile may read it
CALIBRATED = const(16)
ATTENDED = const(128)  # a window is open: a person attends the board
CARRIED = const(111)  # all before CALIBRATED, STRANGERS and AIRFUEL: what this firmware can do

# flags of a grant and its receipt
GRANTED_BY_PEER = const(1)
GRANTED_BY_PRESS = const(2)  # a stranger after a press of both buttons; always with the other

# flags of the beacon's state byte (state in the low nibble)
FIELD = const(0x10)  # the receiver coil sees a field
CABLE = const(0x20)
PROBLEM = const(0x40)  # a fault stands
UNPROVISIONED = const(0x80)

# frame types: host to board, then board to host
HELLO = const(0x01)
GRANT = const(0x02)
RENEW = const(0x03)
STOP = const(0x04)
CLEAR = const(0x05)
CONFIGURE = const(0x06)
PING = const(0x07)
ASK = const(0x08)
COLLECTED = const(0x09)
GROUP_RENEW = const(0x0A)
MANDATE = const(0x0B)  # may come without a session: its owner has signed it
MARKET_OPEN = const(0x10)
MARKET_KEY = const(0x11)
MARKET_SEAT = const(0x12)
MARKET_ASK = const(0x13)
MARKET_PRESENT = const(0x14)
MARKET_PRICE = const(0x15)
PEER_HELLO = const(0x20)  # and then GRANT, RENEW, STOP, from one board to another
PEER_WISH = const(0x21)
STRANGER_KEY = const(0x22)  # without a session: there is no key yet
PEER_CALL = const(0x23)  # without a session: to a board that connects to none
ACK = const(0x80)
MARKET_PUBLIC = const(0x81)
MARKET_ANSWER = const(0x82)
MARKET_OPENING = const(0x83)
MARKET_TAKE = const(0x84)
INFO_LIMITS = const(0x85)
INFO_FAULTS = const(0x86)
INFO_STATUS = const(0x87)
INFO_CONSENT = const(0x88)
MANDATE_TAKEN = const(0x89)
PEER_OFFER = const(0x90)
STRANGER_PUBLIC = const(0x91)

# what ASK asks for
ASK_LIMITS = const(1)
ASK_FAULTS = const(2)
ASK_STATUS = const(3)
ASK_CONSENT = const(4)
FAULTS_MAX = const(16)  # codes in INFO_FAULTS
ATTENDED_MAX_s = const(0xFFFF)  # in INFO_LIMITS; a window may be longer

_HEADER = "<BBII"
HEADER_SIZE = const(10)
_HEADER_1 = "<BBI"  # version 1; every version's header begins so
_HEADER_1_SIZE = const(6)
_BODIES = {
    HELLO: "<16s",  # host nonce
    # transfer, role, peer, group, granter, power mW, energy mJ, duration ms, floor %, lease, flags
    GRANT: "<IBHHHIIIBHB",
    RENEW: "<IHIB",  # transfer, lease ms, peer power mW, peer EPT (0 = running)
    STOP: "<I",  # transfer
    CLEAR: "<B",  # EPT code to clear
    CONFIGURE: "<BI",  # item, value
    PING: "<IH",  # transfer, duration ms
    ASK: "<B",  # what
    COLLECTED: "<I",  # transfer whose receipt is in a ledger
    MANDATE: "<60s",  # mandate.pack with its tag
    GROUP_RENEW: "<IB6H6I",  # transfer, EPT of one that has ended, leases ms, powers mW
    MARKET_OPEN: "<16sBB",  # session, number of peers, index of this one
    MARKET_KEY: "<B32s16s",  # index, public key, nonce of a partner
    MARKET_SEAT: "<Q",  # bit map of the indexes that take part
    MARKET_ASK: "<BB16s",  # round, 1: there is a price, price
    MARKET_PRESENT: "<BQ",  # round, bit map of the indexes that have answered
    MARKET_PRICE: "<16s",  # price
    PEER_HELLO: "<IH16s",  # crowd, board, its nonce
    PEER_WISH: "<HII",  # charge permille, capacity mJ, wish mJ
    STRANGER_KEY: "<H32s",  # board, public key for this exchange
    PEER_CALL: "<31s",  # the challenge of who calls
    ACK: "<BBBBIIIHh",  # command, code, state, ept, transfer, power mW, energy mJ, SoC, coil dC
    MARKET_PUBLIC: "<32s16s",  # public key, nonce
    MARKET_ANSWER: "<B16s16s",  # round, c, s
    MARKET_OPENING: "<B16s16s",  # round, mask of c, mask of s
    MARKET_TAKE: "<q16s",  # energy mJ, above 0 sells; signature
    # board, epoch, features, capacity mJ, power mW, floor %, resume %, roles, attended s,
    # power mW without an attended window
    INFO_LIMITS: "<HHIIIBBBHI",
    INFO_FAULTS: "<B16s",  # how many stand, their codes padded with 0
    INFO_STATUS: "<24s",  # the beacon
    INFO_CONSENT: "<BBIII",  # gives to, flags, gives mJ, wants mJ, number of the mandate
    MANDATE_TAKEN: "<I16s",  # its number, proof for the owner (mandate.taken_tag)
    PEER_OFFER: "<IIB",  # energy mJ, power mW, code (0: offered)
    STRANGER_PUBLIC: "<32s",  # public key for this exchange
}
CONFIGURE_FLOOR_pct = const(1)
CONFIGURE_HOLD = const(2)  # 1: no transfer between boards until 0

_BEACON = "<BBHHBBBHhBbBII"
BEACON_SIZE = const(24)
_BEACON_1 = "<BHHBBBHhBbBII"
_RECEIPTS = {1: "<BHHIBHIIIhBHHI", 2: "<BHHIBHIIIhBHHIHHB"}  # by version
RECEIPT_BODY_SIZE = const(40)
RECEIPT_SIZE = const(56)
RECEIPTS_KEPT = const(8)
_CHALLENGE = "<BHHIIH16s"  # the u16 is room for a protocol number, 0 today
_TAKE = "<BH16s16sq"
_TAKE_VERSION = const(1)  # commitments in ledgers verify for ever, so their layout stays


def soc_pct(soc_permille: int) -> int:
    """Return whole percent, rounded down; 255 = unknown."""
    return _SOC_UNKNOWN_pct if soc_permille > 1000 else soc_permille // 10


# -- beacon ------------------------------------------------------------------------------


def pack_beacon_into(
    buffer: bytearray,
    offset: int,
    board_id: int,
    epoch: int,
    sequence: int,
    state: int,
    ept_code: int,
    bus_mV: int,
    current_mA: int,
    soc_permille: int,
    temperature_dC: int,
    transfer_id: int,
    sent_mJ: int,
    received_mJ: int,
) -> None:
    """Pack a beacon and allocate nothing.

    `state` carries the flags; only the low byte of the transfer id fits.
    """
    struct.pack_into(
        _BEACON,
        buffer,
        offset,
        MAGIC,
        VERSION,
        board_id,
        epoch & 0xFFFF,
        sequence & 0xFF,
        state,
        ept_code,
        clamp(bus_mV, 0, 0xFFFF),
        clamp(current_mA, -0x8000, 0x7FFF),
        soc_pct(soc_permille),
        clamp((temperature_dC + 5) // 10, -128, 127),
        transfer_id & 0xFF,
        sent_mJ,
        received_mJ,
    )


def unpack_beacon(data: bytes) -> tuple:
    """Return (board_id, epoch, sequence, state byte, ept, bus_mV, current_mA, soc_pct,
    temperature_C, transfer low byte, sent_mJ, received_mJ).
    """
    if len(data) != BEACON_SIZE:
        raise ValueError("beacon length")
    fields = struct.unpack(_BEACON, data)
    if fields[0] != MAGIC or fields[1] != VERSION:
        raise ValueError("beacon version")
    return fields[2:]


def unpack_beacon_1(data: bytes) -> tuple:
    """Return the fields of unpack_beacon from what may be a beacon of version 1."""
    return _unpack_versioned(_BEACON_1, data, "beacon", 1)


# -- frames ------------------------------------------------------------------------------


def pack_frame(frame_type: int, counter: int, time_ms: int, *fields) -> bytes:
    """Pack header and body, without the tag."""
    return struct.pack(_HEADER, VERSION, frame_type, counter, time_ms) + struct.pack(
        _BODIES[frame_type], *fields
    )


def frame_size(frame_type: int) -> int:
    """Return the size of a whole frame with its tag; 0 for an unknown type."""
    if frame_type not in _BODIES:
        return 0
    return HEADER_SIZE + struct.calcsize(_BODIES[frame_type]) + TAG_SIZE


def unpack_header(frame: bytes) -> tuple:
    """Return (version, type, counter, time_ms); of another version only the first three are true.

    The shortest frame of any version has a header of version 1 and a tag.
    """
    if len(frame) < _HEADER_1_SIZE + TAG_SIZE:
        raise ValueError("frame length")
    if frame[0] != VERSION:
        return struct.unpack_from(_HEADER_1, frame, 0) + (0,)
    if len(frame) < HEADER_SIZE + TAG_SIZE:
        raise ValueError("frame length")
    return struct.unpack_from(_HEADER, frame, 0)


def unpack_body(frame: bytes) -> tuple:
    """Return the body's fields in the order of _BODIES."""
    version, frame_type, _, _ = unpack_header(frame)
    if version != VERSION:
        raise ValueError("frame version")
    if len(frame) != frame_size(frame_type):
        raise ValueError("frame length")
    return struct.unpack_from(_BODIES[frame_type], frame, HEADER_SIZE)


def pack_ack_1(counter: int, *fields) -> bytes:
    """Pack an Ack in the layout of version 1, for a host that speaks only that."""
    return struct.pack(_HEADER_1, 1, ACK, counter) + struct.pack(_BODIES[ACK], *fields)


def time_left_ms(expires_ms: int, now_ms: int) -> int:
    """Subtract two board times as a signed 32-bit difference, across the wrap."""
    return (expires_ms - now_ms + 0x80000000) % 0x100000000 - 0x80000000


# -- characteristics that are read -------------------------------------------------------


def pack_challenge(board_id: int, epoch: int, features: int, time_ms: int, nonce: bytes) -> bytes:
    return struct.pack(_CHALLENGE, VERSION, board_id, epoch & 0xFFFF, features, time_ms, 0, nonce)


def unpack_challenge(data: bytes) -> tuple:
    """Return (board_id, epoch, features, time_ms, nonce)."""
    fields = _unpack_versioned(_CHALLENGE, data, "challenge", VERSION)
    return fields[:4] + fields[5:]


def pack_receipt(
    board_id: int,
    epoch: int,
    transfer_id: int,
    role: int,
    peer: int,
    energy_mJ: int,
    duration_ms: int,
    peak_mW: int,
    peak_dC: int,
    ept_code: int,
    soc_before_permille: int,
    soc_after_permille: int,
    odometer_mJ: int,
    group: int = 0,
    granter: int = 0,
    flags: int = 0,
) -> bytes:
    """Pack the body without its signature; `odometer_mJ`: the role's, after the transfer."""
    return struct.pack(
        _RECEIPTS[VERSION],
        VERSION,
        board_id,
        epoch & 0xFFFF,
        transfer_id,
        role,
        peer,
        energy_mJ,
        duration_ms,
        clamp(peak_mW, 0, 0xFFFFFFFF),
        clamp(peak_dC, -0x8000, 0x7FFF),
        ept_code,
        soc_before_permille,
        soc_after_permille,
        odometer_mJ,
        group,
        granter,
        flags,
    )


def receipt_size(version: int) -> int:
    """Return the size of a receipt with its signature; 0 for an unknown version."""
    if version not in _RECEIPTS:
        return 0
    return struct.calcsize(_RECEIPTS[version]) + TAG_SIZE


def unpack_receipt(data: bytes) -> tuple:
    """Return the fields of pack_receipt; `data` is a body with or without its signature.

    Receipts of version 1 had no group, granter and flags: they are 0.
    """
    version = data[0] if data else 0
    size = receipt_size(version)
    if not size or (len(data) != size and len(data) != size - TAG_SIZE):
        raise ValueError("receipt length")
    fields = struct.unpack(_RECEIPTS[version], data[: size - TAG_SIZE])
    return fields[1:] if version == VERSION else fields[1:] + (0, 0, 0)


def split_receipts(data: bytes) -> list:
    """Return each receipt of a list with its signature; they may be of different versions."""
    found = []
    start = 0
    while start < len(data):
        size = receipt_size(data[start])
        if not size or start + size > len(data):
            raise ValueError("receipts length")
        found.append(data[start : start + size])
        start += size
    return found


def pack_take(board_id: int, session: bytes, price: bytes, energy_mJ: int) -> bytes:
    """Pack what a board signs when it commits to an energy in a market."""
    return struct.pack(_TAKE, _TAKE_VERSION, board_id, session, price, energy_mJ)


def _unpack_versioned(layout: str, data: bytes, what: str, version: int) -> tuple:
    if len(data) != struct.calcsize(layout):
        raise ValueError(what + " length")
    fields = struct.unpack(layout, data)
    if fields[0] != version:
        raise ValueError(what + " version")
    return fields[1:]
