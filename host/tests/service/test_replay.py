# SPDX-License-Identifier: MIT
"""A past run plays as it happened: the picture adds up to the ledger, forwards and backwards."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.events import TransferEnded
from crowdcharge.service.actions import Actions
from crowdcharge.service.facts import totals_shown
from crowdcharge.service.live import Live
from crowdcharge.service.tape import Tape

from ..command import run_command
from ..orchestrator.world import World
from .conftest import Operate, until
from .process import serving

PAIRS = ContactSchedule(20.0, (((1, 2), (3, 4)), ((1, 4),)))


@pytest.fixture
def ledger(operate: Operate, tmp_path: Path) -> Path:
    """Return the ledger of a run in which two pairs have met."""

    async def story(world: World, _actions: Actions) -> None:
        await until(lambda: len(world.of(TransferEnded)) >= 2)
        await asyncio.sleep(2.0)

    path = tmp_path / "ledger.sqlite"
    with Store.read(operate(story, PAIRS).ledger) as store:
        store.back_up(path)
    return path


def test_the_picture_at_the_end_is_what_the_ledger_adds_up_to(ledger: Path) -> None:
    live, tape = Live({}), Tape()
    with Store.read(ledger) as store:
        for row in store.rows():
            for record in tape.play(row, row.content()):
                live.apply(record)
    shown = {each["transfer_id"]: each for each in live.snapshot()["transfers"]}
    between = {key: each for key, each in tape.book.transfers.items() if each.prx}
    settled = {key: each for key, each in between.items() if each.state == "settled"}
    assert len(settled) >= 2
    for key, each in settled.items():
        assert (shown[key]["sent_mJ"], shown[key]["received_mJ"]) == (
            each.sent_mJ,
            each.received_mJ,
        )
        assert shown[key]["text"]
    charges = {board["board_id"]: board["soc_pct"] for board in live.snapshot()["boards"]}
    readings = tape.book.last_reading.values()
    assert charges == {each.board_id: (each.soc_permille or 0) / 10 for each in readings}


def test_a_slider_goes_back_and_forth_and_nothing_else_can_be_done(ledger: Path) -> None:
    with serving(
        "serve", "--ledger", str(ledger), "--http-port", "0", out=ledger.parent
    ) as served:
        run = served.snapshot()["run"]
        assert run["mode"] == "replay"
        assert served.post("play", speed=0)[0] == 200
        assert served.post("seek", time_s=run["end_s"])[0] == 200
        end = served.until(lambda shown: shown["time_s"] >= run["end_s"])
        with Store.read(ledger) as store:
            assert end["totals"] == totals_shown(store.load())
        assert served.post("seek", time_s=run["begin_s"])[0] == 200
        first = served.until(lambda shown: shown["time_s"] < run["end_s"])
        assert first["totals"]["transfers"] == 0
        assert served.post("pause")[0] == 409
        assert served.post("boards/1/forbid")[0] == 409


def test_a_ledger_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = run_command("serve", "--ledger", tmp_path / "no.sqlite")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "no ledger at" in done.stderr


@pytest.fixture
def without_nohup() -> Iterator[None]:
    """Have a hang-up count: a service started under nohup, as tests may be, ignores it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.usefixtures("without_nohup")
def test_a_replay_ends_in_order(ledger: Path, number: signal.Signals) -> None:
    arguments = ("serve", "--ledger", str(ledger), "--http-port", "0")
    with serving(*arguments, out=ledger.parent) as served:
        served.process.send_signal(number)
        assert served.process.wait(30) == 0
