# SPDX-License-Identifier: MIT
"""The slots of a virtual proxy, without a radio."""

import asyncio

from crowdcharge.bench.proxies.slots import FAILED, ProxySlots

ADDRESS = 0xC00000000001


class GoneAtOnce:
    """Stands for a client whose connection ends between its last answer and its caller's turn."""

    is_connected = False

    async def connect(self, **_wishes) -> None:
        pass


class SlotsWithoutRadio(ProxySlots):
    def _client(self, _address, _address_type):
        return GoneAtOnce()


async def test_a_connection_that_ends_as_it_comes_frees_its_slot():
    told: list[tuple] = []
    slots = SlotsWithoutRadio(None, 1, lambda *state: told.append(state), lambda: None)
    for _ in range(2):
        slots.connect(ADDRESS, 1)
        await asyncio.sleep(0)
        assert slots.addresses == []
    assert told == [(ADDRESS, False, 0, FAILED)] * 2
