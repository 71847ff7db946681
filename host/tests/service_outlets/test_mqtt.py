# SPDX-License-Identifier: MIT
"""The crowd over a real broker: what is retained, what waits, who may command."""

import asyncio
import json
import re
import sys
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import aiomqtt
import pytest

from crowdcharge.orchestrator.outlets import Command, MqttSection
from crowdcharge.service.window import mqtt
from crowdcharge.service.window.mqtt import Mqtt
from crowdcharge.service.window.topics import BadCommand, Topics, command

from .broker import Broker, Heard, answers_in, free_port
from .crowd import Crowd, until
from .working import working

pytestmark = pytest.mark.program("mosquitto", "mosquitto")
ALL: list[Command] = ["stop", "pause", "resume", "policy"]


def telling(crowd: Crowd, section: MqttSection) -> AbstractAsyncContextManager[None]:
    return working(Mqtt(crowd.hub, section).run())


def section(broker: Broker, *commands: Command) -> MqttSection:
    return MqttSection(url=f"mqtt://127.0.0.1:{broker.port}", commands=list(commands))


def newest(heard: list[Heard], topic: str) -> dict[str, object] | None:
    """Return the last payload of a topic below the site's."""
    found = [payload for name, payload, _ in heard if name == f"crowdcharge/lab/{topic}"]
    return json.loads(found[-1]) if found else None  # type: ignore[no-any-return]


def sequence(heard: list[Heard], topic: str) -> list[int]:
    """Return the sequence numbers of a topic's messages, each once."""
    told = [json.loads(text)["seq"] for name, text, _ in heard if name.endswith(f"/{topic}")]
    return list(dict.fromkeys(told))


def test_no_two_sites_share_a_topic() -> None:
    names = [
        "north-hall",
        "north hall",
        "north/hall",
        "north+hall",
        "東京",
        "大阪",
        "site",
        "\udcff",
    ]
    topics = [Topics(name).site for name in names]
    assert topics[0] == "north-hall"
    assert len(set(topics)) == len(names)
    assert all(re.fullmatch("[A-Za-z0-9_-]+", each) for each in topics)


async def test_who_comes_late_gets_the_newest_states(broker: Broker) -> None:
    crowd = Crowd()
    crowd.start()
    crowd.progress()
    async with telling(crowd, section(broker)):
        async with broker.heard() as heard:
            await until(lambda: newest(heard, "board/2/state"))
        async with broker.heard() as late:
            await until(lambda: newest(late, "board/2/state"))
    assert all(retained for _, _, retained in late)
    assert ("crowdcharge/lab/status", "online", True) in late
    board = newest(late, "board/2/state")
    assert board is not None
    assert (board["soc_pct"], board["received_W"], board["sent_W"]) == (30.1, 3.2, 0.0)


async def test_transfers_and_faults_are_messages_in_order(broker: Broker) -> None:
    crowd = Crowd()
    async with telling(crowd, section(broker)), broker.heard() as heard:
        await until(lambda: newest(heard, "state"))
        crowd.start()
        crowd.progress()
        crowd.end()
        crowd.settle()
        crowd.tell("FaultRaised", board_id=2, code=0x8F, name="FOREIGN_OBJECT")
        await until(lambda: newest(heard, "fault") and len(sequence(heard, "transfer")) == 3)
        await until(lambda: (newest(heard, "board/2/state") or {}).get("faults"))
    told = [json.loads(text)["event"] for name, text, _ in heard if name.endswith("/transfer")]
    assert told == ["TransferStarted", "TransferEnded", "Settled"]
    faults = (newest(heard, "board/2/state") or {})["faults"]
    assert [fault["name"] for fault in faults] == ["FOREIGN_OBJECT"]  # type: ignore[attr-defined]
    assert not any(retained for name, _, retained in heard if name.endswith(("transfer", "fault")))


async def test_a_board_without_a_key_becomes_no_device(broker: Broker) -> None:
    crowd = Crowd()
    crowd.tell("BoardSeen", board_id=777, address="00:00", rssi_dBm=-50)
    async with telling(crowd, section(broker)), broker.heard() as heard:
        await until(lambda: any("board_2/fault" in name for name, _, _ in heard))
    assert not any("777" in name for name, _, _ in heard)


async def test_a_board_that_is_no_longer_ours_is_taken_from_the_broker(broker: Broker) -> None:
    crowd = Crowd()
    async with telling(crowd, section(broker)), broker.heard() as heard:
        await until(lambda: newest(heard, "board/2/state"))
        await until(lambda: any("board_2/fault" in name for name, _, _ in heard))
    del crowd.hub.live.boards[2]
    async with broker.client() as stranger:  # what is no board's stays
        for topic in ("board/x/state", "board/999999/state", "other"):
            await stranger.publish(f"crowdcharge/lab/{topic}", "kept", 1, retain=True)
    async with broker.heard() as heard, telling(crowd, section(broker)):
        await until(lambda: ("crowdcharge/lab/board/2/state", "", False) in heard)
    async with broker.heard() as late:
        await until(lambda: newest(late, "board/1/state"))
        await asyncio.sleep(0.2)
    left = [name for name, _, _ in late]
    assert not any("board/2/" in name or "board_2/" in name for name in left)
    assert sum("kept" in payload for _, payload, _ in late) == 3


@pytest.mark.parametrize("away_s", [1.5, pytest.param(30.0, marks=pytest.mark.slow)])
async def test_nothing_is_lost_while_the_broker_is_away(
    broker: Broker, away_s: float, capsys: pytest.CaptureFixture[str]
) -> None:
    crowd = Crowd()
    async with telling(crowd, section(broker)):
        async with broker.heard() as heard:
            await until(lambda: newest(heard, "state"))
        broker.stop()
        for transfer_id in range(1, 31):
            crowd.start(transfer_id)
            await asyncio.sleep(away_s / 30)
        crowd.tell("Facts", boards=[{"board_id": 1, "coil_C": 31.5}])
        broker.start()
        async with broker.heard() as heard:
            await until(lambda: len(sequence(heard, "transfer")) == 30, 40)
            await until(lambda: (newest(heard, "board/1/state") or {}).get("coil_C") == 31.5)
    seqs = sequence(heard, "transfer")
    assert seqs == list(range(seqs[0], seqs[0] + 30))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) in {2, 3}  # it went, perhaps refused then, and works again
    assert lines[-1].endswith("works again")


async def test_the_spool_is_bounded_and_drops_the_oldest(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "SPOOL_MAX", 10)
    crowd = Crowd()
    broker.stop()
    async with telling(crowd, section(broker)):
        await asyncio.sleep(0.2)
        for transfer_id in range(1, 26):
            crowd.start(transfer_id)
        broker.start()
        async with broker.heard() as heard:
            await until(lambda: newest(heard, "transfer") is not None, 20)
            await until(lambda: (newest(heard, "transfer") or {})["transfer_id"] == 25)
    assert len(sequence(heard, "transfer")) == 10


async def test_a_broker_that_is_not_there_costs_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "_RETRY_s", (0.1,))
    url = f"mqtt://127.0.0.1:{free_port()}"
    async with telling(Crowd(), MqttSection(url=url)):
        await asyncio.sleep(1.0)
    assert capsys.readouterr().err == (
        f"crowdcharge: MQTT broker {url}: Connection refused; the crowd goes on\n"
    )


WINDOW = """
import asyncio, sys
from crowdcharge.orchestrator.outlets import MqttSection
from crowdcharge.service.window.mqtt import Mqtt
sys.path.insert(0, sys.argv[2])
from crowd import Crowd
async def main():
    await Mqtt(Crowd().hub, MqttSection(url=sys.argv[1])).run()
asyncio.run(main())
"""


async def test_the_last_will_says_that_a_killed_window_is_away(broker: Broker) -> None:
    url, here = f"mqtt://127.0.0.1:{broker.port}", str(Path(__file__).parent)
    async with broker.heard() as heard:
        window = await asyncio.create_subprocess_exec(sys.executable, "-c", WINDOW, url, here)
        await until(lambda: newest(heard, "state"), 20)
        window.kill()
        await until(lambda: ("crowdcharge/lab/status", "offline", False) in heard)
        await window.wait()


async def test_a_window_that_ends_says_so(broker: Broker) -> None:
    async with broker.heard() as heard:
        async with telling(Crowd(), section(broker)):
            await until(lambda: newest(heard, "state"))
        await until(lambda: ("crowdcharge/lab/status", "offline", False) in heard)


async def test_a_last_will_that_comes_late_is_not_the_last_word(broker: Broker) -> None:
    """A broker may find a link dead after its window has come back by another."""
    url, here = f"mqtt://127.0.0.1:{broker.port}", str(Path(__file__).parent)
    status = "crowdcharge/lab/status"
    async with broker.heard() as heard:
        earlier = await asyncio.create_subprocess_exec(sys.executable, "-c", WINDOW, url, here)
        await until(lambda: (status, "online", False) in heard, 20)
        heard.clear()
        async with telling(Crowd(), section(broker)):
            await until(lambda: (status, "online", False) in heard)
            await asyncio.sleep(0.3)  # until it has subscribed
            earlier.kill()
            await until(lambda: (status, "offline", False) in heard)
            heard.clear()
            await until(lambda: (status, "online", False) in heard, 5)
        await earlier.wait()


# -- commands --


async def answers(
    broker: Broker, crowd: Crowd, commands: list[Command], *payloads: str | bytes
) -> list[dict[str, object]]:
    """Return what each payload is answered, in order."""
    async with telling(crowd, section(broker, *commands)), broker.heard() as heard:
        await until(lambda: newest(heard, "state"))
        await asyncio.sleep(0.3)  # until it has subscribed
        async with broker.client() as client:
            for count, payload in enumerate(payloads, 1):
                await client.publish("crowdcharge/lab/command", payload, qos=1)
                await until(lambda count=count: len(answers_in(heard)) == count)
        return answers_in(heard)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"action":"pause","action":"stop"}',
        b'{"action":"pause","args":{"x":NaN}}',
        b'{"action":"pause","id":"\\ud800"}',
        b"[" * 4000,
    ],
)
def test_what_could_be_read_in_two_ways_is_no_command(payload: bytes) -> None:
    with pytest.raises(BadCommand, match="one JSON object"):
        command(payload, {"pause", "stop"})


async def test_an_allowed_command_is_obeyed_and_answered(broker: Broker) -> None:
    crowd = Crowd()
    payload = '{"action": "pause", "id": "a"}'
    answered = await answers(broker, crowd, ALL, payload)
    assert answered == [{"id": "a", "action": "pause", "status": 200, "problem": None}]
    assert crowd.asked == [("pause", {})]


HOSTILE: list[tuple[str | bytes, int]] = [
    (b"", 400),
    (b"\xff\xfe\x00", 400),
    (b"[" * 4000, 400),
    (b'{"action": "pause"' + b" " * 4096 + b"}", 413),
    ("null", 400),
    ('["pause"]', 400),
    ('{"action": 7}', 400),
    ('{"action": "pause", "args": []}', 400),
    ('{"action": "pause", "args": {}, "key": 1}', 400),
    ('{"action": "pause", "id": {"a": 1}}', 400),
    ('{"action": "acknowledge", "args": {"board_id": 1, "fault": "FOREIGN_OBJECT"}}', 403),
    ('{"action": "hello", "args": {}}', 403),
    ('{"action": "__class__"}', 403),
    ('{"action": "pause", "args": {"board_id": 1}}', 422),
    ('{"action": "policy"}', 422),
    ('{"action": "policy", "args": {"name": 7}}', 422),
    ('{"action": "policy", "args": {"name": "' + "x" * 65 + '"}}', 422),
    ('{"action": "policy", "args": {"name": "a", "options": {"b": NaN}}}', 400),
]


async def test_hostile_payloads_change_nothing(broker: Broker) -> None:
    crowd = Crowd()
    answered = await answers(broker, crowd, ALL, *(payload for payload, _ in HOSTILE))
    assert [answer["status"] for answer in answered] == [status for _, status in HOSTILE]
    assert crowd.asked == []


async def test_a_payload_beyond_all_bounds_is_dropped_by_the_broker(broker: Broker) -> None:
    crowd = Crowd()
    async with telling(crowd, section(broker, *ALL)), broker.heard() as heard:
        await until(lambda: newest(heard, "state"))
        await asyncio.sleep(0.3)
        async with broker.client() as client:
            await client.publish("crowdcharge/lab/command", b"x" * 1_000_000, qos=1)
            await client.publish("crowdcharge/lab/command", '{"action": "pause"}', qos=1)
        await until(lambda: answers_in(heard))
    assert [answer["status"] for answer in answers_in(heard)] == [200]


async def test_a_stop_does_not_wait_until_a_board_at_work_has_answered(broker: Broker) -> None:
    crowd = Crowd()
    crowd.unanswered = {"acknowledge"}
    fault = '{"action": "acknowledge", "args": {"board_id": 1, "fault": "LEASE_LOST"}}'
    allowed = section(broker, "stop", "acknowledge")
    async with telling(crowd, allowed), broker.heard() as heard:
        await until(lambda: newest(heard, "state"))
        async with broker.client() as client:
            for payload in (fault, '{"action": "stop"}'):
                await client.publish("crowdcharge/lab/command", payload, qos=1)
        await until(lambda: answers_in(heard))
    assert [answer["action"] for answer in answers_in(heard)] == ["stop"]
    assert [action for action, _ in crowd.asked] == ["acknowledge", "stop"]


async def test_without_commands_nothing_is_heard(broker: Broker) -> None:
    crowd = Crowd()
    async with telling(crowd, section(broker)), broker.heard() as heard:
        await until(lambda: newest(heard, "state"))
        async with broker.client() as client:
            await client.publish("crowdcharge/lab/command", '{"action": "stop"}', qos=1)
        await asyncio.sleep(1.0)
    assert (crowd.asked, answers_in(heard)) == ([], [])


async def test_a_retained_command_of_the_past_is_none(broker: Broker) -> None:
    crowd = Crowd()
    async with broker.client() as client:
        await client.publish("crowdcharge/lab/command", '{"action": "stop"}', 1, retain=True)
    async with telling(crowd, section(broker, *ALL)), broker.heard() as heard:
        await until(lambda: newest(heard, "state"))
        await asyncio.sleep(1.0)
    assert (crowd.asked, answers_in(heard)) == ([], [])


async def test_a_cancellation_that_gets_lost_in_the_client_ends_it_all_the_same(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by `asyncio.wait_for` of Python 3.11 when the answer comes at the same moment."""
    publish = aiomqtt.Client.publish

    async def losing(client: aiomqtt.Client, *args: object, **options: object) -> None:
        await publish(client, *args, **options)  # type: ignore[arg-type]
        if "online" in args:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)

    monkeypatch.setattr(aiomqtt.Client, "publish", losing)
    telling = asyncio.create_task(Mqtt(Crowd().hub, section(broker)).run())
    _, going_on = await asyncio.wait([telling], timeout=10)
    assert not going_on
