# SPDX-License-Identifier: MIT
"""A year of ledger rows of one board, as a host would have written them."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from crowdcharge.boards.models import Receipt
from crowdcharge.ledger import kinds
from crowdcharge.ledger.rows import receipt_row
from crowdcharge.ledger.settlement import TransferRecord, settlement
from crowdcharge.ledger.store import Store
from wptcore import auth, ept, wire

from .truth import HiddenBoard, STEP_s, YEAR_s

BOARD, PEER = 1, 2
KEYS = {BOARD: bytes([1]) * 32, PEER: bytes([2]) * 32}
STARTED_unix_s = 1_700_000_000
_SAMPLE_EVERY = 5  # steps


class Year:
    """Sessions of gives and takes, cables in between, and a gauge that restarts now and then."""

    def __init__(self, seed: int, sessions: int = 104) -> None:
        self._sessions = sessions
        self.board = HiddenBoard(seed)
        self._chance = self.board.chance
        self._transfer_id = 0
        self._odometers = {(board, role): 0 for board in (1, 2) for role in (1, 2)}
        self._began_s = 0.0
        self._lost_until_s = 0.0

    def write(self, path: Path) -> None:
        with Store.create(path) as store:
            for session in range(self._sessions):
                store.append(list(self._session(session)))

    @property
    def given_mJ(self) -> int:
        return self._odometers[BOARD, wire.PTX]

    def _session(self, session: int) -> Iterator[kinds.Content]:
        board, chance = self.board, self._chance
        board.time_s = self._began_s = (session + 1) * YEAR_s / self._sessions
        board.node.set_soc(chance.uniform(0.6, 0.98))  # a cable, unseen by any meter
        board.node.coil.ambient_C = chance.uniform(12, 32)
        board.age()
        if chance.random() < 0.03:
            board.gauge.cell_fitted()
            self._lost_until_s = board.time_s + 7200
        board.wait(60)
        yield kinds.Run("online-average", 1, None, STARTED_unix_s + round(self._began_s))
        yield self._reading()
        yield self._meter()
        for _ in range(2):
            yield from self._give()
            board.wait(1)
            yield self._reading()
            yield self._meter()
            board.wait(chance.uniform(600, 3600))
        yield from self._take()
        board.wait(1)
        yield self._reading()
        yield self._meter()
        if chance.random() < 0.1:
            board.node.set_soc(min(board.node.soc + 0.2, 1.0))  # a cable during a run
            yield self._reading()
            yield self._meter()

    def _t_ms(self) -> int:
        return round((self.board.time_s - self._began_s) * 1000)

    def _soc(self) -> int | None:
        return None if self.board.time_s < self._lost_until_s else self.board.soc_permille()

    def _reading(self) -> kinds.Reading:
        board = self.board
        return kinds.Reading(
            BOARD,
            1,
            self._soc(),
            self._odometers[BOARD, wire.PTX],
            self._odometers[BOARD, wire.PRX],
            board.declared_mJ,
            self._t_ms(),
        )

    def _meter(self, transfer_id: int = 0, energy_uJ: int = 0) -> kinds.Meter:
        meter = self.board.meter
        return kinds.Meter(
            BOARD,
            transfer_id,
            self._t_ms(),
            self._soc(),
            energy_uJ // 1000,
            meter.bus_mV,
            meter.current_mA,
        )

    def _give(self) -> Iterator[kinds.Content]:
        board, chance = self.board, self._chance
        power_W = board.link.sent_W(chance.uniform(1.0, 2.5), chance.uniform(0.7, 1.0))
        until = max(board.node.soc - chance.uniform(0.03, 0.25), 0.2)
        yield self._opened(BOARD, PEER)
        before, metered_uJ, steps, peak_dC = self._soc(), 0, 0, board.coil_dC()
        while steps < 2 or board.node.soc > until:
            metered_uJ += board.give(power_W)
            peak_dC = max(peak_dC, board.coil_dC())
            if steps % _SAMPLE_EVERY == 0:
                yield self._sample(wire.PTX, metered_uJ, steps + 1)
            if not steps:
                yield self._meter(self._transfer_id, metered_uJ)
            steps += 1
        energy_mJ, duration_ms = metered_uJ // 1000, round(steps * STEP_s * 1000)
        own = self._receipt(
            BOARD, wire.PTX, energy_mJ, duration_ms, peak_dC, (before, self._soc())
        )
        other = self._receipt(PEER, wire.PRX, energy_mJ // 2, duration_ms, 300, (100, 200))
        yield from self._settled(own, other)

    def _take(self) -> Iterator[kinds.Content]:
        board, chance = self.board, self._chance
        power_W = chance.uniform(1.0, 2.5)
        yield self._opened(PEER, BOARD)
        before, steps = self._soc(), chance.randrange(20, 80)
        received_before_nJ = board.node.received_nJ
        for step in range(steps):
            board.take(power_W)
            if step % _SAMPLE_EVERY == 0:
                energy_uJ = (board.node.received_nJ - received_before_nJ) // 1000
                yield self._sample(wire.PRX, energy_uJ, step + 1)
        energy_mJ = (board.node.received_nJ - received_before_nJ) // 1_000_000
        duration_ms = round(steps * STEP_s * 1000)
        other = self._receipt(PEER, wire.PTX, energy_mJ * 2, duration_ms, 300, (900, 800))
        own = self._receipt(
            BOARD, wire.PRX, energy_mJ, duration_ms, board.coil_dC(), (before, self._soc())
        )
        yield from self._settled(other, own)

    def _opened(self, ptx: int, prx: int) -> kinds.Open:
        self._transfer_id += 1
        return kinds.Open(self._transfer_id, ptx, prx, 100_000_000, 0, self._t_ms())

    def _sample(self, role: int, energy_uJ: int, steps: int) -> kinds.Sample:
        return kinds.Sample(
            self._transfer_id,
            BOARD,
            role,
            self._t_ms(),
            round(energy_uJ / 1000 / (steps * STEP_s)),
            energy_uJ // 1000,
            self._soc(),
            self.board.coil_dC(),
        )

    def _receipt(
        self,
        board_id: int,
        role: int,
        energy_mJ: int,
        duration_ms: int,
        peak_dC: int,
        soc: tuple[int | None, int | None],
    ) -> Receipt:
        self._odometers[board_id, role] += energy_mJ
        before, after = (wire.SOC_UNKNOWN_permille if each is None else each for each in soc)
        body = wire.pack_receipt(
            board_id,
            1,
            self._transfer_id,
            role,
            BOARD + PEER - board_id,
            energy_mJ,
            duration_ms,
            5000,
            peak_dC,
            ept.ENERGY_BUDGET if role == wire.PTX else ept.PEER_ENDED,
            before,
            after,
            self._odometers[board_id, role],
        )
        return Receipt.unpack(body + auth.receipt_tag(sha256, KEYS[board_id], body))

    def _settled(self, sent: Receipt, received: Receipt) -> Iterator[kinds.Content]:
        yield from (receipt_row(sent), receipt_row(received))
        transfer = TransferRecord(
            self._transfer_id, sent.board_id, received.board_id, 100_000_000, 0
        )
        yield from settlement(transfer, sent, received)
