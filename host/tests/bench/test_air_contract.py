# SPDX-License-Identifier: MIT
"""What the bench promises about the air, seen through bleak's own API and a real VM."""

import asyncio
import statistics
from itertools import pairwise

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from bleak_retry_connector import establish_connection

pytestmark = [pytest.mark.bench, pytest.mark.vm]
STATUS, COMMAND, SURE = (f"6e40000{i}-b5a3-f393-e0a9-e50e24dcca9e" for i in (2, 3, 5))
SUPERVISION_s = 0.72  # bumble's preference when it is the central


async def collect(desk, count, **options):
    """(time, device, advert) of the next `count` adverts."""
    seen, done, loop = [], asyncio.Event(), asyncio.get_running_loop()

    def on_advert(device, advert):
        seen.append((loop.time(), device, advert))
        if len(seen) == count:
            done.set()

    async with asyncio.timeout(20), BleakScanner(on_advert, backend=desk.scanner, **options):
        await done.wait()
    return seen[:count]


async def test_100_ms_is_100_ms(desk):
    await desk.board(BOARD_INTERVAL_US="100000")
    times = [time for time, _device, _advert in await collect(desk, 31)]
    gaps_ms = [1000 * (b - a) for a, b in pairwise(times)]
    assert 90 <= statistics.median(gaps_ms) <= 110
    assert 90 <= statistics.mean(gaps_ms) <= 110


async def test_scan_response_comes_in_active_scans_only(desk):
    await desk.board(BOARD_INTERVAL_US="20000")
    active = await collect(desk, 5)
    passive = await collect(desk, 5, scanning_mode="passive")
    assert {advert.local_name for _t, _d, advert in active} == {"board 1"}
    assert {advert.local_name for _t, _d, advert in passive} == {None}
    assert all(advert.manufacturer_data == {0xFFFF: b"hi"} for _t, _d, advert in active + passive)


async def test_not_connectable_is_seen_and_cannot_be_connected(desk):
    board = await desk.board(BOARD_CONNECTABLE="0", BOARD_INTERVAL_US="20000")
    client = BleakClient(await desk.find(board), backend=desk.client, timeout=0.3)
    with pytest.raises(TimeoutError):
        await client.connect()


async def test_rssi_follows_the_bench(desk):
    near, far = [await desk.board(BOARD_INTERVAL_US="20000") for _ in range(2)]
    levels_dBm = {near.address: -40, far.address: -90}
    desk.air.rssi_dBm = lambda tx, rx: levels_dBm[tx] if rx == desk.address else 0
    seen = {device.address: advert.rssi for _t, device, advert in await collect(desk, 20)}
    assert seen == levels_dBm


async def test_dropped_link_is_noticed_after_its_supervision_timeout(desk, echo):
    board = await desk.board()
    gone = asyncio.Event()
    client = await desk.connected(board, lambda _client: gone.set())
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    desk.air.drop(desk.address, board.address)
    async with asyncio.timeout(10):
        await gone.wait()
    assert SUPERVISION_s - 0.02 <= loop.time() - start_s <= SUPERVISION_s + 0.5
    assert not client.is_connected
    desk.air.heal(desk.address, board.address)
    again = await desk.connected(board)  # the board noticed as well and advertises again
    assert await (await echo(again))(b"back") == b"back"
    await again.disconnect()


async def test_nothing_is_lost_when_the_path_heals_in_time(desk, echo):
    board = await desk.board()
    client = await desk.connected(board)
    talk = await echo(client)
    desk.air.drop(desk.address, board.address)
    pending = asyncio.create_task(talk(b"held"))
    await asyncio.sleep(SUPERVISION_s / 3)
    assert not pending.done()
    desk.air.heal(desk.address, board.address)
    assert await pending == b"held"
    await asyncio.sleep(SUPERVISION_s)
    assert client.is_connected
    await client.disconnect()


async def test_timed_out_connect_does_not_block_the_next(desk):
    board = await desk.board()
    device = await desk.find(board)
    desk.air.drop(desk.address, board.address)
    with pytest.raises(TimeoutError):
        await BleakClient(device, backend=desk.client, timeout=0.3).connect()
    desk.air.heal(desk.address, board.address)
    async with BleakClient(device, backend=desk.client, timeout=10) as client:
        assert client.is_connected


async def test_cancelled_connect_does_not_block_the_next(desk):
    board = await desk.board()
    device = await desk.find(board)
    desk.air.drop(desk.address, board.address)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await BleakClient(device, backend=desk.client, timeout=30).connect()
    desk.air.heal(desk.address, board.address)
    async with BleakClient(device, backend=desk.client, timeout=10) as client:
        assert client.is_connected


async def test_frozen_vm_makes_reads_and_writes_time_out(desk):
    board = await desk.board()
    client = await desk.connected(board)
    assert await client.read_gatt_char(STATUS) == b"read 1"
    board.freeze()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await client.read_gatt_char(STATUS)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await client.write_gatt_char(COMMAND, b"x", response=True)
    board.thaw()
    async with asyncio.timeout(10):
        assert await client.read_gatt_char(STATUS) == b"read 3"
    await client.disconnect()


async def test_killed_vm_is_silent_and_its_restart_works(desk, echo):
    board = await desk.board()
    gone = asyncio.Event()
    client = await desk.connected(board, lambda _client: gone.set())
    read = asyncio.create_task(client.read_gatt_char(STATUS))
    board.kill()
    async with asyncio.timeout(10):
        await gone.wait()
    await asyncio.wait({read})
    assert (
        await BleakScanner.find_device_by_address(board.address, timeout=0.5, backend=desk.scanner)
        is None
    )
    board.start()
    again = await desk.connected(board)
    assert await again.read_gatt_char(STATUS) == b"read 1"
    await again.disconnect()


async def test_round_trips(desk, echo):
    board = await desk.board()
    client = await desk.connected(board)
    talk = await echo(client)
    assert client.mtu_size == 256
    for length in (1, 20, 100):
        assert await talk(bytes(range(length))) == bytes(range(length))
        assert await talk(bytes(range(length)), response=False) == bytes(range(length))
    assert await talk(bytes(150)) == bytes(100)  # cut to the buffer in silence, as NimBLE does
    sure = asyncio.Queue()
    await client.start_notify(SURE, lambda _c, data: sure.put_nowait(bytes(data)))
    assert await talk(b"indicate") == b"indicated 0"
    assert sure.get_nowait() == b"indicate"
    await client.stop_notify(SURE)
    await client.write_gatt_char(COMMAND, b"refuse\x81", response=True)
    with pytest.raises(BleakGATTProtocolError) as refused:
        await client.read_gatt_char(STATUS)
    assert refused.value.code == 0x81
    with pytest.raises(BleakGATTProtocolError, match="Read Not Permitted"):
        await client.read_gatt_char(COMMAND)
    with pytest.raises(BleakGATTProtocolError, match="Write Not Permitted"):
        await client.write_gatt_char(STATUS, b"x", response=True)
    await client.disconnect()


async def test_what_a_board_may_start_itself(desk, echo):
    board = await desk.board()
    client = await desk.connected(board)
    talk = await echo(client)
    assert await talk(b"update") == b"updated"
    assert await talk(b"mtu") == b"errno 114"  # the central has exchanged it; once is all
    await client.disconnect()


async def test_connection_update_reaches_the_board_and_the_link(desk, echo):
    board = await desk.board()
    client = await desk.connected(board)
    talk = await echo(client)
    (link,) = desk.client._central._device.connections.values()
    await link.update_parameters(30, 30, 0, 200)
    async with asyncio.timeout(10):
        assert bytes(await talk.replies.get()) == b"interval 24, timeout 20"
    assert {
        (connection.interval_s, connection.timeout_s)
        for radio in desk.air.controllers
        for connection in radio.le_connections.values()
    } == {(0.03, 0.2)}
    await client.disconnect()


@pytest.mark.parametrize("length", [240, 249, 250, 400])
async def test_long_reads(desk, length):
    """Around one packet at this MTU, and eight receipts."""
    board = await desk.board()
    client = await desk.connected(board)
    await client.write_gatt_char(COMMAND, b"long%d" % length, response=True)
    value = await client.read_gatt_char(STATUS)
    assert len(value) == len(b"read 1") + length
    assert value.startswith(b"read ")
    await client.disconnect()


async def test_operations_end_with_the_link(desk):
    board = await desk.board()
    client = await desk.connected(board)
    await client.write_gatt_char(COMMAND, b"leave", response=False)

    async def read_on():
        while True:
            await client.read_gatt_char(STATUS)

    async with asyncio.timeout(10):
        with pytest.raises(BleakError, match=r"disconnected|Service Discovery"):
            await read_on()


async def test_operations_leave_nothing_behind(desk):
    """A link that lives for hours keeps no callback of the operations that are over."""
    board = await desk.board()
    client = await desk.connected(board)
    gone = client._backend._gone
    before = len(gone._callbacks or ())
    for _ in range(20):
        await client.read_gatt_char(STATUS)
    await asyncio.sleep(0)
    assert len(gone._callbacks or ()) == before
    await client.disconnect()


async def test_reconnects(desk, echo):
    board = await desk.board()
    for i in range(4):
        client = await desk.connected(board)
        assert await (await echo(client))(b"%d" % i) == b"%d" % i
        await client.disconnect()


async def test_retry_connector_works_on_the_backend(desk):
    board = await desk.board()
    device = await desk.find(board)
    desk.air.loss = lambda tx, _rx: 0.5 if tx == desk.address else 0.0  # requests get lost
    client = await establish_connection(
        BleakClient, device, "board 1", backend=desk.client, timeout=5, max_attempts=20
    )
    desk.air.loss = lambda _tx, _rx: 0.0
    assert (await client.read_gatt_char(STATUS)).startswith(b"read")
    await client.disconnect()


async def test_a_full_board_is_not_on_the_air(desk):
    board = await desk.board(links_max=1, BOARD_INTERVAL_US="20000")
    client = await desk.connected(board)
    _address, scanner, _client = await desk.central()
    found = await BleakScanner.find_device_by_address(board.address, timeout=0.3, backend=scanner)
    assert found is None
    await client.disconnect()
    assert await BleakScanner.find_device_by_address(board.address, timeout=10, backend=scanner)


@pytest.mark.parametrize(("links_max", "answer"), [(1, b"errno 12"), (2, b"advertise")])
async def test_links_of_a_board(desk, echo, links_max, answer):
    board = await desk.board(links_max=links_max, BOARD_INTERVAL_US="20000")
    device = await desk.find(board)
    client = BleakClient(device, backend=desk.client, timeout=10)
    await client.connect()
    assert await (await echo(client))(b"advertise") == answer
    if links_max == 2:
        _address, _scanner, other = await desk.central()
        async with BleakClient(device, backend=other, timeout=10) as second:
            assert await (await echo(second))(b"second") == b"second"
            assert len(board.radio.links) == 2
    await client.disconnect()


async def test_vanished_central_is_noticed_by_the_board(desk):
    """A host that dies says no goodbye; its links end by their supervision timeouts."""
    board = await desk.board()
    address, scanner, client_type = await desk.central()
    device = await desk.find(board)
    client = BleakClient(device, backend=client_type, timeout=10)
    await client.connect()
    await desk.air.close()
    (link,) = board.radio.links
    gone = asyncio.Event()
    link.on("disconnection", lambda _reason: gone.set())
    async with asyncio.timeout(10):
        await gone.wait()
    assert not client.is_connected


async def test_address_without_a_sighting_is_looked_for(desk):
    board = await desk.board()
    async with BleakClient(board.address, backend=desk.client, timeout=10) as client:
        assert client.is_connected
    with pytest.raises(BleakDeviceNotFoundError, match=r"was not seen within 0\.2 s"):
        await BleakClient("AA:00:00:00:00:00", backend=desk.client, timeout=0.2).connect()
    with pytest.raises(BleakDeviceNotFoundError, match=r"was not seen within 0\.1 s"):
        await BleakClient("AA:00:00:00:00:00", backend=desk.client).connect(timeout=0.1)


async def test_twenty_boards_at_once(desk, echo):
    boards = [await desk.board() for _ in range(20)]
    clients = await asyncio.gather(*(desk.connected(board) for board in boards))
    talks = await asyncio.gather(*(echo(client) for client in clients))
    for round_ in range(5):
        replies = await asyncio.gather(
            *(talk(b"%d %d" % (i, round_)) for i, talk in enumerate(talks))
        )
        assert replies == [b"%d %d" % (i, round_) for i in range(20)]
    await asyncio.gather(*(client.disconnect() for client in clients))


async def test_hub_that_dies_ends_everything_at_once(desk):
    board = await desk.board()
    gone = asyncio.Event()
    client = await desk.connected(board, lambda _client: gone.set())
    scanner = BleakScanner(backend=desk.scanner)
    await scanner.start()
    waiting = asyncio.create_task(
        BleakClient(await absent(desk), backend=desk.client, timeout=60).connect()
    )
    await asyncio.sleep(0.1)
    await desk.air.close()
    async with asyncio.timeout(5):
        await gone.wait()
        with pytest.raises(BleakError, match="is gone"):
            await waiting
        with pytest.raises(BleakError, match="Service Discovery has not been performed"):
            await client.read_gatt_char(STATUS)
        await scanner.stop()
        with pytest.raises(BleakBluetoothNotAvailableError, match="no radio at"):
            await scanner.start()


async def absent(desk):
    """Return a device that was seen and does not advertise any more."""
    board = await desk.board()
    device = await desk.find(board)
    board.kill()
    return device
