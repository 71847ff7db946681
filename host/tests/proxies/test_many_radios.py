# SPDX-License-Identifier: MIT
"""Several radios as one, over real proxies' API and a real adapter of the bench."""

import asyncio
import base64
import time

import pytest

from crowdcharge.bench.proxies.faults import FAULTS
from crowdcharge.errors import NoAdapter, RadioError
from crowdcharge.radio import esphome_radio
from crowdcharge.radio.base import Proxy
from wptcore import wire

from .conftest import CHALLENGE, KEY
from .waiting import until


def ignore(_advert) -> None:
    pass


def gone() -> None:
    pass


async def talks(link) -> None:
    """Ask a question and await its answer over the link."""
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    await link.subscribe(wire.REPLY_UUID, answers.put_nowait)
    await link.write(wire.COMMAND_UUID, b"abc")
    async with asyncio.timeout(5):
        assert await answers.get() == b"cba"


async def hearing(radio, board, *names) -> None:
    await until(lambda: set(radio.hearing(board.address)) >= set(names), f"{names} to hear")


def name(proxy) -> str:
    return Proxy(proxy.host, proxy.port).name


async def test_the_strongest_path_is_taken_and_told(room):
    left, right = await room.board(x_m=-8.0), await room.board(x_m=8.0)
    west, east = await room.proxy(x_m=-9.0), await room.proxy(x_m=9.0)
    adapter = await room.adapter()
    radio = room.radio(adapter)
    heard = set()
    await radio.start_scan(lambda advert: heard.add((advert.address, advert.radio)))
    for board, best in ((left, west), (right, east)):
        await hearing(radio, board, name(west), name(east), adapter)
        await asyncio.sleep(0.5)
        assert next(iter(radio.hearing(board.address))) == name(best)
        link = await radio.connect(board.address, gone)
        assert radio.radio_of(board.address) == name(best)
        await talks(link)
        assert await link.read(wire.CHALLENGE_UUID) == CHALLENGE
        await link.close()
        await until(lambda board=board: board.links == 0, "disconnect")
    assert {who for _, who in heard} == {name(west), name(east), adapter}
    assert radio.slots == 3 + 3 + 7
    assert room.told == []


async def test_a_killed_proxy_ends_its_links_at_once_and_another_takes_over(room):
    board = await room.board(x_m=2.0)
    near, far = await room.proxy(x_m=2.0), await room.proxy(x_m=10.0)
    radio = room.radio()
    await radio.start_scan(ignore)
    await hearing(radio, board, name(near), name(far))
    await asyncio.sleep(0.5)
    closed = asyncio.Event()
    await radio.connect(board.address, closed.set)
    assert radio.radio_of(board.address) == name(near)
    start_s = time.monotonic()
    FAULTS["proxy-power"](near)
    async with asyncio.timeout(2):
        await closed.wait()
    link = await radio.connect(board.address, gone)
    took_s = time.monotonic() - start_s
    assert radio.radio_of(board.address) == name(far)
    await talks(link)
    assert took_s < 2.0
    await until(lambda: room.told, "a line")
    assert room.told == [f"{name(near)} was lost; the other radios go on"]
    FAULTS["proxy-power"](near, on=True)
    await until(lambda: len(room.told) > 1, "its return")
    assert room.told[1:] == [f"{name(near)} is back"]
    await hearing(radio, board, name(near))


async def test_a_stalled_proxy_is_found_out_and_no_connect_waits_for_it(room):
    board = await room.board(x_m=2.0)
    near, far = await room.proxy(x_m=2.0), await room.proxy(x_m=10.0)
    radio = room.radio()
    await radio.start_scan(ignore)
    await hearing(radio, board, name(near), name(far))
    await asyncio.sleep(0.5)
    closed = asyncio.Event()
    await radio.connect(board.address, closed.set)
    start_s = time.monotonic()
    FAULTS["proxy-stall"](near)
    async with asyncio.timeout(4):
        await closed.wait()
    link = await radio.connect(board.address, gone)
    assert time.monotonic() - start_s < 5.0
    assert radio.radio_of(board.address) == name(far)
    await talks(link)


async def test_a_proxy_without_adverts_is_deaf(room):
    board = await room.board(x_m=2.0)
    near, far = await room.proxy(x_m=2.0), await room.proxy(x_m=10.0)
    radio = room.radio()
    await radio.start_scan(ignore)
    await hearing(radio, board, name(near), name(far))
    room.air.drop(board.address, near.address)
    await asyncio.sleep(3.5)
    assert list(radio.hearing(board.address)) == [name(far)]
    assert near.is_on


async def test_a_full_radio_is_passed_over_before_the_connect(room):
    boards = [await room.board(x_m=1.0) for _ in range(3)]
    near, far = await room.proxy(slots=2), await room.proxy(x_m=9.0, slots=1)
    radio = room.radio()
    await radio.start_scan(ignore)
    for board in boards:
        await hearing(radio, board, name(near), name(far))
    await asyncio.sleep(0.5)
    links = [await radio.connect(board.address, gone) for board in boards]
    taken = [radio.radio_of(board.address) for board in boards]
    assert sorted(taken) == sorted([name(near), name(near), name(far)])
    assert room.told == []
    another = await room.board()
    await hearing(radio, another, name(near), name(far))
    assert radio.crowding(another.address) == {board.address for board in boards}
    start_s = time.monotonic()
    with pytest.raises(RadioError):
        await radio.connect(another.address, gone)
    assert time.monotonic() - start_s < 4.0
    await links[0].close()
    assert radio.crowding(another.address) == frozenset()
    await talks(await radio.connect(another.address, gone))


async def test_many_connects_at_once_fill_the_slots_exactly(room):
    boards = [await room.board(x_m=1.0) for _ in range(4)]
    near, far = await room.proxy(slots=2), await room.proxy(x_m=9.0, slots=2)
    radio = room.radio()
    await radio.start_scan(ignore)
    for board in boards:
        await hearing(radio, board, name(near), name(far))
    await asyncio.gather(*(radio.connect(board.address, gone) for board in boards))
    assert sorted(radio.radio_of(board.address) for board in boards) == sorted(
        2 * [name(near)] + 2 * [name(far)]
    )


async def test_a_leaked_slot_is_counted_and_the_others_are_used(room):
    boards = [await room.board() for _ in range(2)]
    proxy = await room.proxy(slots=2)
    radio = room.radio(await room.adapter())
    await radio.start_scan(ignore)
    FAULTS["proxy-leak"](proxy)
    for board in boards:
        await hearing(radio, board, name(proxy))
    for board in boards:
        await talks(await radio.connect(board.address, gone))
    assert sum(radio.radio_of(board.address) == name(proxy) for board in boards) <= 1


async def test_a_stale_session_is_ended_when_the_proxy_is_reached_again(room):
    boards = [await room.board() for _ in range(3)]
    proxy = await room.proxy(slots=3)
    radio = room.radio()
    await radio.start_scan(ignore)
    for board in boards:
        await hearing(radio, board, name(proxy))
        await radio.connect(board.address, gone)
    FAULTS["proxy-stale"](proxy)
    await until(lambda: len(room.told) == 2, "the proxy to be back")
    for board in boards:
        await hearing(radio, board, name(proxy))
        await talks(await radio.connect(board.address, gone))
        assert board.links == 1


async def test_a_board_that_walks_is_handed_over(room):
    board = await room.board(x_m=0.0)
    home, away = await room.proxy(range_m=10.0), await room.proxy(x_m=30.0, range_m=10.0)
    radio = room.radio()
    await radio.start_scan(ignore)
    await hearing(radio, board, name(home))
    closed = asyncio.Event()
    await radio.connect(board.address, closed.set)
    room.places.move(board.address, (30.0, 0.0))
    room.air.moved(board.address)
    async with asyncio.timeout(15):
        await closed.wait()
    await hearing(radio, board, name(away))
    await talks(await radio.connect(board.address, gone))
    assert radio.radio_of(board.address) == name(away)


# -- what does not work is one line, and the rest goes on --


async def test_what_is_wrong_is_one_line_each_and_what_works_goes_on(room):
    board = await room.board()
    good, locked, plain = [await room.proxy(), await room.proxy(), await room.proxy(key="")]
    away = Proxy("127.0.0.9", 9, KEY)
    wrong = Proxy(locked.host, locked.port, base64.b64encode(b"x" * 32).decode())
    none = Proxy(locked.host, locked.port)
    surplus = Proxy(plain.host, plain.port, KEY)
    for proxy, words in (
        (away, "cannot be reached"),
        (wrong, "the encryption key is wrong"),
        (none, "it wants an encryption key"),
        (surplus, "it has no encryption"),
    ):
        room.told.clear()
        radio = room.radio(proxies=[proxy, room.reach(good)])
        await radio.start_scan(ignore)
        await until(lambda: room.told, "a line")
        (line,) = room.told
        assert line.startswith(f"proxy {proxy.name}: ")
        assert words in line
        assert "\n" not in line
        await hearing(radio, board, name(good))
        await radio.close()


async def test_nothing_that_works_is_an_error(room):
    radio = room.radio(proxies=[Proxy("127.0.0.9", 9), Proxy("127.0.0.9", 10)])
    with pytest.raises(NoAdapter, match=r"127.0.0.9:9: .*; proxy 127.0.0.9:10: "):
        await radio.start_scan(ignore)


async def test_a_silent_server_is_given_up(room, monkeypatch):
    monkeypatch.setattr(esphome_radio, "OPEN_TIMEOUT_s", 1.0)

    async def nothing(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(nothing, "127.0.0.8", 0)
    port = server.sockets[0].getsockname()[1]
    radio = room.radio(proxies=[Proxy("127.0.0.8", port)])
    with pytest.raises(NoAdapter, match="no answer within"):
        await radio.start_scan(ignore)
    await radio.close()
    server.close()


async def test_one_proxy_under_two_names_is_used_once(room):
    board = await room.board()
    proxy = await room.proxy(host="127.0.0.1")
    twins = [room.reach(proxy), Proxy("localhost", proxy.port, KEY), room.reach(proxy)]
    radio = room.radio(proxies=twins)
    await radio.start_scan(ignore)
    await until(lambda: len(room.told) == 2, "two lines")
    assert "is named twice" in room.told[0]
    assert "it is the same as" in room.told[1]
    await until(lambda: radio.hearing(board.address), "the board")
    assert radio.slots == 3
    await talks(await radio.connect(board.address, gone))
