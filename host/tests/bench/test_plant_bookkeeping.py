# SPDX-License-Identifier: MIT
"""Around the physics: contact schedule, witness, bench file."""

import dataclasses

import pytest

from crowdcharge.bench import config as bench_config
from crowdcharge.bench.board.witness import Witness
from crowdcharge.bench.config import ContactsConfig, ProxyConfig
from crowdcharge.bench.physics.arrangement import Arrangement
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.errors import InputError

CYCLE = ((Placement((1, 2)),), (), (Placement((1, 3)), Placement((2, 4))))


def pairs(contacts):
    return [contact.boards for contact in contacts]


def test_the_schedule_comes_round():
    schedule = Arrangement(CYCLE, slot_s=5.0)
    seen = [pairs(schedule.contacts_at(time_s)) for time_s in (0, 4.99, 5, 10, 15)]
    assert seen == [[(1, 2)], [(1, 2)], [], [(1, 3), (2, 4)], [(1, 2)]]
    assert schedule.next_change_s(4.0) == 5.0
    assert schedule.next_change_s(5.0) == 10.0


def test_moved_boards_stay_until_resume():
    schedule = Arrangement(CYCLE, slot_s=5.0)
    schedule.move(10.0, Placement((1, 2)))
    assert pairs(schedule.contacts_at(16.0)) == [(1, 2)]
    assert schedule.next_change_s(16.0) is None
    schedule.part(16.0, 2)
    assert pairs(schedule.contacts_at(16.0)) == []
    schedule.resume()
    assert pairs(schedule.contacts_at(16.0)) == [(1, 2)]


def test_several_lie_on_a_pad_and_on_nothing_else():
    schedule = Arrangement((), slot_s=5.0, pads=[1])
    for board_id in (2, 3, 4):
        schedule.move(1.0, Placement((1, board_id)))
    assert pairs(schedule.contacts_at(1.0)) == [(1, 2), (1, 3), (1, 4)]
    schedule.move(2.0, Placement((3, 2)))
    assert pairs(schedule.contacts_at(2.0)) == [(1, 4), (3, 2)]
    schedule.part(3.0, 1)
    assert pairs(schedule.contacts_at(3.0)) == [(3, 2)]


def test_a_bench_with_a_pad_survives_its_own_file():
    boards = "".join(f"[[boards]]\nid = {k}\nsoc_pct = 50\n" for k in (1, 2, 3))
    config = bench_config.parse("[contacts]\npads = [1]\npairs = [[1, 2], [1, 3]]\n" + boards)
    assert config.contacts.pads == (1,) and len(config.contacts.cycle[0]) == 2
    assert bench_config.parse(bench_config.dump(config)) == config


def test_the_witness_keeps_edges_and_nothing_else():
    witness = Witness()
    for time_s, on, cause in ((1.0, True, "pin"), (1.5, True, "pin"), (2.0, False, "watchdog")):
        witness.record(time_s, 7, "tx", on, cause)
    witness.record(2.5, 7, "tx", False, "pin")
    assert [(c.time_s, c.on, c.cause) for c in witness.changes()] == [
        (1.0, True, "pin"),
        (2.0, False, "watchdog"),
    ]
    times_s = (0.9, 1.0, 1.9, 2.0)
    assert [witness.is_on(7, "tx", at_s) for at_s in times_s] == [False, True, True, False]
    witness.record(3.0, 7, "tx", True, "pin")
    assert witness.any_on() == [(7, "tx")]
    assert witness.changes(since_s=2.5) == witness.changes()[-1:]


def test_the_default_bench_survives_its_own_file():
    config = bench_config.default()
    assert bench_config.parse(bench_config.dump(config)) == config


def test_everything_set_survives_the_file():
    config = dataclasses.replace(
        bench_config.default(),
        speed=7.5,
        seed=42,
        hosts=2,
        proxies=(ProxyConfig(name='the "𠮷" \\ one\x7f'),),
        contacts=ContactsConfig(((Placement((1, 2), 4.5, 2.0),),), 3.0),
    )
    assert bench_config.parse(bench_config.dump(config)) == config


BOARD = "[[boards]]\nid = 1\nsoc_pct = 50\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("speed = ", "bench.toml, line 1: Invalid value at the end"),
        ("seed = = 1\n", "bench.toml, line 1: Invalid value at column 8"),
        ("seed = 1\n", "bench.toml, line 1: boards: at least one [[boards]] table is needed"),
        (BOARD + "colour = 1\n", "bench.toml, line 4: boards[0].colour: unknown key"),
        (BOARD + BOARD, "bench.toml, line 5: boards[1].id: board 1 is there twice"),
        ("[[boards]]\nid = 1\n", "bench.toml, line 1: boards[0].soc_pct: is missing"),
        (
            BOARD + "radio = 'wifi'\n",
            "bench.toml, line 4: boards[0].radio: must be one of shim, hci",
        ),
        (
            BOARD + BOARD.replace("50", "150"),
            "bench.toml, line 6: boards[1].soc_pct: must be 0 to 100",
        ),
        (BOARD.replace("50", "'50'"), "bench.toml, line 3: boards[0].soc_pct: must be a number"),
        (
            BOARD.replace("= 1", "= 1.5"),
            "bench.toml, line 2: boards[0].id: must be a whole number",
        ),
        (BOARD + "board = 'x y'\n", "bench.toml, line 4: boards[0].board: is no board"),
        ("speed = 0\n" + BOARD, "bench.toml, line 1: speed: must be 0.01 to 1000"),
        ("firmware = '/nowhere'\n" + BOARD, "bench.toml, line 1: firmware: /nowhere is no folder"),
        (BOARD + "[link]\npower_W = true\n", "bench.toml, line 5: link.power_W: must be a number"),
        (
            BOARD + "[contacts]\npairs = [[1, 9]]\n",
            "bench.toml, line 5: contacts.pairs[0]: there is no board 9",
        ),
        (
            BOARD + "[contacts]\npairs = [[1]]\n",
            "contacts.pairs[0]: a pair is two different board ids",
        ),
        (BOARD + "[contacts]\npairs = 3\n", "contacts.pairs: must be a list"),
        (
            BOARD + BOARD.replace("= 1", "= 2") + "[contacts]\ncycle = [[],\n[[1, 2], [2, 1]]]\n",
            "bench.toml, line 9: contacts.cycle[1][1]: board 2 meets two at once, and is no",
        ),
        (BOARD + "[contacts]\npads = [2]\n", "contacts.pads: must be a list of boards of this"),
        (BOARD + "[contacts]\ncycle = [[[1, 1]]]\n", "a pair is two different board ids"),
        (BOARD + "[contacts]\nslot_s = 0\n", "contacts.slot_s: must be 1e-06 to"),
        ("link = 3\n" + BOARD, "bench.toml, line 1: link: must be a table"),
        ("boards = 3\n", "bench.toml, line 1: boards: must be [[boards]] tables"),
        ("boards = [3]\n", "bench.toml, line 1: boards: must be [[boards]] tables"),
    ],
)
def test_each_mistake_in_a_bench_file_is_one_line(text, line):
    with pytest.raises(InputError) as raised:
        bench_config.parse(text)
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_bench_file_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"none.toml: No such file"):
        bench_config.load(tmp_path / "none.toml")
