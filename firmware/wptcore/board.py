# SPDX-License-Identifier: MIT
"""One board: events in; coil permission, beacon, replies and records out. No I/O, no clock.

`Board.coil_on` is the only expression in the project that allows the coil.
"""

from wptcore import ept, transfer, wire
from wptcore.attendance import Attendance, WINDOW_DEFAULT_s
from wptcore.break_test import BreakTest
from wptcore.charge import Charge
from wptcore.checks import Checks, FLOW_mW
from wptcore.commands import Commands
from wptcore.consent import DEFAULT
from wptcore.fod import ForeignObject, UNCALIBRATED_MAX_mW
from wptcore.links import LINKS_MAX
from wptcore.overload import Overloads
from wptcore.owner import Owned
from wptcore.persistence import POWER_ON, Persistence
from wptcore.running import Running, interrupted
from wptcore.units import clamp, odometer_delta_mJ, power_mW
from wptcore.warming import Warming


class Board(Owned):
    """`key`: 32 bytes, or b"" for a board that was never provisioned (it refuses every grant).

    `limits`: limits.Limits; `roles`: bit mask of wire.PTX and wire.PRX; `saved`: journal.Saved as
    found at boot; `sha256`: `hashlib.sha256`; `curve`: fod.LossCurve of this rig or None;
    `boot_cause`: persistence.POWER_ON and its like; `market`: see Commands; `attended_s`: how
    long one press of the button attends, or attendance.ALWAYS_s; `features`: what this kind of
    board carries, as bits of wire; `links_max`, `peers`: see links.Links;
    `consent`: the first two and `quotas` of consent.Consent; `pairs`: loss curves of
    its coil with others' (fod.ForeignObject); `owner_key`: what it shares with its owner, or b"".
    """

    def __init__(
        self,
        board_id: int,
        key: bytes,
        limits,
        roles: int,
        saved,
        sha256,
        curve=None,
        boot_cause=POWER_ON,
        market=None,
        attended_s=WINDOW_DEFAULT_s,
        features=wire.CARRIED,
        links_max=LINKS_MAX,
        peers=None,
        consent=(DEFAULT, 0, None),
        pairs=(),
        owner_key=b"",
    ):
        self._store = Persistence(saved, boot_cause)  # first: it begins a new epoch in `saved`
        super().__init__(board_id, key, limits, roles, saved, sha256, features)
        self._peers = peers
        self.consent = self._make_consent(consent, saved, sha256, owner_key)
        self.is_held = bool(saved.hold)
        self._checks = Checks(self._diagnosis, limits)
        self._fod = ForeignObject(curve, saved.fod_exceedances, pairs)
        self._charge = Charge(limits.capacity_mJ, saved.mark_permille, saved.unmoved_mJ)
        self._attendance = Attendance(attended_s, bool(saved.off))
        self._overloads = Overloads(saved.hot_ends, saved.hot_age_s)
        self._warming = Warming()
        self._break_test = BreakTest()
        self._commands = Commands(self, key, sha256, market, links_max, peers)
        if self._store.boots_loop:
            self._diagnosis.trip(ept.BOOT_LOOP)
        self._ending = interrupted(saved, self._meter)  # has ended and has no receipt yet
        self._supervise()

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
            and self._diagnosis.blocking == ept.NONE
            and not self._cable_holds
        )

    @property
    def pulses_on(self) -> bool:
        """May the second break close, after the first one?"""
        return self.coil_on and self._break_test.pulses

    @property
    def receiver_on(self) -> bool:
        """May the receiver feed the battery now? Never together with the coil."""
        running = self._running
        return running is not None and running.role == wire.PRX and running.lease_ms > 0

    @property
    def is_attentive(self) -> bool:
        """Is power flowing or about to flow, so that samples must come fast?"""
        return self._running is not None or self._break_test.watches

    # -- events --

    def on_sample(
        self, bus_mV: int, current_mA: int, coil_dC: int, battery_dC: int, dt_ms: int
    ) -> None:
        """Take one coherent sample; `current_mA` > 0 leaves the battery.

        It is of the receiver's meter while `receiver_on`, else of the transmitter's.
        """
        receiving = self.receiver_on
        coil_dC = clamp(coil_dC, -0x8000, 0x7FFF)
        self._bus_mV = bus_mV
        self._current_mA = current_mA
        self._coil_dC = coil_dC
        switch_on = receiving or self.pulses_on
        self._checks.sample(
            bus_mV, current_mA, coil_dC, battery_dC, dt_ms, not receiving, switch_on
        )
        if self._running is not None:
            self._measure(power_mW(bus_mV, current_mA), dt_ms)
        elif not self._cable:
            self._charge.sample(bus_mV, current_mA, dt_ms)
        self._supervise()

    def on_bad_sample(self, code: int, dt_ms: int) -> None:
        """Note that the meter answered without a measurement (overflow, calibration lost)."""
        self._checks.bad_sample(code, dt_ms)
        self._supervise()

    def on_idle_side(self, bus_mV: int, current_mA: int, dt_ms: int) -> None:
        """Take a sample of the other meter: its switch is off, so no power may flow."""
        self._checks.idle_side(bus_mV, current_mA, dt_ms)
        self._supervise()

    def on_fault(self, code: int) -> None:
        """Raise a declared fault that a driver found."""
        self._diagnosis.trip(code)
        self._supervise()

    def on_qi_end(self, code: int) -> None:
        """Note that the Qi chip ended by itself, for the reason that its driver read."""
        if self._diagnosis.declares(code):
            self.on_fault(code)
        elif self._running is not None:
            self._end(code)

    def on_soc(self, soc_permille: int) -> None:
        """Take what the gauge says, or wire.SOC_UNKNOWN_permille when it does not know."""
        self._charge.on_reading(soc_permille)
        self._checks.soc_seen()
        self._judge_charge()
        if self.soc_permille <= 1000:
            self._floor.update(self.soc_permille, self._charge.is_settled)
        self._supervise()

    def on_gauge_reset(self) -> None:
        """Note that the gauge lost its estimate: the charge is unknown until it has settled."""
        self._charge.on_gauge_reset()
        self._judge_charge()
        self._supervise()

    def on_field(self, present: bool) -> None:
        self._field = present

    def on_cable(self, present: bool) -> None:
        self._cable = present
        if present:
            self._charge.on_cable()
        self._diagnosis.observe(ept.ROLE_CONFLICT, self._cable_holds, 0)
        self._supervise()

    def on_elapsed(self, dt_ms: int) -> None:
        self.now_ms = (self.now_ms + dt_ms) & 0xFFFFFFFF
        self._commands.on_elapsed(dt_ms)
        self._checks.elapsed(dt_ms)
        self._store.elapse(dt_ms, self._running is not None)
        self._charge.elapse(dt_ms)
        self._break_test.elapse(self.coil_on, dt_ms)
        self._attendance.elapse(dt_ms)
        self._overloads.elapse(dt_ms)
        self._warming.elapse(dt_ms, self._running is not None)
        self.consent.elapse(dt_ms)
        if self._peers is not None:
            self._peers.elapse(dt_ms)
        if self._running is not None:
            self._running.elapse(dt_ms)
        self._judge_charge()
        self._supervise()

    def on_link(self, handle: int, nonce: bytes) -> None:
        """Note a new connection and the nonce of its challenge; an empty nonce: it has gone."""
        self._commands.on_link(handle, nonce)

    def on_command(self, handle: int, frame: bytes) -> None:
        """Take a frame as it came from the air."""
        self._commands.on_frame(handle, frame)

    def on_loss_curve(self, curve, pairs=()) -> None:
        """Use other curves from now on, as fod.ForeignObject takes them."""
        self._fod = ForeignObject(curve, self._fod.exceedances, pairs)

    # -- authenticated commands: each returns NONE or a refusal --

    def grant(self, grant: tuple) -> int:
        """Take the fields of wire.GRANT. The same grant again changes nothing."""
        wanted = Running(grant, self._meter.odometer_mJ(grant[1]), self.soc_permille)
        if self._running is not None and self._running.is_same(wanted):
            return ept.NONE
        if self._running is not None and self._running.by_peer and not wanted.by_peer:
            self._end(ept.HOST_FIRST)
        code = self._refusal(wanted)
        if code != ept.NONE:
            return code
        if self._receipts.has(wanted.transfer_id):
            return ept.UNKNOWN_TRANSFER  # it has ended; a grant is never given twice
        if not wanted.in_range(self._limits.power_max_mW):
            return ept.OUT_OF_RANGE
        self._start(wanted)
        return ept.NONE

    def renew(self, transfer_id: int, lease_ms: int, peer_power_mW: int, peer_ept: int) -> int:
        if lease_ms == 0:
            return ept.OUT_OF_RANGE
        return self._renew(transfer_id, peer_ept, (lease_ms,), (peer_power_mW,), False)

    def renew_group(self, transfer_id: int, peer_ept: int, *reports) -> int:
        """Take the lease and the power of each receiver; see running.Running.extend."""
        leases_ms, powers_mW = reports[: wire.GROUP_MAX], reports[wire.GROUP_MAX :]
        return self._renew(transfer_id, peer_ept, leases_ms, powers_mW, True)

    def _renew(self, transfer_id, peer_ept, leases_ms, powers_mW, of_group) -> int:
        running = self._running
        if running is None or running.transfer_id != transfer_id or running.is_pad != of_group:
            return ept.UNKNOWN_TRANSFER
        if max(leases_ms) > wire.LEASE_MAX_ms:
            return ept.OUT_OF_RANGE
        if peer_ept != ept.NONE:
            self._end(ept.PEER_ENDED)
            return ept.NONE
        received_mW = running.extend(leases_ms, powers_mW)
        if running.role == wire.PTX:
            self._compare(running, received_mW)
        return ept.NONE

    def stop(self, transfer_id: int) -> int:
        running = self._running
        if running is not None and running.transfer_id == transfer_id:
            self._end(ept.STOPPED)
        return ept.NONE if self._receipts.has(transfer_id) else ept.UNKNOWN_TRANSFER

    # -- the safety decision --

    def _refusal(self, wanted) -> int:
        """Why no transfer may start now, or NONE."""
        role = wanted.role
        if self._diagnosis.latch != ept.NONE:
            return ept.LATCHED
        if self._attendance.off:
            return ept.OWNER_OFF
        if self.state == transfer.MAINT:
            return ept.MAINTENANCE
        if self._running is not None or self._ending is not None:
            return ept.BUSY
        if (role != wire.PTX and role != wire.PRX) or not role & self._roles:
            return ept.NO_ROLE
        if self._diagnosis.blocking != ept.NONE:
            return self._diagnosis.blocking
        code = self._donor_refusal(wanted) if role == wire.PTX else ept.NONE
        return code or self._power_ends(wanted) or self._role_ends(role)

    def _donor_refusal(self, wanted) -> int:
        if self._floor.refuses(self.soc_permille, self._own_floor_pct(wanted)):
            return ept.FLOOR
        if self._charge.is_low(self._floor.floor_pct):
            return ept.FLOOR
        if not self._fod.allows(wanted):
            return ept.UNCALIBRATED
        return self._consent_ends(wanted) or self._consent_asks(wanted)

    def _end_reason(self, running) -> int:
        """Why the running transfer must end now, or NONE."""
        quiet_max_ms = self._limits.quiet_max_ms(self.state == transfer.PING)
        code = self._diagnosis.blocking or running.exhausted(quiet_max_ms)
        if code == ept.NONE and running.role == wire.PTX:
            counted_permille = running.soc_after_next_permille(self._limits.capacity_mJ)
            soc_permille = min(self.soc_permille, counted_permille)
            if self._floor.reached(soc_permille, self._own_floor_pct(running)):
                code = ept.FLOOR
            code = code or self._consent_ends(running)
        if code == ept.NONE and self._attendance.off:
            code = ept.OWNER_OFF
        return code or self._power_ends(running) or self._role_ends(running.role)

    def _power_ends(self, running) -> int:
        """Why the granted power is too much now, or NONE."""
        dull = self._diagnosis.stands(ept.THERMISTOR_DULL)
        if dull and running.role == wire.PTX and running.power_max_mW > UNCALIBRATED_MAX_mW:
            return ept.THERMISTOR_DULL
        return ept.NONE if self._attendance.allows(running.power_max_mW) else ept.UNATTENDED

    def _role_ends(self, role: int) -> int:
        if role == wire.PTX:
            return ept.ROLE_CONFLICT if self._cable_holds else ept.NONE
        return ept.CHARGE_COMPLETE if self.soc_permille == 1000 else ept.NONE

    def _supervise(self) -> None:
        """Act on what stands now, after every event that can end a transfer or latch."""
        if self._ending is not None:
            self._close(self._ending)
        if self._running is not None:
            code = self._end_reason(self._running)
            if code != ept.NONE:
                self._end(code)
        if self._diagnosis.latch != ept.NONE:
            self.state = transfer.next_state(self.state, transfer.TRIP)
        if self._diagnosis.changed:
            self._store.due = True
            self._diagnosis.changed = False

    def _judge_charge(self) -> None:
        self.soc_permille = self._charge.soc_permille
        self._checks.soc(self.soc_permille)

    def _compare(self, running, peer_power_mW: int) -> None:
        """Compare both ends of a transfer: foreign objects, a missing receiver, a dull sensor."""
        code = self._fod.compare(running.power_mW, peer_power_mW)
        if running.by_peer and self._peers.is_implausible(running.power_mW, peer_power_mW):
            code = code or ept.PEER_LOST
        if code == ept.FOREIGN_OBJECT:
            self._diagnosis.trip(code)
        elif code != ept.NONE:
            self._end(code)
        judged = self._fod.judged or not self._fod.judges
        lost_mJ = running.answered(peer_power_mW, judged, FLOW_mW)
        dull = self._warming.lose(lost_mJ, self._coil_dC)
        if dull:
            self._diagnosis.observe(ept.THERMISTOR_DULL, dull > 0, 0)
        self._supervise()

    def _measure(self, power_mW: int, dt_ms: int) -> None:
        running = self._running
        flow_mW = self._meter.add(running.role, power_mW, dt_ms)
        energy_mJ = odometer_delta_mJ(running.start_mJ, self._meter.odometer_mJ(running.role))
        running.measure(flow_mW, energy_mJ, self._coil_dC, flow_mW >= FLOW_mW, dt_ms)
        if running.role == wire.PTX:
            self.consent.give(running.sample_mJ, running.crowd)
            self._charge.count(running.sample_mJ)
        else:
            self.consent.taken_mJ += running.sample_mJ
            self._charge.count(-running.sample_mJ)
        self._charge.disturb()
        if running.is_flowing and self.state == transfer.PING:
            self.state = transfer.next_state(self.state, transfer.FLOW)

    # A full memory may cut each of these short: power flows only with a record of it to come, and
    # what has ended is closed by the next event, or after the restart by what the journal says.

    def _start(self, running) -> None:
        running.give_at_most(self._limits.gives_mW)
        self._newest = running
        self._ended_by = ept.NONE
        self._fod.begin(running)
        self._warming.begin(self._coil_dC)
        state = transfer.next_state(self.state, transfer.GRANT)
        self._store.due = True
        self._running, self.state = running, state

    def _end(self, code: int) -> None:
        running = self._running
        state = transfer.next_state(self.state, transfer.END)
        running.ended_by = code
        running.power_mW = 0
        self._running, self._ending, self.state = None, running, state
        self._supervise()

    def _close(self, running) -> None:
        """Note why a transfer has ended, and sign its receipt."""
        code = self._ended_by = running.ended_by
        if code == ept.FLOOR:
            self._floor.cut = True
        if code == ept.LEASE_LOST:
            self._diagnosis.trip(code)
        if not self._receipts.has(running.transfer_id):
            odometer_mJ = self._meter.odometer_mJ(running.role)
            self._receipts.keep(running, self.soc_permille, odometer_mJ)
        self._store.due = True
        self._ending = None
        if self._peers is not None and self._peers.lost_too_often(running):
            self._diagnosis.trip(ept.REPEATED_PEER_LOSS)
        if self._overloads.repeated(code):
            self._diagnosis.trip(ept.REPEATED_OVERLOAD)
