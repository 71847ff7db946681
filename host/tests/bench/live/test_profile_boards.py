# SPDX-License-Identifier: MIT
"""Boards that keep a profile by themselves, and one whose schematic lets it give on a cable."""

import asyncio
import secrets
import subprocess

import pytest
import pytest_asyncio

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.boards.link import BoardLink
from crowdcharge.clock import BoardClock
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.radio.bleak_radio import BleakRadio
from wptcore import ept, wire

from ...command import COMMAND
from ...heard import hear

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.asyncio(loop_scope="module")]
KEY = bytes(range(32))
CABLED, PLAIN, HUAWEI = 1, 2, 3
WAIT_s = 30


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory):
    boards = (
        BoardConfig(CABLED, 70.0, capacity_J=20_000.0, key=KEY.hex(), board="virtual_cabled"),
        BoardConfig(PLAIN, 40.0, capacity_J=20_000.0, key=KEY.hex()),
        BoardConfig(HUAWEI, 70.0, key=KEY.hex(), profile=("huawei",)),
    )
    contacts = ContactsConfig(((Placement((CABLED, PLAIN)),),))
    async with launch(
        BenchConfig(boards, contacts=contacts), tmp_path_factory.mktemp("bench")
    ) as running:
        yield running


async def ask(bench, board_id: int, command: str) -> dict[str, str]:
    def on_line() -> dict[str, str]:
        with SerialLine(bench.serial_ports[board_id]) as line:
            return line.ask(command)

    return await asyncio.to_thread(on_line)


async def until(bench, board_id: int, fault: str, *, stands: bool) -> None:
    ends_s = asyncio.get_running_loop().time() + WAIT_s
    while (fault in (found := await ask(bench, board_id, "status"))["faults"]) is not stands:
        assert asyncio.get_running_loop().time() < ends_s, found
        await asyncio.sleep(0.2)


async def test_a_profile_tightens_the_temperatures_of_its_board(bench):
    """Huawei's goes on at 35 C, a board without a profile at 40 C."""
    found = await ask(bench, HUAWEI, "limits")
    assert (found["battery_max_dC"], found["battery_resume_dC"]) == ("450", "350")
    assert (found["floor_pct"], found["gives_mW"], found["power_max_mW"]) == (
        "20",
        "2500",
        "12000",
    )
    for board_id in (PLAIN, HUAWEI):
        await bench.control.fault("hot-battery", board_id, temperature_C=46.5)
        await until(bench, board_id, "BATTERY_TEMPERATURE", stands=True)
        await bench.control.fault("hot-battery", board_id, temperature_C=37.0)
    await until(bench, PLAIN, "BATTERY_TEMPERATURE", stands=False)
    await asyncio.sleep(3)
    await until(bench, HUAWEI, "BATTERY_TEMPERATURE", stands=True)
    await bench.control.fault("hot-battery", HUAWEI, temperature_C=33.5)
    await until(bench, HUAWEI, "BATTERY_TEMPERATURE", stands=False)
    for board_id in (PLAIN, HUAWEI):
        await bench.control.fault("hot-battery", board_id, on=False)


async def opened(bench, radio: BleakRadio) -> dict[int, BoardLink]:
    await hear(radio, (bench.addresses[CABLED], bench.addresses[PLAIN]), WAIT_s)
    return {
        board_id: await BoardLink.open(
            radio, bench.addresses[board_id], board_id, KEY, secrets.token_bytes, BoardClock()
        )
        for board_id in (CABLED, PLAIN)
    }


async def test_where_the_schematic_allows_it_a_board_gives_on_a_cable(bench):
    """And the other one, whose interlock is fitted, ends on it."""
    radio = BleakRadio(*backends(bench.transport))
    links = await opened(bench, radio)
    for donor, receiver in ((CABLED, PLAIN), (PLAIN, CABLED)):
        number = secrets.randbits(30) | 1

        async def renewed(time_s: float, number=number, donor=donor, receiver=receiver):
            ends_s = asyncio.get_running_loop().time() + time_s
            while asyncio.get_running_loop().time() < ends_s:
                for a, b in ((receiver, donor), (donor, receiver)):
                    power_mW = links[b].ack.power_mW
                    ack = await links[a].command(wire.RENEW, number, 4000, power_mW, 0)
                    if ack.code != ept.NONE:
                        return ack
                await asyncio.sleep(0.3)
            return links[donor].ack

        for board_id, role, peer in ((receiver, wire.PRX, donor), (donor, wire.PTX, receiver)):
            grant = (number, role, peer, 0, 0, 5000, 500_000, 600_000, 0, 4000, 0)
            ack = await links[board_id].command(wire.GRANT, *grant)
            assert ack.code == ept.NONE, ack
        assert (await renewed(2)).power_mW > 1000
        await bench.control.fault("cable", donor)
        ack = await renewed(3)
        if donor == CABLED:
            assert ack.power_mW > 1000, ack
            assert "ROLE_CONFLICT" not in (await ask(bench, donor, "status"))["faults"]
        else:
            assert ack.ept == ept.ROLE_CONFLICT, ack
            assert "ROLE_CONFLICT" in (await ask(bench, donor, "status"))["faults"]
        await links[donor].command(wire.STOP, number)
        await links[receiver].command(wire.STOP, number)
        await bench.control.fault("cable", donor, on=False)
    for link in links.values():
        await link.close()
    await radio.close()


async def test_provisioning_gives_a_board_a_profile_and_takes_it_away(bench, tmp_path):
    def provision(profile: str) -> subprocess.CompletedProcess[str]:
        port, keys = bench.serial_ports[HUAWEI], str(tmp_path / "keys.toml")
        command = ["provision", "--port", port, "--id", str(HUAWEI), "--keys", keys]
        command += ["--profile", profile]
        return subprocess.run(
            [*COMMAND, *command], capture_output=True, text=True, check=False, timeout=60
        )

    for profile, kept in (
        ("powershare", ("449", "400", "4000")),
        ("none", ("450", "400", "12000")),
    ):
        done = await asyncio.to_thread(provision, profile)
        assert done.returncode == 0, done.stderr
        found = await ask(bench, HUAWEI, "limits")
        limits = (found["battery_max_dC"], found["battery_resume_dC"], found["gives_mW"])
        assert limits == kept
    refused = await asyncio.to_thread(provision, "nokia")
    assert refused.returncode == 2
    assert "unknown profile 'nokia'" in refused.stderr
