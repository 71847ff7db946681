# SPDX-License-Identifier: MIT
"""The hub's own life, its control socket, and power of the boards."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from bleak import BleakScanner
from bthome_ble import BTHomeBluetoothDeviceData
from habluetooth import BluetoothServiceInfoBleak

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.client import Control
from crowdcharge.bench.hub.launch import launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.bench.proxies.faults import FAULTS as PROXY_FAULTS
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.errors import BenchError, InputError

pytestmark = [pytest.mark.bench, pytest.mark.asyncio(loop_scope="module")]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def vm_pids(control: Control) -> list[int]:
    return [board["pid"] for board in (await control.status())["boards"]]


def bthome(device, advert) -> dict[str, float]:
    """Return what the public BTHome parser makes of an advert: device class -> value."""
    parser = BTHomeBluetoothDeviceData()
    update = parser.update(
        BluetoothServiceInfoBleak(
            name=advert.local_name or device.address,
            address=device.address,
            rssi=advert.rssi,
            manufacturer_data=advert.manufacturer_data,
            service_data=advert.service_data,
            service_uuids=advert.service_uuids,
            source="test",
            device=device,
            advertisement=advert,
            connectable=True,
            time=0.0,
            tx_power=None,
        )
    )
    return {key.key: sensor.native_value for key, sensor in update.entity_values.items()}


async def test_the_products_firmware_tells_the_plants_truth_in_bthome():
    """A switch that conducts though it is off makes current flow without a grant."""
    boards = (BoardConfig(7, 63.0), BoardConfig(8, 12.0))
    contacts = ContactsConfig(((Placement((7, 8)),),))
    async with launch(BenchConfig(boards, contacts=contacts)) as bench:
        assert bench.vm.startswith("MicroPython 1.")
        await bench.control.fault("stuck-switch", 7)
        told: asyncio.Queue[dict[str, float]] = asyncio.Queue()

        def seen(device, advert):
            if device.address == bench.addresses[7] and advert.service_data:
                told.put_nowait(bthome(device, advert))

        scanner, _client = backends(bench.transport)
        async with BleakScanner(seen, backend=scanner), asyncio.timeout(20):
            while (said := await told.get())["power"] < 0.2:
                pass
        truth = await bench.control.board(7)
        assert said["battery"] == pytest.approx(truth["soc_pct"], abs=1)
        assert said["voltage"] == pytest.approx(truth["cell_V"], rel=0.015)  # bus gain 1 %
        assert abs(said["current"]) == pytest.approx(truth["cell_A"], abs=0.005)
        assert said["power"] == pytest.approx(truth["tx_W"], rel=0.05)
        assert said["power"] > 0.2
    assert bench.returncode == 0


@pytest.mark.parametrize("how", ["eof", "stop", "kill"])
async def test_no_vm_outlives_the_hub(tmp_path, tiny_firmware, hands, how):
    config = hands.two_boards(tiny_firmware)
    async with launch(config, tmp_path / "bench") as bench:
        pids = await vm_pids(bench.control)
        assert all(alive(pid) for pid in pids)
        if how == "eof":
            bench.process.stdin.close()
        elif how == "stop":
            await bench.control.call("stop")
        else:
            bench.process.kill()
        await asyncio.wait_for(bench.ended(), 20)
        assert bench.returncode == (-signal.SIGKILL if how == "kill" else 0)
        await hands.until(lambda: not any(alive(pid) for pid in pids), "VMs are gone")
        with pytest.raises(BenchError, match="the bench has ended"):
            await bench.control.status()
    with pytest.raises(BenchError, match="no bench answers"):
        await Control.connect(bench.control_path)


async def test_the_bench_outlives_a_host_and_a_broken_client(tiny_bench):
    command = f"""
import asyncio
from bleak import BleakScanner
from bthome_ble import BTHomeBluetoothDeviceData
from crowdcharge.bench.radio.bleak_backend import backends
async def main():
    async with BleakScanner(backend=backends({tiny_bench.bench.transport!r})[0]):
        print("scanning", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    pipe = asyncio.subprocess.PIPE
    host = await asyncio.create_subprocess_exec(sys.executable, "-c", command, stdout=pipe)
    assert await host.stdout.readline() == b"scanning\n"
    host.kill()
    await host.communicate()
    _reader, writer = await asyncio.open_unix_connection(str(tiny_bench.bench.control_path))
    writer.write(b'{"nonsense\n[1]\n{"id": 1, "method": "status", "params": [1]}\n')
    writer.write(b"\xff" * 200_000)
    writer.close()
    assert len((await tiny_bench.control.status())["boards"]) == 2


async def test_power_off_makes_pins_low_at_once(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec(hands.METERS + "\ntx_enable.on()\nrx_enable.on()")
        assert (await tiny_bench.witness())["on"] == [[1, "rx"], [1, "tx"]]
    await tiny_bench.control.fault("kill", 1)
    seen = await tiny_bench.witness()
    assert seen["on"] == []
    causes = [edge["cause"] for edge in seen["changes"]]
    assert causes == ["pin", "pin", "power lost", "power lost"]
    assert not (await tiny_bench.control.board(1))["running"]
    await tiny_bench.control.fault("power-on", 1)
    await tiny_bench.booted(1, times=2)


async def test_a_vm_that_crashes_is_a_reset(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec(hands.METERS + "\ntx_enable.on()")
    os.kill((await tiny_bench.control.board(1))["pid"], signal.SIGSEGV)
    await tiny_bench.booted(1, times=2)
    seen = await tiny_bench.witness()
    assert seen["on"] == []
    assert seen["changes"][-1]["cause"] == f"signal {signal.SIGSEGV.value}"


async def test_a_brown_out_takes_registers_and_comes_back(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec(hands.METERS + "\ntx_enable.on()")
    await tiny_bench.control.fault("brown-out", 1, off_s=0.2)
    assert (await tiny_bench.witness())["on"] == []
    await tiny_bench.booted(1, times=2)
    assert b"started 1" in tiny_bench.log(1)
    assert (await tiny_bench.control.board(1))["last_reset"] == "brown-out"


async def test_every_fault_can_be_done_and_bad_ones_are_one_line(tiny_bench):
    control = tiny_bench.control
    for name in await control.call("faults"):
        needs_more = {"torn-write", "qi-end", "qi-locked"}  # littlefs, a chip with a bus
        if name not in needs_more and name not in PROXY_FAULTS:
            await control.fault(name, 1)
    with pytest.raises(InputError, match=r"unknown fault 'fire'; known are brown-out"):
        await control.fault("fire", 1)
    with pytest.raises(InputError, match="there is no board 9"):
        await control.fault("kill", 9)
    with pytest.raises(InputError, match="it takes temperature_C, on"):
        await control.fault("hot-coil", 1, degrees=80)
    with pytest.raises(InputError, match="soc_pct must be a number"):
        await control.fault("soc", 1, soc_pct="full")
    with pytest.raises(InputError, match="needs storage"):
        await control.fault("torn-write", 1)
    with pytest.raises(InputError, match="cannot lie on board 1"):
        await control.fault("move", 1, peer=1)


async def test_contacts_follow_the_schedule_and_the_hand(tiny_bench):
    control = tiny_bench.control
    assert (await control.status())["contacts"] == [[1, 2]]
    await control.fault("move", 1, peer=0)
    assert (await control.status())["contacts"] == []
    await control.call("resume")
    assert (await control.status())["contacts"] == [[1, 2]]
    await control.call("hold", pairs=[])
    assert (await control.board(1))["peer"] is None
    with pytest.raises(InputError, match="hold: needs pairs"):
        await control.call("hold", pairs=[[1, 1]])


async def test_a_bad_bench_file_and_a_missing_vm_are_one_line(tmp_path, monkeypatch):
    file = tmp_path / "bench.toml"
    file.write_text("[[boards]]\nid = 1\n")
    with pytest.raises(InputError, match=r"bench.toml, line 1: boards\[0\].soc_pct: is missing"):
        async with launch(file):
            pass
    monkeypatch.setenv("CROWDCHARGE_MICROPYTHON", "/nowhere/micropython")
    with pytest.raises(BenchError, match="no MicroPython VM"):
        async with launch(BenchConfig((BoardConfig(1, 50.0),))):
            pass
