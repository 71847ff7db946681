# SPDX-License-Identifier: MIT
"""ST STWBC86 transmitter, register by register, after ST's register file and driver (BSD-3).

It runs on MicroPython too, so that the driver's tests meet the same chip on every VM. Modelled:
reset and supply, pinging by itself after power-up, the packets' latches, control-error and
received-power timeouts, power-loss FOD with debounce, reasons for ending power, lock-up.
Not modelled: the field (the plant sets sent_mW and received_mW), the hardware registers
behind opcode 0xFA, NVM, proprietary packets and their 10-15 ms answer, the reset value of each
register (only of those used), what the real chip does after an end of power (here: it pings
again).
"""

TYPE_CHECKING = False  # known to type checkers; `typing` is absent on MicroPython
if TYPE_CHECKING:
    from collections.abc import Callable

BOOT_ms = 30
PING_ms = 500
CONTROL_ERROR_ms = 250
CE_TIMEOUT_ms = 1800
RP_TIMEOUT_ms = 24_000
FOD_STEP_mW = 32

ID, MODE, MEASURED, POWERS = 0x0000, 0x000E, 0x0040, 0x006E
CLEAR, LATCH, COMMAND = 0x00C4, 0x00C8, 0x00D0
FOD_THRESHOLD, FOD_DEBOUNCE, EPT_REASON = 0x00E0, 0x00E1, 0x00E6

# bits of the interrupt latch
RP, CE, EPT, PING, SS, ID_PACKET, CFG, FOD = 4, 5, 10, 11, 12, 13, 14, 17
LATCH_OF_REASON = {0: 2, 1: 1, 2: 0, 3: FOD, 9: 3}  # OVP, OCP, OVTP, FOD, SYS_ERR
# bits of the EPT reason
R_FOD, R_RX, R_CE_TO, R_RP_TO, R_SS_TO = 3, 5, 6, 7, 10

OFF, PINGING, POWER = 0, 1, 2


class Stwbc86:
    """The chip; `now_ms()` is the plant's clock. Attributes called knobs are set from outside."""

    def __init__(self, now_ms: "Callable[[], int]", address: int = 0x61):
        self.address = address
        self._now_ms = now_ms
        self._powered = False
        self._reset = False
        self.receiver = False  # knob: a receiver lies on the coil
        self.silent = False  # knob: it sends no packets
        self.rp_interval_ms = 1500  # knob: its received-power packets
        self.sent_mW = 0  # knobs: what the chip measures
        self.received_mW = 0
        self.vin_mV = 5000
        self.current_mA = 0
        self.die_dC = 250
        self.ntc_raw = 4092
        self.stuck: dict[int, int] = {}  # knob: register -> value that no write changes
        self.locked = False  # knob: no answer, the field stays (a lock-up in ST's forum)
        self.deaf = False  # knob: it answers but obeys no command
        self._boot()

    # -- wires --

    @property
    def powered(self) -> bool:
        return self._powered

    @powered.setter
    def powered(self, on: bool) -> None:
        if on != self._powered:
            self._powered = on
            self._boot()

    @property
    def reset(self) -> bool:
        """True while the line holds the chip in reset."""
        return self._reset

    @reset.setter
    def reset(self, held: bool) -> None:
        if held != self._reset:
            self._reset = held
            self._boot()

    @property
    def field(self) -> bool:
        """True while the coil is driven, also by a ping."""
        self.step()
        return self.state != OFF

    def _boot(self) -> None:
        self.locked = self.deaf = False
        self.state = OFF
        self._booted_ms = self._now_ms()
        self._running = False
        self._pointer = 0
        self._registers: dict[int, int] = {
            ID: 86,
            ID + 1: 0,
            MODE: 3,
            FOD_THRESHOLD: 4,
            FOD_DEBOUNCE: 4,
        }
        self._latch = 0
        self._reason = 0
        self._exceeded = 0

    # -- I2C --

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
        self.step()
        if not self._running or self.locked:
            raise OSError

    def _store(self, register: int, value: int) -> None:
        if register in self.stuck or self.deaf:
            return
        if CLEAR <= register < CLEAR + 4:
            self._latch &= ~(value << 8 * (register - CLEAR))
        elif register == COMMAND:
            self._command(value)
        elif 0x00D1 <= register <= 0x00E2:
            self._registers[register] = value

    def _byte(self, register: int) -> int:
        if register in self.stuck:
            return self.stuck[register]
        for start, size, value in (
            (MEASURED, 14, None),
            (POWERS, 4, self.received_mW | self.sent_mW << 16),
            (LATCH, 4, self._latch),
            (EPT_REASON, 3, self._reason),
        ):
            if start <= register < start + size:
                number = self._measured() if value is None else value
                return number >> 8 * (register - start) & 0xFF
        return self._registers.get(register, 0)

    def _measured(self) -> int:
        words = (self.vin_mV, self.vin_mV, self.current_mA, self.die_dC, self.ntc_raw, 0, 36_500)
        number = 0
        for word in reversed(words):
            number = number << 16 | word & 0xFFFF
        return number

    def _command(self, value: int) -> None:
        if value & 1:
            self._reason = 0
            self._ping()
        if value & 2:
            self.state = OFF

    # -- time --

    def step(self) -> None:
        """Lets the chip act up to now; every access does this first."""
        now_ms = self._now_ms()
        if not self._powered or self._reset:
            self.state = OFF
            self._running = False
            return
        if not self._running and now_ms - self._booted_ms >= BOOT_ms:
            self._running = True
            self._ping()
        if not self.locked:
            while self.state != OFF and now_ms >= self._due_ms:
                self._act(self._due_ms)

    def trip(self, reason: int) -> None:
        """Make the chip end power for `reason`, a bit of the EPT reason."""
        self.step()
        self._end(reason)

    def _ping(self) -> None:
        self.state = PINGING
        self._due_ms = self._now_ms()

    def _act(self, at_ms: int) -> None:
        if self.state == PINGING:
            self._latch |= 1 << PING
            self._due_ms = at_ms + PING_ms
            if not self.receiver or self.silent:
                self._latch |= 1 << EPT
                self._reason |= 1 << R_SS_TO
                return
            self._latch |= 1 << SS | 1 << ID_PACKET | 1 << CFG
            self.state = POWER
            self._heard_ms = self._power_heard_ms = at_ms
            self._exceeded = 0
            self._due_ms = at_ms + CONTROL_ERROR_ms
            return
        self._due_ms = at_ms + CONTROL_ERROR_ms
        self._packets(at_ms)

    def _packets(self, at_ms: int) -> None:
        if self.receiver and not self.silent:
            self._latch |= 1 << CE
            self._heard_ms = at_ms
            if at_ms - self._power_heard_ms >= self.rp_interval_ms:
                self._latch |= 1 << RP
                self._power_heard_ms = at_ms
                self._check_loss()
        if self.state == POWER and at_ms - self._heard_ms >= CE_TIMEOUT_ms:
            self._end(R_CE_TO)
        elif self.state == POWER and at_ms - self._power_heard_ms >= RP_TIMEOUT_ms:
            self._end(R_RP_TO)

    def _check_loss(self) -> None:
        threshold_mW = self._byte(FOD_THRESHOLD) * FOD_STEP_mW
        over = threshold_mW and self.sent_mW - self.received_mW > threshold_mW
        self._exceeded = self._exceeded + 1 if over else 0
        if over and self._exceeded >= max(1, self._byte(FOD_DEBOUNCE)):
            self._end(R_FOD)

    def _end(self, reason: int) -> None:
        """End power; unless it is switched off, the chip pings again later."""
        self._reason |= 1 << reason
        self._latch |= 1 << EPT
        if reason in LATCH_OF_REASON:
            self._latch |= 1 << LATCH_OF_REASON[reason]
        self.state = PINGING
        self._due_ms = self._now_ms() + PING_ms
