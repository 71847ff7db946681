# SPDX-License-Identifier: MIT
"""One board: events in; coil permission, beacon, replies and records out. No I/O, no clock.

`Board.coil_on` is the only expression in the project that allows the coil.
"""

from wptcore import ept, transfer, wire
from wptcore.commands import Commands
from wptcore.compat import const
from wptcore.floor import DonorFloor, FLOOR_MAX_pct, FLOOR_MIN_pct
from wptcore.meter import Meter
from wptcore.receipts import Receipts
from wptcore.running import Running
from wptcore.units import odometer_delta_mJ, power_mW

_FLOW_mW = const(150)  # below it nothing is transferred: a coil without a receiver idles
_PING_WINDOW_ms = const(5000)
_QUIET_MAX_ms = const(1800)  # Qi's control-error timeout
_SAMPLE_MAX_ms = const(500)
_SOC_MAX_ms = const(5000)
_SAVE_EVERY_ms = const(60000)

_LATCHING = (ept.LEASE_LOST,)


class Board:
    """`key`: 32 bytes, or b"" for a board that was never provisioned (it refuses every grant).

    `limits`: limits.Limits; `roles`: bit mask of wire.PTX and wire.PRX; `saved`: journal.Saved as
    found at boot; `sha256` comes from the port (`hashlib.sha256`).
    """

    def __init__(self, board_id: int, key: bytes, limits, roles: int, saved, sha256):
        saved.epoch = (saved.epoch + 1) & 0xFFFF
        self.board_id = board_id
        self.state = transfer.FAULT if saved.latch else transfer.IDLE
        self.ept = saved.latch
        self._provisioned = bool(key)
        self._limits = limits
        self._roles = roles
        self._saved = saved
        self._commands = Commands(self, key, sha256)
        self._receipts = Receipts(board_id, saved.epoch, key, sha256, saved.receipts)
        self._floor = DonorFloor(saved.floor_pct, bool(saved.floor_cut))
        self._meter = Meter(saved.sent_mJ, saved.received_mJ)
        self._running = None
        self._shown = None  # the running transfer or the last one, for Acks
        self._latch = saved.latch
        self._raised = ept.NONE
        self._soc_permille = wire.SOC_UNKNOWN_permille
        self._soc_age_ms = 0
        self._sample_age_ms = _SAMPLE_MAX_ms + 1
        self._bus_mV = 0
        self._current_mA = 0
        self._coil_dC = 0
        self._field = False
        self._cable = False
        self._sequence = 0
        self._packet_id = 0
        self._save_due = True  # the new epoch
        self._save_age_ms = 0
        self._close_interrupted()

    # -- permission --

    @property
    def coil_on(self) -> bool:
        """May the transmitter coil be powered now?"""
        running = self._running
        return (
            running is not None
            and running.role == wire.PTX
            and running.lease_ms > 0
            and (self.state == transfer.PING or self.state == transfer.POWER)
            and self._latch == ept.NONE
            and not self._cable
        )

    @property
    def receiver_on(self) -> bool:
        """May the receiver feed the battery now? Never together with the coil."""
        running = self._running
        return running is not None and running.role == wire.PRX and running.lease_ms > 0

    # -- events --

    def on_sample(
        self, bus_mV: int, current_mA: int, coil_dC: int, battery_dC: int, dt_ms: int
    ) -> None:
        """One coherent sample of the meter that `receiver_on` names (the receiver's, else the
        transmitter's); `current_mA` > 0 leaves the battery."""
        self._sample_age_ms = 0
        self._bus_mV = bus_mV
        self._current_mA = current_mA
        self._coil_dC = coil_dC
        self._raised = self._limits.check(
            bus_mV, current_mA, coil_dC, battery_dC, not self.receiver_on
        )
        if self._running is not None:
            self._measure(power_mW(bus_mV, current_mA), dt_ms)
            self._supervise()

    def on_bad_sample(self, code: int) -> None:
        """The meter answered, but not with a measurement (overflow, calibration lost)."""
        self._raised = code
        self._supervise()

    def on_soc(self, soc_permille: int) -> None:
        """wire.SOC_UNKNOWN_permille when the gauge does not know."""
        self._soc_age_ms = 0
        self._soc_permille = soc_permille
        if soc_permille <= 1000:
            self._floor.update(soc_permille)

    def on_field(self, present: bool) -> None:
        self._field = present

    def on_cable(self, present: bool) -> None:
        self._cable = present

    def on_elapsed(self, dt_ms: int) -> None:
        self._commands.on_elapsed(dt_ms)
        self._sample_age_ms += dt_ms
        self._soc_age_ms += dt_ms
        self._save_age_ms += dt_ms
        if self._soc_age_ms > _SOC_MAX_ms:
            self._soc_permille = wire.SOC_UNKNOWN_permille
        if self._running is not None:
            self._running.elapse(dt_ms)
            self._supervise()
            if self._save_age_ms >= _SAVE_EVERY_ms:
                self._save_due = True

    def on_link(self, handle: int, nonce: bytes) -> None:
        """A connection came, with the nonce that its challenge carries; or went: empty nonce."""
        self._commands.on_link(handle, nonce)

    def on_command(self, handle: int, frame: bytes) -> None:
        """Bytes as they came from the air."""
        self._commands.on_frame(handle, frame)

    def on_maintenance(self, entered: bool) -> None:
        if entered and self._running is not None:
            self._end(ept.MAINTENANCE)
        event = transfer.MAINT_ENTER if entered else transfer.MAINT_LEAVE
        self.state = transfer.next_state(self.state, event)
        if self._latch != ept.NONE:
            self.state = transfer.next_state(self.state, transfer.TRIP)

    # -- authenticated commands: each returns NONE or a refusal --

    def grant(self, grant: tuple) -> int:
        """The fields of wire.GRANT. The same grant again changes nothing."""
        transfer_id, role, _, power_max_mW, energy_max_mJ, duration_max_ms, floor_pct, lease_ms = (
            grant
        )
        running = self._running
        if running is not None and running.transfer_id == transfer_id and running.role == role:
            return ept.NONE
        code = self._refusal(role, floor_pct)
        if code != ept.NONE:
            return code
        if self._receipts.has(transfer_id):
            return ept.UNKNOWN_TRANSFER  # it has ended; a grant is never given twice
        if not (
            transfer_id > 0
            and 0 < lease_ms <= wire.LEASE_MAX_ms
            and 0 < power_max_mW <= self._limits.power_max_mW
            and energy_max_mJ > 0
            and duration_max_ms > 0
        ):
            return ept.OUT_OF_RANGE
        self._start(Running(grant, self._odometer_mJ(role), self._soc_permille))
        return ept.NONE

    def renew(self, transfer_id: int, lease_ms: int, _peer_power_mW: int, peer_ept: int) -> int:
        running = self._running
        if running is None or running.transfer_id != transfer_id:
            return ept.UNKNOWN_TRANSFER
        if not 0 < lease_ms <= wire.LEASE_MAX_ms:
            return ept.OUT_OF_RANGE
        if peer_ept != ept.NONE:
            self._end(ept.PEER_ENDED)
        else:
            running.lease_ms = lease_ms
        return ept.NONE

    def stop(self, transfer_id: int) -> int:
        running = self._running
        if running is not None and running.transfer_id == transfer_id:
            self._end(ept.STOPPED)
            return ept.NONE
        return ept.NONE if self._receipts.has(transfer_id) else ept.UNKNOWN_TRANSFER

    def clear(self, code: int) -> int:
        """Clears exactly the fault that the host names, so a newer one is not lost unseen."""
        if self._latch == ept.NONE:
            return ept.NONE
        if code != self._latch:
            return ept.LATCHED
        self._latch = ept.NONE
        self.state = transfer.next_state(self.state, transfer.CLEAR)
        self._save_due = True
        return ept.NONE

    def configure(self, item: int, value: int) -> int:
        if item != wire.CONFIGURE_FLOOR_pct or not FLOOR_MIN_pct <= value <= FLOOR_MAX_pct:
            return ept.OUT_OF_RANGE
        self._floor.floor_pct = value
        self._save_due = True
        return ept.NONE

    # -- the safety decision --

    def _refusal(self, role: int, floor_pct: int) -> int:
        """Why no transfer may start now, or NONE."""
        if self._latch != ept.NONE:
            return ept.LATCHED
        if self.state == transfer.MAINT:
            return ept.MAINTENANCE
        if self._running is not None:
            return ept.BUSY
        if (role != wire.PTX and role != wire.PRX) or not role & self._roles:
            return ept.NO_ROLE
        if self._unhealthy() != ept.NONE:
            return self._unhealthy()
        if role == wire.PTX and self._floor.refuses(self._soc_permille, floor_pct):
            return ept.FLOOR
        return self._role_ends(role)

    def _end_reason(self, running) -> int:
        """Why the running transfer must end now, or NONE."""
        code = self._unhealthy()
        if code == ept.NONE:
            code = running.exhausted()
        if code == ept.NONE:
            window_ms = _PING_WINDOW_ms if self.state == transfer.PING else _QUIET_MAX_ms
            code = ept.NO_RESPONSE if running.quiet_ms > window_ms else ept.NONE
        if code == ept.NONE and running.role == wire.PTX:
            counted_permille = running.soc_after_next_permille(self._limits.capacity_mJ)
            soc_permille = min(self._soc_permille, counted_permille)
            reached = self._floor.reached(soc_permille, running.floor_pct)
            code = ept.FLOOR if reached else ept.NONE
        return self._role_ends(running.role) if code == ept.NONE else code

    def _unhealthy(self) -> int:
        """What stands against any transfer in either role."""
        if self._raised != ept.NONE:
            return self._raised
        if self._sample_age_ms > _SAMPLE_MAX_ms:
            return ept.METER_STALE
        return ept.SOC_UNKNOWN if self._soc_permille > 1000 else ept.NONE

    def _role_ends(self, role: int) -> int:
        if role == wire.PTX:
            return ept.ROLE_CONFLICT if self._cable else ept.NONE
        return ept.CHARGE_COMPLETE if self._soc_permille == 1000 else ept.NONE

    def _supervise(self) -> None:
        """Called after every event that can end a transfer."""
        if self._running is None:
            return
        code = self._end_reason(self._running)
        if code != ept.NONE:
            self._end(code)

    def _measure(self, watts_mW: int, dt_ms: int) -> None:
        running = self._running
        if running.role == wire.PTX:
            watts_mW = watts_mW if watts_mW > 0 else 0
            self._meter.add_sent(watts_mW, dt_ms)
        else:
            watts_mW = -watts_mW if watts_mW < 0 else 0  # into the battery
            self._meter.add_received(watts_mW, dt_ms)
        energy_mJ = odometer_delta_mJ(running.start_mJ, self._odometer_mJ(running.role))
        flowing = watts_mW >= _FLOW_mW
        running.measure(watts_mW, energy_mJ, self._coil_dC, flowing)
        if flowing and self.state == transfer.PING:
            self.state = transfer.next_state(self.state, transfer.FLOW)

    def _start(self, running) -> None:
        self._running = running
        self._shown = running
        self.state = transfer.next_state(self.state, transfer.GRANT)
        self.ept = ept.NONE
        self._save_due = True

    def _end(self, code: int) -> None:
        running = self._running
        self._running = None
        running.power_mW = 0
        self.ept = code
        if code == ept.FLOOR:
            self._floor.cut = True
        if code in _LATCHING:
            self._latch = code
            self.state = transfer.next_state(self.state, transfer.TRIP)
        else:
            self.state = transfer.next_state(self.state, transfer.END)
        self._keep_receipt(running, code)

    # -- records --

    def _odometer_mJ(self, role: int) -> int:
        return self._meter.sent_mJ if role == wire.PTX else self._meter.received_mJ

    def _keep_receipt(self, running, code: int) -> None:
        self._receipts.keep(running, code, self._soc_permille, self._odometer_mJ(running.role))
        self._save_due = True

    def _close_interrupted(self) -> None:
        """A transfer that was running when the power failed gets its receipt now."""
        saved = self._saved
        if not saved.open_transfer_id:
            return
        grant = (saved.open_transfer_id, saved.open_role, saved.open_peer, 0, 0, 0, 0, 0)
        running = Running(grant, saved.open_start_mJ, saved.open_soc_permille)
        running.energy_mJ = odometer_delta_mJ(saved.open_start_mJ, self._odometer_mJ(running.role))
        self._keep_receipt(running, ept.REBOOTED)
        if self._latch == ept.NONE:
            self.ept = ept.REBOOTED

    def pop_save(self):
        """The state to store now (journal.Saved), or None."""
        if not self._save_due:
            return None
        self._save_due = False
        self._save_age_ms = 0
        saved = self._saved
        saved.sent_mJ = self._meter.sent_mJ
        saved.received_mJ = self._meter.received_mJ
        saved.latch = self._latch
        saved.floor_pct = self._floor.floor_pct
        saved.floor_cut = 1 if self._floor.cut else 0
        saved.receipts = self._receipts.stored
        running = self._running
        saved.open_transfer_id = 0 if running is None else running.transfer_id
        if running is not None:
            saved.open_role = running.role
            saved.open_peer = running.peer
            saved.open_start_mJ = running.start_mJ
            saved.open_soc_permille = running.soc_before_permille
        return saved

    # -- out --

    def pop_reply(self):
        """(link handle, frame) to notify, or None."""
        return self._commands.pop_reply()

    @property
    def unwelcome_link(self) -> int:
        """A link that the port must disconnect, or -1."""
        return self._commands.unwelcome()

    def challenge(self, nonce: bytes) -> bytes:
        """The `challenge` characteristic of one connection; `nonce` is fresh."""
        return wire.pack_challenge(self.board_id, self._saved.epoch, nonce)

    @property
    def receipts(self) -> bytes:
        """The last eight, newest first."""
        return self._receipts.stored

    @property
    def power_max_mW(self) -> int:
        return self._limits.power_max_mW

    @property
    def soc_permille(self) -> int:
        return self._soc_permille

    @property
    def limits(self) -> bytes:
        """The `limits` characteristic."""
        return wire.pack_limits(
            self.board_id,
            self._saved.epoch,
            self._limits.capacity_mJ,
            self._limits.power_max_mW,
            self._floor.floor_pct,
            self._floor.resume_pct,
            self._roles,
        )

    def ack_fields(self) -> tuple:
        """What every Ack tells beside its command and code."""
        shown = self._shown
        told = (0, 0, 0) if shown is None else (shown.transfer_id, shown.power_mW, shown.energy_mJ)
        return (self.state, self.ept) + told + (self._soc_permille, self._coil_dC)

    @property
    def state_byte(self) -> int:
        """State and flags as the beacon carries them."""
        byte = self.state
        if self._field:
            byte |= wire.FIELD
        if self._cable:
            byte |= wire.CABLE
        if self._latch != ept.NONE or self._raised != ept.NONE:
            byte |= wire.PROBLEM
        if not self._provisioned:
            byte |= wire.UNPROVISIONED
        return byte

    def pack_beacon_into(self, buffer: bytearray, offset: int) -> None:
        self._sequence = (self._sequence + 1) & 0xFF
        running = self._running
        wire.pack_beacon_into(
            buffer,
            offset,
            self.board_id,
            self._saved.epoch,
            self._sequence,
            self.state_byte,
            self.ept,
            self._bus_mV,
            self._current_mA,
            self._soc_permille,
            self._coil_dC,
            0 if running is None else running.transfer_id,
            self._meter.sent_mJ,
            self._meter.received_mJ,
        )

    def pack_bthome_into(self, buffer: bytearray, offset: int) -> int:
        """Returns the end of the service data."""
        self._packet_id = (self._packet_id + 1) & 0xFF
        return wire.pack_bthome_into(
            buffer,
            offset,
            self._packet_id,
            self._soc_permille,
            self._bus_mV,
            self._current_mA,
            power_mW(self._bus_mV, self._current_mA),
            self._coil_dC,
            self.receiver_on,
            self.state_byte & wire.PROBLEM != 0,
        )
