# SPDX-License-Identifier: MIT
"""The `bluetooth` module on the real VM against its documentation."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner
from bumble import hci

import crowdcharge.bench
from crowdcharge.bench.board import micropython
from crowdcharge.bench.board.radio import ShimRadio
from crowdcharge.errors import BenchError

pytestmark = [pytest.mark.bench, pytest.mark.vm]
SHIMS = Path(crowdcharge.bench.__file__).parent / "shims"
STATUS, REPLY = (f"6e40000{i}-b5a3-f393-e0a9-e50e24dcca9e" for i in (2, 4))


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


async def test_a_subscriber_out_of_range_blocks_circuitpython_and_then_raises(desk):
    """As on the nRF52840: the loop stands still until the link's supervision timeout (0.72 s)."""
    board = await desk.board("bleio_check.py", SHIMS=str(SHIMS))
    device = await BleakScanner.find_device_by_name("bleio", timeout=10, backend=desk.scanner)
    client = BleakClient(device, backend=desk.client, timeout=10)
    await client.connect()
    heard = asyncio.Event()
    await client.start_notify(REPLY, lambda _c, _data: heard.set())
    async with asyncio.timeout(10):
        await heard.wait()
    desk.air.drop(desk.address, board.address)
    out, _ = await asyncio.to_thread(board.vm.communicate, timeout=10)
    sys.stdout.write(out.decode())
    error, stood_still_ms = re.search(rb"(\w+)\(.*\) after (\d+) ms", out).groups()
    assert error == b"ConnectionError"
    assert int(stood_still_ms) >= 300


async def test_an_encryption_request_of_a_stranger_reaches_the_handler(desk, echo):
    """Event 29 asks for a stored key, with a view of the peer's address; None: there is none."""
    board = await desk.board("secrets_check.py")
    client = await ask_for_encryption(desk, board)
    talk = await echo(client)
    peer = bytes((0,)) + bytes.fromhex(desk.address.replace(":", ""))[::-1]
    assert await talk(b"asked") == b"1 0 " + peer  # BLE_STORE_OBJ_TYPE_OUR_SEC, index 0
    assert await talk(b"kept view") == b"\xdd" * 7  # its memory is in use again
    await client.disconnect()


@pytest.mark.parametrize("answer", ["0", "5", "'text'", "[]"])
async def test_a_wrong_answer_to_an_encryption_request_restarts_the_board(desk, answer):
    """The TypeError of `modbluetooth.c` has nobody to catch it; text is a buffer and passes."""
    board = await desk.board("secrets_check.py", ANSWER=answer)
    client = await ask_for_encryption(desk, board)
    if answer == "'text'":
        assert await client.read_gatt_char(STATUS) == b"alive"
        await client.disconnect()
    else:
        out, _ = await asyncio.to_thread(board.vm.communicate, timeout=10)
        assert b"NLR jump failed" in out


async def ask_for_encryption(desk, board) -> BleakClient:
    """Do what a phone does that believes it is paired: LL_ENC_REQ with a key of its own."""
    client = await desk.connected(board)
    (link,) = desk.client._central._device.connections.values()
    await desk.client._central._device.host.send_async_command(
        hci.HCI_LE_Enable_Encryption_Command(
            connection_handle=link.handle,
            random_number=bytes(8),
            encrypted_diversifier=0,
            long_term_key=bytes(16),
        )
    )
    await asyncio.sleep(0.2)
    return client


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
