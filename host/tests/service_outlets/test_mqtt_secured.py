# SPDX-License-Identifier: MIT
"""A broker that asks who we are, and one that is not who it should be."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from crowdcharge.orchestrator.outlets import MqttSection
from crowdcharge.service.window import mqtt
from crowdcharge.service.window.mqtt import Mqtt

from .broker import Broker
from .certificates import Authority
from .crowd import Crowd, until
from .working import working

pytestmark = pytest.mark.program("mosquitto", "mosquitto")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "_RETRY_s", (0.2,))


@contextmanager
def started(broker: Broker) -> Iterator[Broker]:
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


async def told(section: MqttSection, wait_s: float = 1.5) -> None:
    """Work for a while; what it says is on stderr."""
    async with working(Mqtt(Crowd().hub, section).run()):
        await asyncio.sleep(wait_s)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[Broker, MqttSection]]:
    """Return a broker with TLS that wants a certificate of its own authority from us."""
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.sign("broker")
    lines = [f"cafile {authority.file}", f"certfile {certificate}", f"keyfile {key}"]
    own, own_key = authority.sign("site")
    with started(Broker(tmp_path, *lines, "require_certificate true")) as broker:
        yield (
            broker,
            MqttSection(
                url=f"mqtts://127.0.0.1:{broker.port}",
                ca_file=str(authority.file),
                certificate_file=str(own),
                key_file=str(own_key),
            ),
        )


async def test_both_ends_show_their_certificates(
    guarded: tuple[Broker, MqttSection], capsys: pytest.CaptureFixture[str]
) -> None:
    await told(guarded[1])
    assert capsys.readouterr().err == ""


# The library leaves a socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_wrong_certificate_is_one_line(
    guarded: tuple[Broker, MqttSection], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, section = guarded
    stranger = Authority(tmp_path, "stranger")
    await told(replace(section, ca_file=str(stranger.file)))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"crowdcharge: MQTT broker {section.url}: certificate verify failed: ")


async def test_a_file_that_is_not_there_is_one_line(
    guarded: tuple[Broker, MqttSection], capsys: pytest.CaptureFixture[str]
) -> None:
    _, section = guarded
    await told(replace(section, ca_file="/nowhere/ca.pem"))
    assert capsys.readouterr().err == (
        f"crowdcharge: MQTT broker {section.url}: /nowhere/ca.pem: No such file or directory; "
        "the crowd goes on\n"
    )


async def test_without_our_certificate_the_broker_has_none_of_it(
    guarded: tuple[Broker, MqttSection], capsys: pytest.CaptureFixture[str]
) -> None:
    _, section = guarded
    await told(replace(section, certificate_file="", key_file=""), 7.0)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("certificate required; the crowd goes on")


async def test_the_password_comes_from_its_file_and_only_its_rights_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, rights, word = tmp_path / "words", tmp_path / "rights", tmp_path / "word"
    for name in ("site", "pupil"):
        option = ["-c"] if name == "site" else []
        command = ["mosquitto_passwd", *option, "-b", str(words), name, f"{name}-word"]
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    rights.write_text(
        "user site\ntopic readwrite #\nuser pupil\ntopic read crowdcharge/#\n", encoding="utf-8"
    )
    lines = ["allow_anonymous false", f"password_file {words}", f"acl_file {rights}"]
    with started(Broker(tmp_path, *lines)) as broker:
        section = MqttSection(
            url=f"mqtt://127.0.0.1:{broker.port}",
            user="site",
            password_file=str(word),
            commands=["stop"],
        )
        word.write_text("wrong\n", encoding="utf-8")
        await told(section)
        said = capsys.readouterr().err
        assert said.splitlines()[0].endswith(": Not authorized; the crowd goes on")
        assert len(said.splitlines()) == 1
        word.write_text("site-word\n", encoding="utf-8")
        crowd = Crowd()
        pupil = {"username": "pupil", "password": "pupil-word"}
        async with working(Mqtt(crowd.hub, section).run()), broker.heard(**pupil) as heard:
            await until(lambda: heard)
            async with broker.client(**pupil) as client:
                await client.publish("crowdcharge/lab/command", '{"action": "stop"}', qos=1)
                await client.publish("crowdcharge/lab/status", "offline", qos=1, retain=True)
            await asyncio.sleep(1.0)
        assert crowd.asked == []
        assert ("crowdcharge/lab/status", "offline", False) not in heard
