# SPDX-License-Identifier: MIT
"""Whatever happens to two boards that meet: no coil outlives its lease, no joule is nowhere."""

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "firmware" / "tests"))

from middle import Middle
from peers import Node, Room, STEP_ms, Stranger, receipts
from strangers import pressed
from wptcore import press, wire

LEASE_ms = 4000
SLACK_ms = 2 * STEP_ms  # the pass that hears, and the one that acts
SCHEDULES = 500
BATCH = 50
EVENTS = ("kill", "freeze", "part", "out of range", "reboot", "back", "wait")


def happen(room: Room, event: str, node: Node) -> None:
    """Do it to one board; a kill is a board without power, which knows only what it stored."""
    if event in {"kill", "freeze"}:
        node.alive = False
        node.killed = event == "kill"
    elif event == "part":
        room.part()
    elif event == "out of range":
        room.near = False
    elif event == "reboot":
        room.reboot(node)
    elif event == "back":
        back(room)


def back(room: Room) -> None:
    room.near = True
    for node in room.nodes:
        if getattr(node, "killed", False):
            room.reboot(node)
        node.alive, node.killed = True, False


def check_step(room: Room, unheard_ms: list[int]) -> None:
    """Check that a coil is on only while its taker was heard within the lease."""
    for index, (giver, taker) in enumerate((room.nodes, room.nodes[::-1])):
        cut = not taker.alive or not room.near or room.linked is None
        unheard_ms[index] = unheard_ms[index] + STEP_ms if cut else 0
        powered = giver.alive and giver.board.coil_on
        assert (
            not powered or unheard_ms[index] <= LEASE_ms + 2 * STEP_ms
        )  # the pass that hears and the one that acts
        assert not (giver.board.coil_on and giver.board.receiver_on)


def check_accounts(room: Room, sent_before: dict[int, int]) -> None:
    """Check that receipts hold what boards metered, each transfer once; pairs agree."""
    for node in room.nodes:
        found = receipts(node)
        keys = [(receipt[2], receipt[3]) for receipt in found]
        assert len(keys) == len(set(keys))
        for role, odometer_mJ in ((1, node.board.figures[5]), (2, node.board.figures[6])):
            booked_mJ = sum(receipt[5] for receipt in found if receipt[3] == role)
            assert booked_mJ == odometer_mJ - sent_before[role]
    by_id = {receipt[2]: receipt for receipt in receipts(room.nodes[0])}
    for receipt in receipts(room.nodes[1]):
        other = by_id.get(receipt[2])
        if other is not None:
            assert {receipt[3], other[3]} == {1, 2}
            assert (receipt[4], other[4]) == (1, 2)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(SCHEDULES // BATCH))
def test_random_schedules(batch: int) -> None:
    met = 0
    for number in range(BATCH):
        rng = random.Random(batch * BATCH + number)
        room = Room(Node(1, rng.randrange(150, 1000)), Node(2, rng.randrange(50, 1000)))
        unheard_ms = [0, 0]
        for _ in range(rng.randrange(1, 6)):
            for _ in range(rng.randrange(1, 150)):
                room.step()
                check_step(room, unheard_ms)
            happen(room, rng.choice(EVENTS), rng.choice(room.nodes))
        back(room)
        while any(node.board.is_running for node in room.nodes) and met < 10_000:
            room.near = False  # whatever still runs ends by its lease
            room.step()
            check_step(room, unheard_ms)
        check_accounts(room, {1: 0, 2: 0})
        met += any(node.board.receipts for node in room.nodes)
    assert met > BATCH // 3, "too few schedules ever moved a joule"


class Presses:
    """Who pressed when, since the last grant; a grant uses them up."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._at_ms: dict[int, list[int]] = {1: [], 2: []}
        self._ran = [False, False]
        self.grants = 0

    def press(self, node: Stranger) -> None:
        if node.alive:
            node.press()
            self._at_ms[node.board_id].append(self._room.now_ms)

    def check_step(self) -> None:
        """Check that a giver begins only after a press of each, near in time, and none before."""
        for index, node in enumerate(self._room.nodes):
            runs = node.alive and node.board.coil_on
            if runs and not self._ran[index]:
                self.grants += 1
                assert self._were_both(self._room.now_ms), self._at_ms
                self._at_ms = {1: [], 2: []}
            self._ran[index] = node.board.coil_on

    def _were_both(self, now_ms: int) -> bool:
        """Tell whether two presses are a pair that was agreed on by now."""
        return any(
            abs(a - b) <= press.WINDOW_ms + 2 * STEP_ms and now_ms - max(a, b) <= AGREED_ms
            for a in self._at_ms[1]
            for b in self._at_ms[2]
        )


AGREED_ms = press.WINDOW_ms + 20_000  # to ask, to agree and to grant


@pytest.mark.slow
def test_no_coil_is_on_without_a_press_of_both_whatever_happens() -> None:
    granted = 0
    for number in range(BATCH):
        rng = random.Random(1000 + number)
        room = Room(Stranger(1, rng.randrange(150, 1000)), Stranger(2, rng.randrange(50, 1000)))
        presses = Presses(room)
        unheard_ms = [0, 0]
        for _ in range(rng.randrange(3, 9)):
            for _ in range(rng.randrange(1, 400)):
                if rng.random() < 1 / 200:
                    presses.press(rng.choice(room.nodes))
                room.step()
                check_step(room, unheard_ms)
                presses.check_step()
            happen(room, rng.choice((*EVENTS, "back", "back")), rng.choice(room.nodes))
        back(room)
        room.near = False
        while any(node.board.is_running for node in room.nodes):
            room.step()
            check_step(room, unheard_ms)
        check_accounts(room, {1: 0, 2: 0})
        granted += presses.grants
    assert granted > BATCH // 3, f"only {granted} transfers in {BATCH} schedules"


# Without these he has no session to abuse.
KEPT = (wire.STRANGER_KEY, wire.STRANGER_PUBLIC, wire.PEER_HELLO)
ONE_W_mW = 1000


def writing(rng: random.Random):
    """Return what one in the middle does to each frame: lose it, or put a number into a field."""

    def rewrite(frame_type: int, fields: tuple) -> tuple | None:
        chance = rng.random()
        if frame_type in KEPT or chance > 0.2:
            return fields
        if chance < 0.02:
            return None
        at = rng.randrange(len(fields))
        old = fields[at]
        if isinstance(old, bytes):
            return fields
        new = rng.choice((0, 1, old + 1, old * 2, old // 2, 900))
        most = 0x7F if old <= 0xFF else 0x7FFF  # what a field of that size holds
        return (*fields[:at], new & most, *fields[at + 1 :])

    return rewrite


@pytest.mark.slow
def test_whatever_one_in_the_middle_writes_it_is_one_watt_ten_minutes_and_once() -> None:
    gave = 0
    for seed in range(12):  # 200 passed on 29 November 2026
        room = pressed(Middle(Stranger(1, 900), Stranger(2, 300), writing(random.Random(seed))))
        room.run(40_000)
        room.rewrite = lambda _frame_type, _fields: None
        while any(node.board.is_running for node in room.nodes):
            room.step()
        for node in room.nodes:
            found = receipts(node)
            assert len(found) <= 1, seed
            for receipt in found:
                assert receipt[7] <= ONE_W_mW and receipt[6] <= press.DURATION_MAX_ms, seed
                assert receipt[5] <= ONE_W_mW * press.DURATION_MAX_ms // 1000, seed
        gave += any(receipt[5] > 100 for receipt in receipts(room.nodes[0]))
    assert gave > 3
