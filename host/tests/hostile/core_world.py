# SPDX-License-Identifier: MIT
"""Random lives of one board core: commands good and bad, faults, torn writes, reboots.

The witness here knows what was sent over the air and what the plant is, and nothing of the core's
inside. After every step it says whether the core may do what it does. Not modelled: the port and
its timing (the live campaign has those), and more than one board.
"""

from binascii import crc32
from hashlib import sha256
from random import Random

from crowdcharge.boards.fleet import odometer_rise_mJ
from crowdcharge.boards.models import Beacon, unpack_receipts
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.rows import chained
from wptcore import auth, ept, transfer, wire
from wptcore.board import Board
from wptcore.declared import BY_HOST, CLEAR_BY, END, FAULTS, LATCH
from wptcore.fod import LossCurve
from wptcore.journal import Journal
from wptcore.limits import Limits
from wptcore.persistence import ASKED, BROWNOUT, OTHER, POWER_ON, WATCHDOG

from .core_plant import Plant

KEY = bytes(range(32))
LIMITS = Limits(3000, 5500, 3000, 12_000, 600, 0, 450, 100_000)
CURVE = LossCurve(250, 1350, 50, 400)
SAMPLE_ms = 20
TRIP_MAX_ms = 60 + 2 * SAMPLE_ms  # debounce of the limits, and a sample on either side
LATCHES = [code for code, severity, _, _ in FAULTS if severity == LATCH]
CODES = [code for code, _, _, _ in FAULTS]


class Life:
    """One random life. `story` is what happened, for the reader of a failure."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.plant = Plant(self.rng)
        self.flash = [b"", b""]
        self.now_ms = 0
        self.story: list[str] = []
        self.book = Book()
        self._hash, self._seq = "0" * 64, 0
        self.granted: dict[int, tuple[int, ...]] = {}  # transfer -> the fields that were accepted
        self.unsaved: set[int] = set()  # granted, and the board's flash knows nothing of it yet
        self.forgotten: set[int] = set()  # by a power cut in that moment
        self.lease_ends_ms = 0
        self.ends_ms = 0
        self.live = 0  # transfer that may run as far as the witness knows
        self.next_id = 1
        self.floor_pct = 20
        self.saved_mJ = (0, 0)
        self.old_frames: list[bytes] = []
        self._boot(POWER_ON)

    # -- the board --

    def _boot(self, cause: int) -> None:
        journal = Journal(self.flash, crc32)
        self.journal = journal
        self.board = Board(
            3, KEY, LIMITS, wire.PTX | wire.PRX, journal.saved, sha256, CURVE, cause
        )
        self.present_ms = 0  # somebody has just pressed the button
        self.attended_ms = 0
        self.link = 0
        self.live = 0
        self.plant.unmetered_ms = 0
        self._connect()
        self._save()

    def _connect(self) -> None:
        if self.link:
            self.board.on_link(self.link, b"")
        self.link += 1
        self.nonce = self.rng.randbytes(16)
        self.board.on_link(self.link, self.nonce)
        self.key = auth.session_key(sha256, KEY, self.nonce, bytes(16))
        self.counter = 0
        self.authentic = False

    def _save(self, cut_at: float = 2.0) -> bool:
        """Write what is due; `cut_at` below 1 cuts the power at that share of the bytes."""
        saved = self.board.pop_save()
        if saved is None:
            self._collect()
            return False
        slot, record = self.journal.next_record(saved)
        if cut_at < 1:
            end = int(cut_at * len(record))
            self.flash[slot] = record[:end] + self.flash[slot][end:]
            return True
        self.flash[slot] = record
        self._collect()  # what can be read has been stored
        self.unsaved.clear()
        beacon = self.beacon()
        self.saved_mJ = (beacon.sent_mJ, beacon.received_mJ)
        return False

    def beacon(self) -> Beacon:
        buffer = bytearray(wire.BEACON_SIZE)
        self.board.pack_beacon_into(buffer, 0)
        return Beacon.unpack(bytes(buffer))

    # -- what happens --

    def run_for(self, time_ms: int) -> None:
        """Run the loop as the port makes it: sample, charge, time."""
        board, plant = self.board, self.plant
        for _ in range(time_ms // SAMPLE_ms):
            self.now_ms += SAMPLE_ms
            self.present_ms = max(self.present_ms - SAMPLE_ms, 0)
            self.attended_ms = max(self.attended_ms - SAMPLE_ms, 0)
            plant.unmetered_ms += SAMPLE_ms
            self._sample()
            if self.rng.random() < 0.1 and plant.gauge:
                board.on_soc(plant.soc_permille)
            board.on_cable(plant.cable)
            board.on_elapsed(SAMPLE_ms)
            self._save()
            self.check()

    def _sample(self) -> None:
        board, plant = self.board, self.plant
        if plant.meter == "silent":
            return
        if plant.meter != "good":
            board.on_bad_sample(int(plant.meter), SAMPLE_ms)
            return
        flows = board.pulses_on or board.receiver_on or plant.stuck
        current_mA = plant.current_mA + self.rng.randint(0, 2) if flows else self.rng.randint(0, 2)
        plant.hot_ms = plant.hot_ms + SAMPLE_ms if plant.beyond() and flows else 0
        plant.unmetered_ms = 0
        sign = -1 if board.receiver_on else 1
        board.on_sample(
            plant.bus_mV, sign * current_mA, plant.coil_dC, plant.battery_dC, SAMPLE_ms
        )

    def send(self, frame_type: int, *fields: int | bytes) -> int:
        """Send an authentic, new command; return the Ack's code."""
        if not self.authentic and frame_type != wire.HELLO:
            self.send(wire.HELLO, bytes(16))
        self.counter += 1
        expires_ms = (self.board.now_ms + 4000) % (1 << 32)
        frame = wire.pack_frame(frame_type, self.counter, expires_ms, *fields)
        frame += auth.tag(sha256, self.key, auth.FROM_HOST, frame)
        self.old_frames.append(frame)
        return self.deliver(frame)

    def deliver(self, frame: bytes) -> int:
        self.board.on_command(self.link, frame)
        self._save()  # before the answer leaves
        code = ept.NONE
        while (reply := self.board.pop_reply()) is not None:
            code = wire.unpack_body(reply[1])[1]
        if self.board.unwelcome_link >= 0:
            self._connect()
        elif frame[1:2] == bytes((wire.HELLO,)) and code == ept.NONE:
            self.authentic = True
        return code

    def grant(self) -> None:
        fields = self._sane_grant() if self.rng.random() < 0.8 else self._odd_grant()
        was_running = self.board.is_running
        if self.send(wire.GRANT, *fields) != ept.NONE:
            return
        if was_running:
            assert fields[0] == self.live, "a second grant beside a running one"
            return
        assert fields[0] not in self.granted.keys() - self.forgotten, "granted twice"
        self.unsaved.add(fields[0])
        self.granted[fields[0]] = fields
        self.live = fields[0]
        self.lease_ends_ms = self.now_ms + fields[9]
        self.ends_ms = self.now_ms + fields[7]
        assert 0 < fields[9] <= wire.LEASE_MAX_ms

    def _sane_grant(self) -> tuple[int, ...]:
        rng = self.rng
        return (
            self._some_id(),
            rng.choice((wire.PTX, wire.PRX)),
            5,
            0,
            0,
            12_000,
            rng.choice((500, 20_000, 0xFFFFFFFF)),
            rng.choice((2000, 60_000)),
            rng.choice((0, 20, 30)),
            rng.choice((1000, 5000)),
            0,
        )

    def _odd_grant(self) -> tuple[int, ...]:
        rng = self.rng
        return (
            self._some_id(),
            rng.choice((0, wire.PTX, wire.PRX, 3)),
            rng.randint(0, 9),
            rng.choice((0, 0, 0, 1, 0xFFFF)),
            rng.choice((0, 0, 0, 1, 0xFFFF)),
            rng.choice((0, 1000, 12_000, 12_001)),
            rng.choice((0, 500, 0xFFFFFFFF)),
            rng.choice((0, 200, 60_000)),
            rng.choice((0, 10, 100, 255)),
            rng.choice((0, 100, 5000, 5001, 0xFFFF)),
            rng.choice((0, 0, 0, 1, 2, 255)),
        )

    def _some_id(self) -> int:
        if self.granted and self.rng.random() < 0.2:
            return self.rng.choice(list(self.granted))
        self.next_id += 1
        return self.next_id - 1

    def renew(self) -> None:
        lease_ms = self.rng.choice((0, 500, 2000, 5000, 6000))
        peer_ept = self.rng.choice((0, 0, 0, 0, ept.STOPPED))
        power_mW = self.rng.choice((0, 1900, 1900, 2000))
        transfer_id = self.live or self._some_id()
        code = self.send(wire.RENEW, transfer_id, lease_ms, power_mW, peer_ept)
        if code == ept.NONE and transfer_id == self.live and not peer_ept:
            assert 0 < lease_ms <= wire.LEASE_MAX_ms
            self.lease_ends_ms = self.now_ms + lease_ms

    def stop(self) -> None:
        self.send(wire.STOP, self.live or self._some_id())

    def clear(self) -> None:
        code = self.rng.choice((*LATCHES, *CODES))
        standing = set(self.board.faults)
        self.send(wire.CLEAR, code)
        cleared = standing - set(self.board.faults)
        assert cleared <= {code}, "more was cleared than was named"
        by_person = cleared - {each for each, by in CLEAR_BY.items() if by == BY_HOST}
        assert not by_person or self.present_ms > 0, "a key alone cleared a person's fault"

    def press(self) -> None:
        self.board.on_button(200)
        self.present_ms, self.attended_ms = 60_000, 1_800_000

    def owner_off(self) -> None:
        self.board.on_button(6000)
        self.present_ms = self.attended_ms = 0
        if self.board.is_off:
            assert not self.board.coil_on, "power though its owner switched it off"
            assert not self.board.receiver_on

    def configure(self) -> None:
        value = self.rng.choice((0, 9, 10, 19, 20, 22, 25, 25, 91, 1 << 31))
        if self.send(wire.CONFIGURE, self.rng.choice((1, 2)), value) == ept.NONE:
            assert self.floor_pct <= value <= 90, "by radio the floor rises only"
            self.floor_pct = value

    def ping(self) -> None:
        fields = (self._some_id(), self.rng.choice((0, 500, 3000, 3001)))
        was_running = self.board.is_running
        if self.send(wire.PING, *fields) != ept.NONE or was_running:
            return
        self.unsaved.add(fields[0])
        self.granted[fields[0]] = (fields[0], wire.PTX, 0, 0, 0, 1000, 3000, fields[1], 0, 0, 0)
        self.live = fields[0]
        self.lease_ends_ms = self.now_ms + fields[1] + 1000
        self.ends_ms = self.now_ms + fields[1]

    # -- a stranger on the link; none of it may have any effect --

    def hostile(self) -> None:
        before = self._image()
        frame = self.rng.choice((self._flipped, self._replayed, self._junk, self._reflected))()
        link = self.link
        self.board.on_command(link, frame)
        while self.board.pop_reply() is not None:
            pass
        assert self._image() == before, f"{frame.hex()} changed the board"
        if self.board.unwelcome_link >= 0:
            self._connect()

    def _image(self) -> tuple[object, ...]:
        board = self.board
        return (board.state, board.coil_on, board.receiver_on, board.faults, board.limits,
                board.receipts, board.is_running)  # fmt: skip

    def _flipped(self) -> bytes:
        frame = bytearray(self.rng.choice(self.old_frames or [bytes(30)]))
        frame[self.rng.randrange(len(frame))] ^= 1 << self.rng.randrange(8)
        return bytes(frame)

    def _replayed(self) -> bytes:
        return self.rng.choice(self.old_frames or [bytes(30)])

    def _junk(self) -> bytes:
        return self.rng.randbytes(self.rng.choice((0, 1, 22, 30, 49, 128, 600)))

    def _reflected(self) -> bytes:
        expires_ms = self.board.now_ms + 4000
        frame = wire.pack_frame(wire.STOP, self.counter + 5, expires_ms, self.live)
        return frame + auth.tag(sha256, self.key, auth.FROM_BOARD, frame)

    # -- power --

    def power_cut(self) -> None:
        """At any byte of a write that is under way, or between two."""
        if self.authentic:
            self.counter += 1
            expires_ms = self.board.now_ms + 4000
            frame = wire.pack_frame(wire.STOP, self.counter, expires_ms, self.live)
            frame += auth.tag(sha256, self.key, auth.FROM_HOST, frame)
            self.board.on_command(self.link, frame)  # its answer never leaves
        self._save(self.rng.random())
        self.forgotten |= self.unsaved
        self.unsaved.clear()
        self._boot(self.rng.choice((ASKED, POWER_ON, WATCHDOG, BROWNOUT, OTHER)))

    def maintenance(self) -> None:
        self.board.on_maintenance(self.rng.random() < 0.4)

    def qi_end(self) -> None:
        self.board.on_qi_end(
            self.rng.choice((ept.RESTART, ept.NO_RESPONSE, ept.INTERNAL_FAULT, ept.OVER_CURRENT))
        )

    # -- what must hold --

    def check(self) -> None:
        board, plant = self.board, self.plant
        assert not (board.coil_on and board.receiver_on), "both roles at once"
        if board.coil_on or board.receiver_on:
            self._check_permission(wire.PTX if board.coil_on else wire.PRX)
        if board.coil_on:
            grant = self.granted[self.live]
            floor_permille = 10 * max(self.floor_pct, grant[8])
            assert not plant.cable, "transmits on cable"
            assert board.soc_permille <= 1000, "transmits with an unknown charge"
            assert board.soc_permille > floor_permille, "transmits at or below its floor"
        self._check_faults()

    def _check_permission(self, role: int) -> None:
        assert self.live, "power without a grant"
        grant = self.granted[self.live]
        attended = self.attended_ms > 0 or grant[5] <= 1000
        assert attended, "more than 1 W with nobody near"
        assert grant[1] == role, "power in a role that was not granted"
        assert self.now_ms < self.lease_ends_ms, "power beyond the lease"
        assert self.now_ms <= self.ends_ms, "power beyond the granted time"
        assert self.plant.hot_ms <= TRIP_MAX_ms, "power beyond a limit"
        assert self.plant.unmetered_ms <= 500 + 2 * SAMPLE_ms, "power without a meter"
        assert self.board.state in {transfer.PING, transfer.POWER}

    def _check_faults(self) -> None:
        standing = set(self.board.faults)
        blocking = {code for code, severity, _, _ in FAULTS if severity in {END, LATCH}}
        if standing & blocking:
            assert not self.board.coil_on, "power though a fault stands"
        if standing & set(LATCHES):
            assert self.board.state in {transfer.FAULT, transfer.MAINT}

    def _collect(self) -> None:
        """Settle as a host does: every receipt once, signed, with an unbroken odometer."""
        found = unpack_receipts(self.board.receipts)
        for receipt in reversed(found):
            assert receipt.signed_with(KEY), "a receipt with a wrong signature"
            assert receipt.transfer_id in self.granted, "a receipt for nothing"
            known = self.book._raw.get(receipt.key)
            assert known is None or known == receipt.raw, "a receipt was written anew"
        for content in self.book.admit(reversed(found)):
            self._seq += 1
            row = chained(self._seq, self._hash, content)
            self._hash = row.hash
            self.book.apply(row)

    def check_end(self) -> None:
        """Everything ended: what the board metered is what its receipts say, but for gaps that
        a power cut tore between two records.
        """
        if self.board.is_running:
            self.send(wire.STOP, self.live)
        self._save()
        beacon = self.beacon()
        for role, metered_mJ in ((wire.PTX, beacon.sent_mJ), (wire.PRX, beacon.received_mJ)):
            last = self.book.last_receipt.get((3, role))
            told_mJ = last.odometer_mJ if last else 0
            assert odometer_rise_mJ(told_mJ, metered_mJ) == 0, "energy on no receipt"
