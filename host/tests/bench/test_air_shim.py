# SPDX-License-Identifier: MIT
"""The `bluetooth` module on the real VM against its documentation."""

import asyncio
import subprocess

import pytest
from bleak import BleakClient, BleakScanner

from crowdcharge.bench.board import micropython
from crowdcharge.bench.board.radio import ShimRadio
from crowdcharge.errors import BenchError

pytestmark = [pytest.mark.bench, pytest.mark.vm]


async def test_shim_against_the_documentation(desk):
    board = await desk.board("shim_check.py")
    device = await BleakScanner.find_device_by_name("check", timeout=10, backend=desk.scanner)
    async with BleakClient(device, backend=desk.client, timeout=10) as client:
        assert client.mtu_size == 185
        assert await client.read_gatt_char("2a00") == b"checked"
        assert await client.read_gatt_char("2a19") == bytes(30)
        descriptor = client.services.get_characteristic("2a1a").get_descriptor("2901")
        assert await client.read_gatt_descriptor(descriptor.handle) == b"a description"
        for part in (b"abc", b"defg"):
            await client.write_gatt_char("2a1b", part, response=True)
    out, _ = await asyncio.to_thread(board.vm.communicate, timeout=10)
    assert out.split() == [b"ready", b"done"]
    assert board.vm.returncode == 0


async def test_board_stops_when_the_hub_is_gone(desk):
    board = await desk.board()
    await desk.find(board)
    await board.radio.stop()
    out, _ = await asyncio.to_thread(board.vm.communicate, timeout=10)
    assert (board.vm.returncode, out) == (1, b"the bench hub is gone: this board stops\n")


@pytest.mark.parametrize(
    ("variable", "error"),
    [
        ({}, "RuntimeError: this board has no radio: CROWDCHARGE_RADIO_SOCKET is not set"),
        ({"CROWDCHARGE_RADIO_SOCKET": "/nowhere"}, "OSError: [Errno 2] ENOENT"),
    ],
)
def test_no_hub_at_all(desk, tmp_path, variable, error):
    result = subprocess.run(
        [micropython.binary(), "-c", "import bluetooth; bluetooth.BLE()"],
        env={"MICROPYPATH": f"{tmp_path / 'lib'}:.frozen"} | variable,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1].startswith(error)


async def test_socket_path_that_no_kernel_takes(desk, tmp_path):
    with pytest.raises(BenchError, match="too long"):
        ShimRadio(desk.air, "x", "B0:00:00:00:00:99", tmp_path / ("x" * 108))
