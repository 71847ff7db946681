# SPDX-License-Identifier: MIT
"""What may happen to a virtual proxy: name -> what it does to the proxy of that number."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdcharge.bench.proxies.proxy import VirtualProxy

_REBOOT_s = 3.0  # what an ESP32 needs until its API is back


def _stall(proxy: VirtualProxy, *, on: bool = True) -> None:
    """The Wi-Fi hangs: nothing comes through, and no connection is closed."""
    proxy.stall(on)


def _power(proxy: VirtualProxy, *, on: bool = False) -> None:
    """The proxy is switched off; on=true switches it on."""
    proxy.start_task(proxy.turn(on))


def _reboot(proxy: VirtualProxy, *, off_s: float = _REBOOT_s) -> None:
    """The proxy resets, and is back after off_s seconds."""

    async def reboot() -> None:
        await proxy.turn(on=False)
        await asyncio.sleep(off_s)
        await proxy.turn(on=True)

    proxy.start_task(reboot())


def _leak(proxy: VirtualProxy) -> None:
    """A slot leaks: it is taken by an address that no board has, until a reboot."""
    proxy.slots.leak()


def _stale(proxy: VirtualProxy) -> None:
    """The API drops its clients but keeps their connections to boards, and goes on so."""
    proxy.keeps_connections = True
    for session in list(proxy.sessions):
        session.abort()


FAULTS: dict[str, Callable[..., None]] = {
    "proxy-stall": _stall,
    "proxy-power": _power,
    "proxy-reboot": _reboot,
    "proxy-leak": _leak,
    "proxy-stale": _stale,
}
