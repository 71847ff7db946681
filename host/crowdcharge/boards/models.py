# SPDX-License-Identifier: MIT
"""Records that the host passes around: what a board said, decoded once, never changed."""

from dataclasses import dataclass, replace
from hashlib import sha256
from math import inf
from typing import Any, NamedTuple, Self

from crowdcharge.boards.constants import BoardState
from wptcore import auth, consent, wire

_STATES = frozenset(BoardState)
_SOC_UNKNOWN_pct = 255
RUNNING_STATES = (BoardState.PING, BoardState.POWER)


def known(soc_permille: int) -> int | None:
    """Turn the wire's "unknown" into None."""
    return soc_permille if soc_permille <= 1000 else None


@dataclass(frozen=True, slots=True)
class Beacon:
    """From an advert, where it is only for seeing, or from an authenticated answer.

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
        """Decode a beacon; ValueError on bytes that no board of this version sends."""
        return cls._checked(wire.unpack_beacon(data))

    @classmethod
    def unpack_1(cls, data: bytes) -> "Beacon":
        """Decode what may be a beacon of version 1, which had no magic; ValueError otherwise."""
        return cls._checked(wire.unpack_beacon_1(data))

    @classmethod
    def hidden(cls, board_id: int) -> "Beacon":
        """Stand in for what an alias does not tell a host: nothing but the board's number."""
        return cls(board_id, 0, 0, BoardState.IDLE, 0, 0, 0, None, 0, 0, 0, 0)

    @classmethod
    def _checked(cls, fields: tuple[int, ...]) -> "Beacon":
        """Refuse values that no board can have: the company id is anyone's."""
        beacon = cls(*fields)
        soc_pct = fields[7]
        has_number = beacon.board_id > 0 or beacon.provisioned  # a new board has none yet
        if has_number and not 0 < beacon.board_id <= wire.BOARD_ID_MAX:
            raise ValueError("beacon board")
        if beacon.state not in _STATES or beacon.bus_mV > wire.BUS_MAX_mV:
            raise ValueError("beacon range")
        if soc_pct > 100 and soc_pct != _SOC_UNKNOWN_pct:
            raise ValueError("beacon charge")
        return replace(beacon, soc_pct=None if soc_pct > 100 else soc_pct)

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
class Answer:
    """An authenticated answer to a question that has its own; `fields` as in wire's table."""

    counter: int
    frame_type: int
    fields: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class BoardLimits:
    """What a board can and may do now, as it has answered; `features` are bits of wire."""

    board_id: int
    epoch: int
    features: int
    capacity_mJ: int
    power_max_mW: int
    floor_pct: int
    resume_pct: int
    roles: int
    attended_left_s: int
    power_unattended_mW: int

    @property
    def power_allowed_mW(self) -> int:
        """What the board would be granted now."""
        if self.attended_left_s:
            return self.power_max_mW
        return min(self.power_max_mW, self.power_unattended_mW)


@dataclass(frozen=True, slots=True)
class BoardConsent:
    """What its owner lets a board give to this host now, and wants, as it has answered.

    Firmware from before mandates says nothing: then nothing is bounded here, and a board that
    does not consent refuses the grant.
    """

    gives_to: int = consent.DEFAULT
    flags: int = 0
    gives_mJ: int = consent.UNBOUNDED_mJ
    wants_mJ: int = consent.UNBOUNDED_mJ
    mandate: int = 0

    @property
    def gives_J(self) -> float:
        return _joules(self.gives_mJ)

    @property
    def wants_J(self) -> float:
        return _joules(self.wants_mJ)


def _joules(energy_mJ: int) -> float:
    return inf if energy_mJ == consent.UNBOUNDED_mJ else energy_mJ / 1000


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one board metered in one transfer, signed with its key. `raw` is as it was read.

    `granter` 0: the host whose key sealed the grant. Receipts of wire version 1 had neither group
    nor granter nor flags.
    """

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
    group: int = 0
    granter: int = 0
    flags: int = 0

    @classmethod
    def unpack(cls, raw: bytes) -> "Receipt":
        """Decode a receipt of any version ever shipped, with its signature; else ValueError."""
        if len(raw) != wire.receipt_size(raw[0] if raw else 0):
            raise ValueError("receipt length")
        fields = [*wire.unpack_receipt(raw)]
        fields[10:12] = [known(soc) for soc in fields[10:12]]
        fields.insert(13, bytes(raw))
        return cls(*fields)

    @property
    def version(self) -> int:
        return self.raw[0]

    @property
    def key(self) -> tuple[int, int, int]:
        """Identity: a board gives one receipt for each transfer and role."""
        return (self.board_id, self.transfer_id, self.role)

    @property
    def start_mJ(self) -> int:
        """The role's odometer before the transfer, mJ."""
        return (self.odometer_mJ - self.energy_mJ) % (1 << 32)

    def signed_with(self, key: bytes) -> bool:
        body, tag = self.raw[: -auth.TAG_SIZE], self.raw[-auth.TAG_SIZE :]
        return auth.equal(auth.receipt_tag(sha256, key, body), tag)


def unpack_receipts(data: bytes) -> list[Receipt]:
    """Decode the `receipts` characteristic, newest first; ValueError if it is torn."""
    return [Receipt.unpack(raw) for raw in wire.split_receipts(data)]


class Newest(NamedTuple):
    """What a board says of its newest transfer; its number is 0 until the first since a boot."""

    epoch: int
    transfer_id: int
    runs: bool

    @classmethod
    def of(cls, ack: Ack, beacon: Beacon) -> Self:
        return cls(beacon.epoch, ack.transfer_id, ack.runs(ack.transfer_id))


@dataclass(frozen=True, slots=True)
class BoardAgent:
    """A board as policies see it, from authenticated answers; `soc_permille` None: unknown."""

    board_id: int
    limits: BoardLimits
    soc_permille: int | None
    consent: BoardConsent = BoardConsent()
    coil_C: float = 25.0

    def told(self, ack: Ack, consent: BoardConsent) -> Self:
        return replace(
            self, soc_permille=ack.soc_permille, coil_C=ack.coil_dC / 10, consent=consent
        )

    @property
    def gives_J(self) -> float:
        return self.consent.gives_J

    @property
    def wants_J(self) -> float:
        return self.consent.wants_J

    @property
    def capacity_J(self) -> float:
        return self.limits.capacity_mJ / 1000

    @property
    def energy_J(self) -> float:
        return self.capacity_J * (self.soc_permille or 0) / 1000
