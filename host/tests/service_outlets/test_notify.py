# SPDX-License-Identifier: MIT
"""Word to a person: of the right things, in plain words, and not too often."""

import asyncio
import json

import pytest

from crowdcharge.boards import codes
from crowdcharge.service.window import notify
from crowdcharge.service.window.notify import Held, Notifier, news

from .broker import free_port
from .crowd import Crowd, until
from .receiver import Receiver, receiver
from .working import working

# What Apprise imports on the Pythons that still have it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apprise leaves 5.5 s between two messages to one address, which is its own affair."""
    from apprise.plugins.ntfy import NotifyNtfy  # noqa: PLC0415 - it takes a second to load

    monkeypatch.setattr(NotifyNtfy, "request_rate_per_sec", 0.1)


def messages(heard: Receiver) -> list[tuple[str, str]]:
    told = (json.loads(body) for _, body in heard.posted)
    return [(each["title"], each["message"]) for each in told]


async def test_each_kind_of_news_arrives_in_plain_words() -> None:
    crowd = Crowd()
    with receiver() as heard:
        address = f"ntfy://127.0.0.1:{heard.port}/crowd"
        async with working(Notifier(crowd.hub, [address]).run()):
            crowd.start()
            crowd.progress()
            crowd.tell("FaultRaised", board_id=2, code=0x8F, name="FOREIGN_OBJECT")
            crowd.tell("FaultRaised", board_id=2, code=0x03, name="OVER_TEMPERATURE")
            crowd.tell("BoardLost", board_id=1)
            crowd.tell("Trouble", board_id=1, text="board 1 is unreachable", kind="RadioError")
            crowd.tell("Trouble", board_id=0, text="the disk is full", kind="LedgerError")
            crowd.tell("Trouble", board_id=0, text="no Bluetooth adapter", kind="NoAdapter")
            await until(lambda: len(heard.posted) == 4, 20)
    found = messages(heard)
    assert [title for title, _ in found] == [
        "lab: Board 2 has stopped",
        "lab: Board 1 is out of sight",
        "lab: The ledger is not written",
        "lab: The adapter is gone",
    ]
    assert found[0][1].startswith("Something other than the receiver takes power. ")
    assert codes.WAYS_OUT[0x8F] in found[0][1]
    assert "at most 2 s after the last word" in found[1][1]
    assert found[2][1] == "the disk is full"


async def test_the_same_news_comes_once_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Crowd()
    with receiver() as heard:
        address = f"ntfy://127.0.0.1:{heard.port}/crowd"
        async with working(Notifier(crowd.hub, [address]).run()):
            for _ in range(100):
                crowd.tell("BoardLost", board_id=1)
            await until(lambda: len(heard.posted) == 1)
            crowd.tell("BoardLost", board_id=2)
            await until(lambda: len(heard.posted) == 2)
    texts = [text for _, text in messages(heard)]
    assert sum("more since the last message" in text for text in texts) == 1
    assert "(99 more since the last message.)" in "".join(texts)


def test_a_storm_of_different_news_is_bounded() -> None:
    held = Held()
    sent = [held.allows(f"Board {number}", number) for number in range(100)]
    assert sum(sent) == notify.BURST_MAX
    assert held.count == 100 - notify.BURST_MAX
    assert held.allows("Board 1", notify.BURST_s + 1)
    assert not held.allows("Board 1", notify.BURST_s + 2)


def test_only_what_latches_is_news_of_a_fault() -> None:
    told = {
        code
        for code in codes.SEVERITIES
        if news({"event": "FaultRaised", "board_id": 1, "code": code})
    }
    assert told == {code for code, kind in codes.SEVERITIES.items() if kind == "latch"}


async def test_strangers_are_no_news() -> None:
    crowd = Crowd()
    with receiver() as heard:
        address = f"ntfy://127.0.0.1:{heard.port}/crowd"
        async with working(Notifier(crowd.hub, [address]).run()):
            for board_id in range(700, 720):
                crowd.tell("BoardSeen", board_id=board_id, address="00:00", rssi_dBm=-50)
                crowd.tell("BoardLost", board_id=board_id)
            crowd.tell("BoardLost", board_id=2)
            await until(lambda: heard.posted)
    assert messages(heard)[0][0] == "lab: Board 2 is out of sight"
    assert "more since" not in messages(heard)[0][1]


async def test_who_cannot_be_reached_costs_one_line_without_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    crowd = Crowd()
    crowd.tell("Facts", boards=[{"board_id": 3, "has_key": True}])
    addresses = [f"ntfy://me:xyzzy@127.0.0.1:{free_port()}/crowd", "nothing://xyzzy"]
    async with working(Notifier(crowd.hub, addresses).run()):
        for board_id in range(1, 4):
            crowd.tell("BoardLost", board_id=board_id)
        await asyncio.sleep(2.0)
    lines = capsys.readouterr().err.splitlines()
    assert sorted(lines) == [
        "crowdcharge: notify 1 (ntfy): could not be delivered; the crowd goes on",
        "crowdcharge: notify 2 (nothing): not an address that Apprise knows; the crowd goes on",
    ]
