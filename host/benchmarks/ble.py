# SPDX-License-Identifier: MIT
"""The air of the virtual bench: start-up, memory, round trips, adverts and their CPU share.

    python host/benchmarks/ble.py [BOARDS ...]      (default 2 10 50 100)

Three kinds of process, as in a real bench: this one (bleak), the hub (air and GATT servers), and
one MicroPython VM a board. CPU is user plus system time per second of wall clock, from /proc.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bleak import BleakClient, BleakScanner
from bumble import controller as stock
from bumble.device import Device, DeviceConfiguration
from bumble.host import Host as StockHost
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

import crowdcharge.bench
from crowdcharge.bench.board import micropython
from crowdcharge.bench.board.radio import ShimRadio
from crowdcharge.bench.radio.adverts import advertisement_data
from crowdcharge.bench.radio.air import Air
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.bench.radio.controller import Controller
from crowdcharge.bench.radio.hci_ports import serve_hci_tcp
from crowdcharge.bench.radio.host import attach

FIRMWARE = Path(__file__).parents[1] / "tests" / "bench" / "firmware" / "echo.py"
SHIMS = Path(crowdcharge.bench.__file__).parent / "shims"
COMMAND, REPLY = (f"6e40000{i}-b5a3-f393-e0a9-e50e24dcca9e" for i in (3, 4))
IDLE_s = 5.0
ROUNDS = 200
ADVERT = bytes.fromhex("020106") + bytes((27, 0xFF)) + bytes(26)


async def hub(count: int, folder: Path) -> None:
    air = Air(seed=1)
    for index in range(count):
        address = f"B0:00:00:00:{index >> 8:02X}:{index & 0xFF:02X}"
        await ShimRadio(air, f"board {index}", address, folder / f"radio{index}").start()
    port = await serve_hci_tcp(air, "host", "C0:00:00:00:00:01")
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().create_future()


@contextlib.contextmanager
def bench(count: int, interval_ms: int = 250) -> Iterator[tuple[int, int, list[int], float]]:
    """(port, hub pid, VM pids, start time of the first VM) of a running bench."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lib").mkdir()
        for shim in (
            "bluetooth.py",
            "_ble_central.py",
            "_ble_events.py",
            "_ble_uuid.py",
            "_radio.py",
        ):
            (folder / "lib" / shim).symlink_to(SHIMS / shim)
        command = [sys.executable, __file__, "--hub", str(count), name]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as hub_process:
            assert hub_process.stdout is not None
            port = int(hub_process.stdout.readline())
            start_s = time.perf_counter()
            vms = [start_vm(folder, index, interval_ms) for index in range(count)]
            try:
                yield port, hub_process.pid, [vm.pid for vm in vms], start_s
            finally:
                for process in (*vms, hub_process):
                    process.kill()
                    process.wait()


def start_vm(folder: Path, index: int, interval_ms: int = 250) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "CROWDCHARGE_RADIO_SOCKET": str(folder / f"radio{index}"),
        "MICROPYPATH": f"{folder / 'lib'}:.frozen",
        "BOARD_INTERVAL_US": str(1000 * interval_ms),
    }
    return subprocess.Popen([micropython.binary(), FIRMWARE], env=environment)


def cpu_s(pid: int) -> float:
    """From the scheduler, in ns; the ticks of /proc/PID/stat miss short bursts."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def memory_MB(pid: int, field: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def adverts(scanner_type, count: int, start_s: float, pids: dict[str, list[int]]):
    """Time until all boards were seen, devices, adverts and CPU per second while nothing else."""
    devices, total, all_seen = {}, [0], asyncio.Event()

    def on_advert(device, _advert):
        devices[device.address] = device
        total[0] += 1
        if len(devices) == count:
            all_seen.set()

    async with BleakScanner(on_advert, backend=scanner_type):
        await asyncio.wait_for(all_seen.wait(), 120)
        seen_s = time.perf_counter() - start_s
        before = {name: sum(map(cpu_s, group)) for name, group in pids.items()}
        total[0], idle_start_s = 0, time.perf_counter()
        await asyncio.sleep(IDLE_s)
        elapsed_s = time.perf_counter() - idle_start_s
        share = {
            name: (sum(map(cpu_s, group)) - before[name]) / elapsed_s
            for name, group in pids.items()
        }
    return seen_s, list(devices.values()), total[0] / elapsed_s, share


async def round_trips(client_type, devices, pids: dict[str, list[int]]):
    """Seconds of each command, one after the other, then all boards at once; CPU of the latter."""
    clients = [BleakClient(device, backend=client_type, timeout=60) for device in devices]
    start_s = time.perf_counter()
    await asyncio.gather(*(client.connect() for client in clients))
    connect_s = time.perf_counter() - start_s
    replies: list[asyncio.Queue[bytes]] = [asyncio.Queue() for _ in clients]
    for client, queue in zip(clients, replies, strict=True):
        await client.start_notify(REPLY, lambda _c, data, queue=queue: queue.put_nowait(data))

    async def one(index: int) -> float:
        sent_s = time.perf_counter()
        await clients[index].write_gatt_char(COMMAND, b"0123456789", response=True)
        await replies[index].get()
        return time.perf_counter() - sent_s

    alone = [await one(i % len(clients)) for i in range(ROUNDS)]
    before = {name: sum(map(cpu_s, group)) for name, group in pids.items()}
    start_s, together = time.perf_counter(), []
    for _ in range(max(2, 5 * ROUNDS // len(clients))):
        together += await asyncio.gather(*(one(i) for i in range(len(clients))))
    rate = len(together) / (time.perf_counter() - start_s)
    cost_us = {
        name: 1e6 * (sum(map(cpu_s, group)) - before[name]) / len(together)
        for name, group in pids.items()
    }
    await asyncio.gather(*(client.disconnect() for client in clients))
    return connect_s, alone, together, rate, cost_us


async def measure(count: int) -> None:
    with bench(count) as (port, hub_pid, vm_pids, start_s):
        scanner_type, client_type = backends(f"tcp-client:127.0.0.1:{port}")
        pids = {"hub": [hub_pid], "host": [os.getpid()], "boards": vm_pids}
        seen_s, devices, rate, share = await adverts(scanner_type, count, start_s, pids)
        rss, pss = (
            statistics.mean(memory_MB(pid, field) for pid in vm_pids) for field in ("Rss", "Pss:")
        )
        hub_MB = memory_MB(hub_pid, "Rss")
        connect_s, alone, together, commands, cost_us = await round_trips(
            client_type, devices, pids
        )
    print(
        f"{count:4} | {1000 * seen_s / count:6.1f} | {rss:5.1f} {pss:5.1f} {hub_MB:6.0f} |"
        f" {rate:6.0f} {share['hub']:6.1%} {share['host']:6.1%} {share['boards']:6.1%}"
        f" {2 - sum(share.values()):5.2f} | {connect_s:5.2f} |"
        f" {1000 * percentile(alone, 0.5):6.2f} {1000 * percentile(alone, 0.99):6.2f} |"
        f" {1000 * percentile(together, 0.5):6.1f} {1000 * percentile(together, 0.99):6.1f}"
        f" {commands:6.0f} {cost_us['hub']:5.0f} {cost_us['host']:5.0f} {cost_us['boards']:5.0f}",
        flush=True,
    )


async def ceiling(count: int) -> None:
    """As many adverts as a host can take: every board at the shortest interval."""
    with bench(count, interval_ms=20) as (port, hub_pid, _vm_pids, start_s):
        pids = {"hub": [hub_pid], "host": [os.getpid()]}
        scanner_type, _client_type = backends(f"tcp-client:127.0.0.1:{port}")
        _seen_s, _devices, rate, share = await adverts(scanner_type, count, start_s, pids)
    print(
        f"{count} boards at 20 ms: {rate:.0f} adverts/s with their scan responses,"
        f" hub {share['hub']:.0%}, host {share['host']:.0%} of a core",
        flush=True,
    )


async def advert_cost() -> None:
    """CPU of one advert from controller to callback: ours and the stock stack, in one process."""
    count = 5000
    ours_s = await ours(count)
    stock_s = await stock_stack(count)
    for name, spent_s in (("ours", ours_s), ("stock bumble", stock_s)):
        print(f"{name:14} {1e6 * spent_s / count:8.1f} us an advert {stock_s / spent_s:6.1f}x")


async def ours(count: int) -> float:
    air = Air(seed=1)
    board, central = (Controller(name, air, f"B0:00:00:00:00:0{name}") for name in "12")
    board.advertiser.advertising_data = board.advertiser.scan_response_data = ADVERT
    board.advertiser.enabled = True
    host, seen = attach(central), []
    host.on_report = lambda report: seen.append(advertisement_data(report.data, report.rssi_dBm))
    device = Device(config=DeviceConfiguration(name="central"), host=host)
    await device.power_on()
    await device.start_scanning(legacy=True)
    return await cpu_until(board.advertiser.send_advertising_data, seen, 2 * count)


async def stock_stack(count: int) -> float:
    link = LocalLink()
    board, central = (
        stock.Controller(name, link=link, public_address=f"B0:00:00:00:00:0{name}")
        for name in "12"
    )
    board.le_legacy_advertiser.advertising_data = ADVERT
    board.le_legacy_advertiser.enabled = True
    host, seen = StockHost(controller_sink=AsyncPipeSink(central)), []
    central.host = host
    device = Device(config=DeviceConfiguration(name="central"), host=host)
    await device.power_on()
    host.on("advertising_report", seen.append)
    await device.start_scanning()
    return await cpu_until(board.le_legacy_advertiser.send_advertising_data, seen, 2 * count)


async def cpu_until(send, seen: list[object], count: int) -> float:
    start_s = time.process_time()
    while len(seen) < count:
        send()
        await asyncio.sleep(0)
    return time.process_time() - start_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("boards", type=int, nargs="*", default=[2, 10, 50, 100])
    parser.add_argument("--hub", nargs=2)
    arguments = parser.parse_args()
    if arguments.hub:
        asyncio.run(hub(int(arguments.hub[0]), Path(arguments.hub[1])))
        return
    print("   N |  start |  RSS   PSS    hub | adverts    hub   host boards  free |"
          " conn. |  one by one   |  all at once                hub  host board")  # fmt: skip
    print("     | ms each|   MB a board    MB |     /s   CPU    CPU    CPU  cores |"
          "     s | p50 ms p99 ms | p50 ms p99 ms  cmd/s   us CPU a command")  # fmt: skip
    for count in arguments.boards:
        asyncio.run(measure(count))
    asyncio.run(ceiling(max(arguments.boards)))
    asyncio.run(advert_cost())


if __name__ == "__main__":
    main()
