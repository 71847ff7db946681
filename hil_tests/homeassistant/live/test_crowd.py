# SPDX-License-Identifier: MIT
"""Boards of a virtual bench in a real Home Assistant, through a real broker."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hil_tests.homeassistant.home import WHERE, Home
from host.tests.service_outlets.broker import Broker, free_port
from host.tests.service_outlets.serving import Service, serving

PAUSED = ("on", "paused")  # the switch, and the state that the site tells
States = dict[str, dict[str, Any]]
SITE, BOARD = "crowdcharge_lab", "crowdcharge_lab_board"
OF_A_BOARD = {
    "battery": "battery",
    "power_out": "power",
    "power_in": "power",
    "energy_sent": "energy",
    "energy_received": "energy",
    "temperature": "temperature",
    "state": None,
}  # sensors, each with its device class


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def home(tmp_path: Path, broker: Broker) -> Iterator[Home]:
    home = Home(Path(os.environ[WHERE]), tmp_path / "home", free_port())
    try:
        home.set_up()
        home.use_broker(broker.port)
        yield home
    finally:
        home.stop()


async def seen(home: Home, is_so: Callable[[States], bool], within_s: float = 60.0) -> States:
    """Wait for something to be so in Home Assistant; the assertion shows what is."""
    end_s = asyncio.get_running_loop().time() + within_s
    while True:
        states = await asyncio.to_thread(home.states)
        if is_so(states):
            return states
        ours = {name: each["state"] for name, each in states.items() if "crowdcharge" in name}
        assert asyncio.get_running_loop().time() < end_s, ours
        await asyncio.sleep(0.5)


async def test_boards_are_devices_and_the_buttons_steer(
    home: Home, broker: Broker, tmp_path: Path
) -> None:
    commands = 'commands = ["stop", "pause", "resume", "policy"]'
    sections = f'[mqtt]\nurl = "mqtt://127.0.0.1:{broker.port}"\n{commands}\n'
    async with serving(tmp_path, sections) as service:
        states = await seen(home, _is_whole)
        _check_kinds(states)
        await _check_values(home)
        await _check_commands(home, service)
    await seen(home, lambda states: states[f"sensor.{BOARD}_1_battery"]["state"] == "unavailable")


def _is_whole(states: States) -> bool:
    batteries = [states.get(f"sensor.{BOARD}_{n}_battery", {}).get("state") for n in (1, 2)]
    return not {None, "unknown", "unavailable"} & set(batteries)


def _check_kinds(states: States) -> None:
    for number in (1, 2):
        for key, kind in OF_A_BOARD.items():
            found = states[f"sensor.{BOARD}_{number}_{key}"]
            assert found["attributes"].get("device_class") == kind
        energy = states[f"sensor.{BOARD}_{number}_energy_sent"]["attributes"]
        assert (energy["state_class"], energy["unit_of_measurement"]) == ("total_increasing", "Wh")
        assert states[f"binary_sensor.{BOARD}_{number}_fault"]["state"] in {"on", "off"}
    assert states[f"switch.{SITE}_pause"]["state"] == "off"
    assert "star" in states[f"select.{SITE}_policy"]["attributes"]["options"]
    ours = [name for name in states if SITE in name]
    assert not any("clear" in name or "acknowledge" in name for name in ours)


async def _check_values(home: Home) -> None:
    """Energy moves on the bench, and so it does in Home Assistant; some of it is lost."""
    got = f"sensor.{BOARD}_2_energy_received"
    states = await seen(home, lambda states: float(states[got]["state"]) > 0, 120)
    assert float(states[f"sensor.{BOARD}_1_energy_sent"]["state"]) > float(states[got]["state"])


async def _check_commands(home: Home, service: Service) -> None:
    pause, shown = f"switch.{SITE}_pause", f"sensor.{SITE}_state"

    async def do(domain: str, name: str, entity_id: str, **data: str) -> None:
        await asyncio.to_thread(home.call, domain, name, entity_id, **data)

    await do("switch", "turn_on", pause)
    await seen(home, lambda states: (states[pause]["state"], states[shown]["state"]) == PAUSED)
    assert '"state":"paused"' in (await service.text("/api/v1/snapshot")).replace(" ", "")
    await do("select", "select_option", f"select.{SITE}_policy", option="small-transfer")
    await seen(home, lambda states: states[f"select.{SITE}_policy"]["state"] == "small-transfer")
    await do("switch", "turn_off", pause)
    await seen(home, lambda states: states[shown]["state"] == "running")
    await do("button", "press", f"button.{SITE}_stop")
    await seen(home, lambda states: states[shown]["state"] == "stopped")
