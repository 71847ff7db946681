# SPDX-License-Identifier: MIT
"""What a board shows: adverts, characteristics, the fields of an Ack. Decides nothing."""

from wptcore import bthome, ept, transfer, wire
from wptcore.attendance import UNATTENDED_MAX_mW
from wptcore.diagnosis import Diagnosis
from wptcore.floor import DonorFloor
from wptcore.meter import Meter
from wptcore.receipts import Receipts
from wptcore.units import clamp, power_mW


class Readout:
    """The state of a board as others may see it; board.Board extends it with the decision
    and with `receiver_on`, which BTHome shows as charging.

    `key`, `limits`, `roles`, `saved`, `sha256` and `features` are those of board.Board.
    """

    def __init__(
        self, board_id: int, key: bytes, limits, roles: int, saved, sha256, features: int
    ):
        self.board_id = board_id
        self.now_ms = 0  # board time: since boot, u32
        self.state = transfer.IDLE
        self.soc_permille = wire.SOC_UNKNOWN_permille
        self._epoch = saved.epoch
        self._provisioned = bool(key)
        self._limits = limits
        self._features = features
        self._roles = roles
        self._diagnosis = Diagnosis(saved.latches)
        self._receipts = Receipts(board_id, saved.epoch, key, sha256, saved.receipts, saved.owed)
        self._floor = DonorFloor(saved.floor_pct, bool(saved.floor_cut), limits.floor_pct)
        self._meter = Meter(saved.sent_mJ, saved.received_mJ)
        self._running = None
        self._newest = None  # the running transfer, or the last one
        self._ended_by = ept.NONE
        self._bus_mV = 0
        self._current_mA = 0
        self._coil_dC = 0
        self._field = False
        self._cable = False
        self._sequence = 0
        self._packet_id = 0

    # -- adverts --

    def pack_beacon_into(self, buffer: bytearray, offset: int) -> None:
        """Each beacon has the next sequence number."""
        self._sequence = (self._sequence + 1) & 0xFF
        wire.pack_beacon_into(
            buffer,
            offset,
            self.board_id,
            self._epoch,
            self._sequence,
            self.state_byte,
            self.ept,
            self._bus_mV,
            self._current_mA,
            self.soc_permille,
            self._coil_dC,
            0 if self._running is None else self._running.transfer_id,
            self._meter.sent_mJ,
            self._meter.received_mJ,
        )

    def pack_bthome_into(self, buffer: bytearray, offset: int) -> int:
        """Return the end of the service data."""
        self._packet_id = (self._packet_id + 1) & 0xFF
        return bthome.pack_into(
            buffer,
            offset,
            self._packet_id,
            self.soc_permille,
            self._bus_mV,
            self._current_mA,
            power_mW(self._bus_mV, self._current_mA),
            self._coil_dC,
            self.receiver_on,
            self._diagnosis.blocking != ept.NONE,
        )

    @property
    def soc_pct(self) -> int:
        """Charge as the beacon has it; 255: unknown."""
        return wire.soc_pct(self.soc_permille)

    @property
    def state_byte(self) -> int:
        """State and flags as the beacon carries them."""
        byte = self.state
        if self._field:
            byte |= wire.FIELD
        if self._cable:
            byte |= wire.CABLE
        if self._diagnosis.blocking != ept.NONE:
            byte |= wire.PROBLEM
        if not self._provisioned:
            byte |= wire.UNPROVISIONED
        return byte

    @property
    def _cable_holds(self) -> bool:
        """Is a cable in, and does the board give nothing then?"""
        return self._cable and self._limits.cable_holds > 0

    @property
    def is_running(self) -> bool:
        return self._running is not None

    @property
    def ept(self) -> int:
        """A latched fault, else why the last transfer ended."""
        latch = self._diagnosis.latch
        return self._ended_by if latch == ept.NONE else latch

    @property
    def ended_by(self) -> int:
        """Why the last transfer ended."""
        return self._ended_by

    @property
    def links_max(self) -> int:
        """How many links the radio holds; it goes on advertising, connectable below that."""
        return self._commands.links_max

    @property
    def links(self):
        """links.Links: who is connected."""
        return self._commands.links

    @property
    def unwelcome_link(self) -> int:
        """A link that the port must disconnect, or -1."""
        return self._commands.unwelcome()

    # -- characteristics --

    def challenge(self, nonce: bytes) -> bytes:
        """Return the `challenge` characteristic of one connection; `nonce` is fresh."""
        return wire.pack_challenge(self.board_id, self._epoch, self.features, self.now_ms, nonce)

    @property
    def receipts(self) -> bytes:
        """The `receipts` characteristic: the last eight, newest first."""
        return self._receipts.stored

    # -- answers --

    def pop_reply(self):
        """Return (link handle, frame) to notify, or None."""
        return self._commands.pop_reply()

    def pop_save(self):
        """Return the state to store now (journal.Saved), or None."""
        return self._store.fill(self) if self._store.due else None

    @property
    def features(self) -> int:
        """What this board carries, as bits of wire; `calibrated` follows the loss curve."""
        calibrated = wire.CALIBRATED if self._fod.is_calibrated else 0
        attended = wire.ATTENDED if self.attended_left_s else 0
        return self._features | calibrated | attended

    @property
    def faults(self) -> bytes:
        """Every code that stands, warnings too."""
        return self._diagnosis.codes()

    @property
    def limits(self) -> tuple:
        """The fields of wire.INFO_LIMITS."""
        return (
            self.board_id,
            self._epoch,
            self.features,
            self._limits.capacity_mJ,
            self._limits.power_max_mW,
            self._floor.floor_pct,
            self._floor.resume_pct,
            self._roles,
            min(self.attended_left_s, wire.ATTENDED_MAX_s),
            min(UNATTENDED_MAX_mW, self._limits.power_max_mW),
        )

    def ack_fields(self) -> tuple:
        """State, ept, transfer_id, power_mW, energy_mJ, soc_permille and coil_dC of an Ack."""
        newest = self._newest
        flow = (
            (0, 0, 0)
            if newest is None
            else (newest.transfer_id, newest.power_mW, newest.energy_mJ)
        )
        coil_dC = clamp(self._coil_dC, -0x8000, 0x7FFF)
        return (self.state, self.ept) + flow + (self.soc_permille, coil_dC)

    @property
    def figures(self) -> tuple:
        """Epoch, bus_mV, current_mA, coil_dC, soc_permille, sent_mJ, received_mJ."""
        readings = (self._bus_mV, self._current_mA, self._coil_dC, self.soc_permille)
        return (self._epoch,) + readings + (self._meter.sent_mJ, self._meter.received_mJ)
