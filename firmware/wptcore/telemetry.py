# SPDX-License-Identifier: MIT
"""What a board shows of itself: newest readings, flags, the bytes of its adverts."""

from wptcore import wire
from wptcore.units import power_mW


class Telemetry:
    """`saved`: journal.Saved, for the epoch; `meter`: meter.Meter, for the odometers."""

    def __init__(self, board_id: int, provisioned: bool, saved, meter):
        self._board_id = board_id
        self._provisioned = provisioned
        self._saved = saved
        self._meter = meter
        self.bus_mV = 0
        self.current_mA = 0
        self.coil_dC = 0
        self.soc_permille = wire.SOC_UNKNOWN_permille
        self.field = False
        self.cable = False
        self._sequence = 0
        self._packet_id = 0

    def note(self, bus_mV: int, current_mA: int, coil_dC: int) -> None:
        self.bus_mV = bus_mV
        self.current_mA = current_mA
        self.coil_dC = coil_dC

    @property
    def figures(self) -> tuple:
        """Epoch, bus_mV, current_mA, coil_dC, soc_permille, sent_mJ, received_mJ."""
        readings = (self.bus_mV, self.current_mA, self.coil_dC, self.soc_permille)
        return (self._saved.epoch,) + readings + (self._meter.sent_mJ, self._meter.received_mJ)

    def state_byte(self, state: int, problem: bool) -> int:
        """State and flags as the beacon carries them."""
        byte = state
        if self.field:
            byte |= wire.FIELD
        if self.cable:
            byte |= wire.CABLE
        if problem:
            byte |= wire.PROBLEM
        if not self._provisioned:
            byte |= wire.UNPROVISIONED
        return byte

    def pack_beacon_into(
        self, buffer: bytearray, offset: int, state_byte: int, code: int, transfer_id: int
    ) -> None:
        self._sequence = (self._sequence + 1) & 0xFF
        wire.pack_beacon_into(
            buffer,
            offset,
            self._board_id,
            self._saved.epoch,
            self._sequence,
            state_byte,
            code,
            self.bus_mV,
            self.current_mA,
            self.soc_permille,
            self.coil_dC,
            transfer_id,
            self._meter.sent_mJ,
            self._meter.received_mJ,
        )

    def pack_bthome_into(
        self, buffer: bytearray, offset: int, charging: bool, problem: bool
    ) -> int:
        """Returns the end of the service data."""
        self._packet_id = (self._packet_id + 1) & 0xFF
        return wire.pack_bthome_into(
            buffer,
            offset,
            self._packet_id,
            self.soc_permille,
            self.bus_mV,
            self.current_mA,
            power_mW(self.bus_mV, self.current_mA),
            self.coil_dC,
            charging,
            problem,
        )
