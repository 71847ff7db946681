# SPDX-License-Identifier: MIT
"""ST STWLC38 receiver, register by register, after ST's wlc38_register.py (BSD-3).

It runs on MicroPython too, so that the driver's tests meet the same chip on every VM. Modelled:
supply from the field alone, output on and off, latches, the EPT packet, lock-up.
Not modelled: the field, FOD arithmetic (the table is kept, received_mW is a knob), the extended
profile, proprietary packets, the scales of VOUT_SET and ILIM, reset values of unused registers.
"""

TYPE_CHECKING = False  # known to type checkers; `typing` is absent on MicroPython
if TYPE_CHECKING:
    from collections.abc import Callable

BOOT_ms = 20

ID, MODE, CLEAR, LATCH, STATUS = 0x0000, 0x000E, 0x0084, 0x0088, 0x008C
COMMAND, MEASURED, RECEIVED, FOD, EPT_MESSAGE = 0x0090, 0x0092, 0x00A6, 0x00B6, 0x00CF
FOD_BYTES = 17
OUTPUT_ON, OUTPUT_OFF = 6, 7
OVTP, OCP, OVP, SYS_ERR, SCP, UVLO = 0, 1, 2, 3, 4, 12  # bits for trip()


class Stwlc38:
    """The chip; `now_ms()` is the plant's clock, `on_ept(code)` gets each EPT packet it sends."""

    def __init__(
        self,
        now_ms: "Callable[[], int]",
        on_ept: "Callable[[int], None] | None" = None,
        address: int = 0x61,
    ):
        self.address = address
        self._now_ms = now_ms
        self._on_ept = on_ept
        self._field = False
        self.received_mW = 0  # knobs: what the chip measures
        self.vrect_mV = 5300
        self.vout_mV = 5000
        self.current_mA = 0
        self.die_dC = 250
        self.ntc_raw = 0
        self.stuck: dict[int, int] = {}  # knob: register -> value that no write changes
        self.locked = False  # knob: no answer until the field has gone and come back
        self._boot()

    @property
    def field(self) -> bool:
        return self._field

    @field.setter
    def field(self, present: bool) -> None:
        if present != self._field:
            self._field = present
            self._boot()

    @property
    def output(self) -> bool:
        """True while the receiver delivers voltage."""
        return self._alive() and bool(self._status >> OUTPUT_ON & 1)

    def _boot(self) -> None:
        self.locked = False
        self._booted_ms = self._now_ms()
        self._pointer = 0
        self._latch = 0
        self._status = 0
        self._registers: dict[int, int] = {ID: 38, ID + 1: 0, MODE: 2}
        for offset in range(6):
            self._registers[FOD + 5 + offset] = 128  # factory gain

    def _alive(self) -> bool:
        return self._field and self._now_ms() - self._booted_ms >= BOOT_ms

    def trip(self, bit: int) -> None:
        """Make the chip protect itself: it latches `bit` and switches its output off."""
        self._latch |= 1 << bit
        self._switch(False)

    def write(self, data: bytes) -> None:
        self._answer()
        if len(data) < 2:
            return
        self._pointer = data[0] << 8 | data[1]
        for offset in range(2, len(data)):
            self._store(self._pointer + offset - 2, data[offset])

    def read(self, count: int) -> bytes:
        self._answer()
        return bytes([self._byte(self._pointer + offset) for offset in range(count)])

    def _answer(self) -> None:
        if not self._alive() or self.locked:
            raise OSError

    def _store(self, register: int, value: int) -> None:
        if register in self.stuck:
            return
        if CLEAR <= register < CLEAR + 4:
            self._latch &= ~(value << 8 * (register - CLEAR))
        elif register == COMMAND:
            self._command(value)
        elif 0x00B1 <= register <= EPT_MESSAGE:
            self._registers[register] = value

    def _command(self, value: int) -> None:
        if value & 1:
            self._switch(True)
        if value & 2:
            self._switch(False)
        if value & 16 and self._on_ept is not None:
            self._on_ept(self._registers.get(EPT_MESSAGE, 0))

    def _switch(self, on: bool) -> None:
        self._status = 1 << OUTPUT_ON if on else 1 << OUTPUT_OFF
        self._latch |= self._status

    def _byte(self, register: int) -> int:
        if register in self.stuck:
            return self.stuck[register]
        if MEASURED <= register < MEASURED + 12:
            words = (
                self.vrect_mV,
                self._vout_mV(),
                self.current_mA,
                self.die_dC,
                146,
                self.ntc_raw,
            )
            word = words[(register - MEASURED) // 2]
            return word >> 8 * (register - MEASURED & 1) & 0xFF
        for start, size, value in (
            (LATCH, 4, self._latch),
            (STATUS, 4, self._status),
            (RECEIVED, 2, self.received_mW),
        ):
            if start <= register < start + size:
                return value >> 8 * (register - start) & 0xFF
        return self._registers.get(register, 0)

    def _vout_mV(self) -> int:
        return self.vout_mV if self._status >> OUTPUT_ON & 1 else 0
