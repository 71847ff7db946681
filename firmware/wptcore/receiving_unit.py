# SPDX-License-Identifier: MIT
"""A board as AirFuel's power receiving unit: what a transmitter may read and what it can do.

A transmitter is a stranger here: the profile has no key. So all that its control can do is to end
a transfer into this board. Power into the battery still takes a grant that is authenticated.
"""

from wptcore import airfuel, ept, wire
from wptcore.units import TEMPERATURE_UNKNOWN_dC

_ALERTS = (
    (ept.OVER_VOLTAGE, airfuel.OVER_VOLTAGE),
    (ept.OVER_CURRENT, airfuel.OVER_CURRENT),
    (ept.OVER_TEMPERATURE, airfuel.OVER_TEMPERATURE),
    (ept.BATTERY_TEMPERATURE, airfuel.OVER_TEMPERATURE),
)


class ReceivingUnit:
    """`board`: board.Board; `limits`: limits.Limits."""

    def __init__(self, board, limits):
        self._board = board
        middle_mV = (limits.bus_min_mV + limits.bus_max_mV) // 2
        self.static = airfuel.pack_pru_static(
            limits.power_max_mW, limits.bus_min_mV, limits.bus_max_mV, middle_mV
        )

    # -- what a transmitter does on a link --

    def on_static(self, handle: int, data: bytes) -> None:
        """Take PTU Static, by which a link becomes a transmitter's."""
        try:
            airfuel.unpack_ptu_static(data)
        except ValueError:
            self._board.links.malformed(handle)
            return
        self._board.links.register_transmitter(handle)

    def on_control(self, handle: int, data: bytes) -> None:
        """Take PRU Control. To enable changes nothing; before PTU Static, nothing does."""
        links = self._board.links
        try:
            enables, permission, _ = airfuel.unpack_control(data)
        except ValueError:
            links.malformed(handle)
            return
        if not links.hear_transmitter(handle):
            links.malformed(handle)
        elif not enables & airfuel.OUTPUT or permission >= airfuel.DENIED:
            self._board.end_receiving()

    def on_read(self, handle: int) -> None:
        """Note that dynamic values were read: the transmitter is still there."""
        self._board.links.hear_transmitter(handle)

    # -- what it may read --

    @property
    def dynamic(self) -> bytes:
        """PRU Dynamic. Our meter is behind the rectifier, so both pairs of fields are the same;
        they are 0 while no grant lets power in.
        """
        _, bus_mV, current_mA, coil_dC, _, _, _ = self._board.figures
        alert = self.alert
        validity = airfuel.VOUT | airfuel.IOUT
        if coil_dC != TEMPERATURE_UNKNOWN_dC:
            validity |= airfuel.TEMPERATURE
        if self._board.receiver_on:
            alert |= airfuel.CHARGE_PORT
        else:
            bus_mV = current_mA = 0
        received_mA = -current_mA  # what leaves the battery counts as positive
        return airfuel.pack_dynamic(
            validity, bus_mV, received_mA, bus_mV, received_mA, coil_dC // 10, alert
        )

    @property
    def alert(self) -> int:
        """PRU Alert: bits of airfuel."""
        board = self._board
        state = board.state_byte
        alert = 0
        for code, bit in _ALERTS:
            if code in board.faults:
                alert |= bit
        if state & wire.PROBLEM:
            alert |= airfuel.SELF_PROTECTION
        if board.soc_permille == 1000:
            alert |= airfuel.CHARGE_COMPLETE
        if state & wire.CABLE:
            alert |= airfuel.WIRED_CHARGER
        return alert
