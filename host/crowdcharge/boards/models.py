# SPDX-License-Identifier: MIT
"""Records that the host passes around: what a board said, decoded once, never changed."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from crowdcharge.boards.constants import BoardState
from wptcore import auth, wire

RUNNING_STATES = (BoardState.PING, BoardState.POWER)


def known(soc_permille: int) -> int | None:
    """Turn the wire's "unknown" into None."""
    return soc_permille if soc_permille <= 1000 else None


@dataclass(frozen=True, slots=True)
class Beacon:
    """Seen in an advert or read from `status`. Not authenticated: for seeing, never for settling.

    `soc_pct` None: unknown. `transfer_low`: low byte of the running transfer, 0 = none.
    """

    board_id: int
    epoch: int
    sequence: int
    state_byte: int
    ept: int
    bus_mV: int
    current_mA: int
    soc_pct: int | None
    temperature_C: int
    transfer_low: int
    sent_mJ: int
    received_mJ: int

    @classmethod
    def unpack(cls, data: bytes) -> "Beacon":
        """Decode a beacon; ValueError on bytes that are none of this version."""
        fields = list(wire.unpack_beacon(data))
        fields[7] = fields[7] if fields[7] <= 100 else None
        return cls(*fields)

    @property
    def state(self) -> int:
        return self.state_byte & 0x0F

    @property
    def field(self) -> bool:
        """Whether the receiver coil sees a field."""
        return bool(self.state_byte & wire.FIELD)

    @property
    def problem(self) -> bool:
        return bool(self.state_byte & wire.PROBLEM)

    @property
    def provisioned(self) -> bool:
        return not self.state_byte & wire.UNPROVISIONED


@dataclass(frozen=True, slots=True)
class Sighting:
    """A beacon as it was received, at `seen_s` of the receiver's clock."""

    beacon: Beacon
    address: str
    rssi_dBm: int
    seen_s: float


@dataclass(frozen=True, slots=True)
class Ack:
    """An authenticated answer; energy and power are those of the running or the last transfer."""

    counter: int
    command: int
    code: int
    state: int
    ept: int
    transfer_id: int
    power_mW: int
    energy_mJ: int
    soc_permille: int | None
    coil_dC: int

    def runs(self, transfer_id: int) -> bool:
        return self.state in RUNNING_STATES and self.transfer_id == transfer_id


@dataclass(frozen=True, slots=True)
class MarketReply:
    """An authenticated answer to a question of a market; `fields` as in wire's table."""

    counter: int
    frame_type: int
    fields: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class BoardLimits:
    board_id: int
    epoch: int
    capacity_mJ: int
    power_max_mW: int
    floor_pct: int
    resume_pct: int
    roles: int

    @classmethod
    def unpack(cls, data: bytes) -> "BoardLimits":
        return cls(*wire.unpack_limits(data))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one board metered in one transfer, signed with its key. `raw` is as it was read."""

    board_id: int
    epoch: int
    transfer_id: int
    role: int
    peer: int
    energy_mJ: int
    duration_ms: int
    peak_mW: int
    peak_dC: int
    ept: int
    soc_before_permille: int | None
    soc_after_permille: int | None
    odometer_mJ: int
    raw: bytes

    @classmethod
    def unpack(cls, raw: bytes) -> "Receipt":
        if len(raw) != wire.RECEIPT_SIZE:
            raise ValueError("receipt length")
        fields = [*wire.unpack_receipt(raw), bytes(raw)]
        fields[10:12] = [known(soc) for soc in fields[10:12]]
        return cls(*fields)

    @property
    def key(self) -> tuple[int, int, int]:
        """Identity: a board gives one receipt for each transfer and role."""
        return (self.board_id, self.transfer_id, self.role)

    @property
    def start_mJ(self) -> int:
        """The role's odometer before the transfer, mJ."""
        return (self.odometer_mJ - self.energy_mJ) % (1 << 32)

    def signed_with(self, key: bytes) -> bool:
        body, tag = self.raw[: wire.RECEIPT_BODY_SIZE], self.raw[wire.RECEIPT_BODY_SIZE :]
        return auth.equal(auth.receipt_tag(sha256, key, body), tag)


def unpack_receipts(data: bytes) -> list[Receipt]:
    """Decode the `receipts` characteristic, newest first; ValueError if it is torn."""
    if len(data) % wire.RECEIPT_SIZE:
        raise ValueError("receipts length")
    starts = range(0, len(data), wire.RECEIPT_SIZE)
    return [Receipt.unpack(data[start : start + wire.RECEIPT_SIZE]) for start in starts]


@dataclass(frozen=True, slots=True)
class BoardAgent:
    """A board as policies see it, from authenticated answers; `soc_permille` None: unknown."""

    board_id: int
    limits: BoardLimits
    soc_permille: int | None

    @property
    def capacity_J(self) -> float:
        return self.limits.capacity_mJ / 1000

    @property
    def energy_J(self) -> float:
        return self.capacity_J * (self.soc_permille or 0) / 1000
