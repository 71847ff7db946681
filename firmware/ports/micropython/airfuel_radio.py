# SPDX-License-Identifier: MIT
"""AirFuel's service in the stack's table, loaded only where the owner switched it on.

As in radio.py, the interrupt handler only copies; the loop hands the copies to the core.
"""

import bluetooth

from wptcore import airfuel
from wptcore.compat import const

_ADVERT_us = const(20_000)  # a transmitter must be able to connect within airfuel.CONNECT_MAX_ms
_IRQ_GATTS_WRITE = const(3)
_WRITES_MAX = const(4)  # values of one link that wait for the loop
_WRITTEN = bluetooth.FLAG_WRITE | bluetooth.FLAG_WRITE_NO_RESPONSE
_ALERTED = bluetooth.FLAG_READ | bluetooth.FLAG_NOTIFY | bluetooth.FLAG_INDICATE
# In the order that gives the handles which a transmitter counts. The stack cuts what is too long
# and does not say so: one byte more than the profile's shows it.
_ROWS = (
    (airfuel.PRU_CONTROL, _WRITTEN, airfuel.CONTROL_SIZE + 1),
    (airfuel.PTU_STATIC, _WRITTEN, airfuel.PTU_STATIC_SIZE + 1),
    (airfuel.PRU_ALERT, _ALERTED, airfuel.ALERT_SIZE),
    (airfuel.PRU_STATIC, bluetooth.FLAG_READ, airfuel.PRU_STATIC_SIZE),
    (airfuel.PRU_DYNAMIC, bluetooth.FLAG_READ, airfuel.DYNAMIC_SIZE),
)


def service() -> tuple:
    """Return the service as `bluetooth` takes it."""
    rows = tuple((bluetooth.UUID(uuid), flags) for uuid, flags, _ in _ROWS)
    return (bluetooth.UUID(airfuel.SERVICE), rows)


class AirFuelRadio:
    """`unit`: receiving_unit.ReceivingUnit; `handles`: of the service's values, in their order."""

    def __init__(self, unit, ble, handles):
        self._unit = unit
        self._ble = ble
        self._control, self._ptu_static, self._alert, static, self._dynamic = handles
        for i in range(len(_ROWS)):
            ble.gatts_set_buffer(handles[i], _ROWS[i][2])
        ble.gatts_write(static, unit.static)
        self.advert = airfuel.pack_advert(self._control - airfuel.CONTROL_OFFSET)
        self.advert_us = _ADVERT_us
        self._writes = []  # (link, handle of the value, value), oldest first
        self._readers = []  # links that have read dynamic values
        self._alerted = -1  # as it is shown now

    def note(self, event, data) -> bool:
        """Copy what a transmitter wrote; False: it is no event of this service."""
        if event != _IRQ_GATTS_WRITE or data[1] not in (self._control, self._ptu_static):
            return False
        link, handle = data[0], data[1]
        if sum(1 for write in self._writes if write[0] == link) < _WRITES_MAX:
            self._writes.append((link, handle, self._ble.gatts_read(handle)))
        return True

    def prepare_read(self, link: int, handle: int) -> None:
        """Make the dynamic values those of now."""
        if handle == self._dynamic:
            self._ble.gatts_write(handle, self._unit.dynamic)
            if link not in self._readers:
                self._readers.append(link)

    def step(self) -> None:
        """Hand what came to the core; send an alert that is new."""
        writes, self._writes = self._writes, []  # what comes meanwhile waits for the next pass
        for link, handle, value in writes:
            take = self._unit.on_control if handle == self._control else self._unit.on_static
            take(link, value)
        readers, self._readers = self._readers, []
        for link in readers:
            self._unit.on_read(link)
        alert = self._unit.alert
        if alert != self._alerted:
            self._ble.gatts_write(self._alert, bytes((alert,)), alert != 0)
            self._alerted = alert
