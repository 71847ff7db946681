# SPDX-License-Identifier: MIT
"""The virtual proxy as aioesphomeapi, which real ones are used with, finds it."""

import asyncio
import base64

import pytest
from aioesphomeapi.client import APIClient
from aioesphomeapi.core import (
    APIConnectionError,
    BluetoothGATTAPIError,
    InvalidEncryptionKeyAPIError,
    TimeoutAPIError,
)

from crowdcharge.bench.proxies.faults import FAULTS
from crowdcharge.bench.proxies.frames import NoiseFrames, PlainFrames
from wptcore import wire

from .conftest import CHALLENGE
from .waiting import until

FLAGS = 4  # of the proxy: it remembers services


def number(board) -> int:
    return int(board.address.replace(":", ""), 16)


class Owner:
    """A client with what it was told."""

    def __init__(self, proxy, key=None):
        psk = proxy.config.key if key is None else key
        self.client = APIClient(proxy.host, proxy.port, noise_psk=psk or None, keepalive=5)
        self.states: list[tuple[bool, int, int]] = []
        self.slots: list[tuple[int, int, list[int]]] = []
        self.heard: dict[int, int] = {}  # address -> signal

    async def start(self):
        await self.client.connect(login=True, log_errors=False)
        self.stop = self.client.subscribe_bluetooth_le_raw_advertisements(self._take)
        self.client.subscribe_bluetooth_connections_free(lambda *slots: self.slots.append(slots))
        return self

    def _take(self, message):
        self.heard.update({raw.address: raw.rssi for raw in message.advertisements})

    async def connect(self, board):
        await self.client.bluetooth_device_connect(
            number(board),
            lambda *state: self.states.append(state),
            timeout=5.0,
            feature_flags=FLAGS,
            address_type=0,
        )
        return self.states[-1]

    async def characteristics(self, board):
        found = await self.client.bluetooth_gatt_get_services(number(board))
        return {each.uuid: each for service in found.services for each in service.characteristics}


@pytest.fixture
async def owner(room):
    made = []

    async def make(proxy, key=None):
        made.append(Owner(proxy, key))
        return await made[-1].start()

    yield make
    for each in made:
        each.client.force_disconnect()


@pytest.mark.parametrize("key", ["", base64.b64encode(b"k" * 32).decode()])
async def test_it_says_what_it_is(room, owner, key):
    proxy = await room.proxy(key=key)
    client = (await owner(proxy)).client
    info = await client.device_info()
    assert (info.name, info.bluetooth_mac_address) == ("proxy-1", proxy.address)
    assert info.bluetooth_proxy_feature_flags_compat(client.api_version) & FLAGS
    entities, services = await client.list_entities_services()
    assert (entities, services) == ([], [])


async def test_who_does_not_say_hello_is_let_go(room):
    proxy = await room.proxy(key="")
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
    asks_for_slots = 80  # SubscribeBluetoothConnectionsFreeRequest
    try:
        writer.write(PlainFrames().pack(asks_for_slots, b""))
        async with asyncio.timeout(5):
            assert await reader.read() == b""
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_wrong_key_is_refused_as_such(room):
    proxy = await room.proxy()
    wrong = base64.b64encode(b"x" * 32).decode()
    with pytest.raises(InvalidEncryptionKeyAPIError):
        await Owner(proxy, wrong).start()


async def test_raw_adverts_come_from_boards_in_range_only(room, owner):
    near, far = await room.board(x_m=3.0), await room.board(x_m=30.0)
    user = await owner(await room.proxy(range_m=10.0))
    await asyncio.sleep(1.0)
    assert set(user.heard) == {number(near)} != {number(far)}
    assert -70 < user.heard[number(near)] < -60
    user.stop()
    await asyncio.sleep(0.2)
    user.heard.clear()
    await asyncio.sleep(0.5)
    assert not user.heard


async def test_one_client_is_served_at_a_time_and_its_connections_end_with_it(room, owner):
    board = await room.board()
    proxy = await room.proxy()
    user = await owner(proxy)
    await user.connect(board)
    other = await owner(proxy)
    await asyncio.sleep(0.5)
    assert user.heard and not other.heard
    user.stop()
    await until(lambda: board.links == 0, "the board to be free")


async def test_attributes_are_the_boards(room, owner):
    board = await room.board()
    user = await owner(await room.proxy())
    connected, mtu, error = await user.connect(board)
    assert (connected, error) == (True, 0)
    assert mtu > wire.MTU_MIN
    found, client = await user.characteristics(board), user.client
    challenge, command = found[wire.CHALLENGE_UUID], found[wire.COMMAND_UUID]
    reply = found[wire.REPLY_UUID]
    read = await client.bluetooth_gatt_read(number(board), challenge.handle)
    assert bytes(read) == CHALLENGE
    answers: list[bytes] = []
    await client.bluetooth_gatt_start_notify(
        number(board), reply.handle, lambda _, data: answers.append(bytes(data))
    )
    await client.bluetooth_gatt_write(number(board), command.handle, b"abc", response=True)
    await asyncio.sleep(0.3)
    assert answers == []  # as at a real proxy: registered, but not switched on
    (descriptor,) = [each for each in reply.descriptors if each.uuid.startswith("00002902")]
    await client.bluetooth_gatt_write_descriptor(number(board), descriptor.handle, b"\1\0")
    await client.bluetooth_gatt_write(number(board), command.handle, b"abc", response=True)
    await until(lambda: answers == [b"cba"], "the notification")
    with pytest.raises(BluetoothGATTAPIError):
        await client.bluetooth_gatt_read(number(board), 999)


async def test_slots_are_told_and_a_full_proxy_says_no_at_once(room, owner):
    boards = [await room.board() for _ in range(3)]
    user = await owner(await room.proxy(slots=2))
    await user.connect(boards[0])
    await user.connect(boards[1])
    await until(lambda: user.slots[-1] == (0, 2, [number(boards[0]), number(boards[1])]), "slots")
    async with asyncio.timeout(1):
        assert (await user.connect(boards[2]))[0] is False
    await user.client.bluetooth_device_disconnect(number(boards[0]), timeout=3)
    await until(lambda: user.slots[-1][0] == 1, "a free slot")
    assert boards[0].links == 0
    assert (await user.connect(boards[2]))[0] is True


async def test_a_client_that_goes_takes_its_connections_along(room, owner):
    board = await room.board()
    user = await owner(await room.proxy())
    await user.connect(board)
    user.client.force_disconnect()
    await until(lambda: board.links == 0, "the board to be free")


async def test_a_stale_session_keeps_its_connections(room, owner):
    board = await room.board()
    proxy = await room.proxy()
    user = await owner(proxy)
    await user.connect(board)
    FAULTS["proxy-stale"](proxy)
    await asyncio.sleep(0.5)
    assert board.links == 1
    again = await owner(proxy)
    await until(lambda: again.slots, "slots")
    assert again.slots[-1] == (2, 3, [number(board)])
    await again.client.bluetooth_device_disconnect(number(board), timeout=3)
    assert board.links == 0


async def test_a_leaked_slot_stays_taken_until_a_reboot(room, owner):
    proxy = await room.proxy(slots=1)
    user = await owner(proxy)
    FAULTS["proxy-leak"](proxy)
    await until(lambda: user.slots and user.slots[-1][0] == 0, "the leak")
    (leaked,) = user.slots[-1][2]
    await user.client.bluetooth_device_disconnect(leaked, timeout=3)
    assert (await user.connect(await room.board()))[0] is False
    FAULTS["proxy-reboot"](proxy, off_s=0.1)
    await asyncio.sleep(0.5)
    again = await owner(proxy)
    await until(lambda: again.slots, "slots")
    assert again.slots[-1] == (1, 1, [])


async def test_a_slot_of_a_full_proxy_leaks_when_its_connection_ends(room, owner):
    board, proxy = await room.board(), await room.proxy(slots=1)
    user = await owner(proxy)
    await user.connect(board)
    FAULTS["proxy-leak"](proxy)
    assert board.links == 1
    await user.client.bluetooth_device_disconnect(number(board), timeout=3)
    await until(
        lambda: user.slots[-1][0] == 0 and number(board) not in user.slots[-1][2], "the leak"
    )
    assert (await user.connect(board))[0] is False


async def test_a_stall_stops_everything_and_loses_nothing(room, owner):
    board = await room.board()
    proxy = await room.proxy()
    user = await owner(proxy)
    await user.connect(board)
    found = await user.characteristics(board)
    handle = found[wire.CHALLENGE_UUID].handle
    FAULTS["proxy-stall"](proxy)
    with pytest.raises(TimeoutAPIError):
        await user.client.bluetooth_gatt_read(number(board), handle, timeout=0.5)
    assert board.links == 1
    reading = asyncio.create_task(user.client.bluetooth_gatt_read(number(board), handle))
    FAULTS["proxy-stall"](proxy, on=False)
    assert bytes(await reading) == CHALLENGE
    await user.client.bluetooth_device_disconnect(number(board), timeout=3)


async def test_garbage_ends_a_connection_and_nothing_else(room, owner):
    for key in ("", base64.b64encode(b"k" * 32).decode()):
        proxy = await room.proxy(key=key)
        for garbage in (
            b"\x02",
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x00" + b"\xff" * 9,
            b"\x01\x00\x00\x01\x00\x03abc",
        ):
            reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
            writer.write(garbage)
            async with asyncio.timeout(3):
                while await reader.read(100):
                    pass
            writer.close()
        await (await owner(proxy)).client.device_info()


def test_frames_may_come_in_any_pieces():
    whole = PlainFrames().pack(300, b"x" * 200) + PlainFrames().pack(7, b"")
    frames = PlainFrames()
    taken = [each for byte in whole for each in frames.receive(bytes((byte,)))]
    assert taken == [(300, b"x" * 200), (7, b"")]


def test_a_frame_that_claims_too_much_is_refused():
    with pytest.raises(ValueError, match="too long"):
        list(PlainFrames().receive(b"\x00\xff\xff\xff\xff\x7f\x01"))
    with pytest.raises(ValueError, match="not an encrypted"):
        list(NoiseFrames(b"k" * 32, "n", "m").receive(b"\x00\x00\x00"))


async def test_a_proxy_that_cannot_be_reached_is_an_error_of_the_client(room):
    proxy = await room.proxy()
    await proxy.turn(on=False)
    with pytest.raises(APIConnectionError):
        await Owner(proxy).start()
