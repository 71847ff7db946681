# SPDX-License-Identifier: MIT
"""Radios of the air as raw HCI (H4): over TCP for the orchestrator, on a pty for a board."""

import asyncio
import contextlib
import os
import pty
import tty
from typing import Any

from bumble.core import InvalidPacketError
from bumble.transport.common import PacketParser

from crowdcharge.bench.radio.air import Air
from crowdcharge.bench.radio.controller import Controller

_LOOK_AGAIN_s = 0.01


class _HciClient(asyncio.Protocol):
    """One host process; its radio is on while it is connected and silent as soon as it dies."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._parser = PacketParser(controller)
        self._unsent = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the radio to the newest host and cut off the one before it."""
        self._transport: Any = transport
        if isinstance(self._controller.host, _HciClient):
            self._controller.host.abort()
            self._controller.power_off()
        self._controller.host = self

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except InvalidPacketError:  # not HCI at all
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._controller.host is self:
            self._controller.host = None
            self._controller.power_off()

    def abort(self) -> None:
        self._transport.abort()

    def on_packet(self, packet: bytes) -> None:
        """Collect the packets of one turn of the event loop, to save system calls."""
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent += packet

    def _flush(self) -> None:
        self._transport.write(bytes(self._unsent))
        self._unsent.clear()


async def serve_hci_tcp(air: Air, name: str, address: str, port: int = 0) -> int:
    """Serve a radio to one host at a time on 127.0.0.1; return the TCP port.

    `air.close()` closes it.
    """
    controller = Controller(name, air, address)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _HciClient(controller), "127.0.0.1", port)

    async def close() -> None:
        server.close()
        if isinstance(controller.host, _HciClient):
            controller.host.abort()
        air.remove_controller(controller)

    air.on_close(close)
    return int(server.sockets[0].getsockname()[1])


class _Pty:
    """The hub's end of a pty whose other end a host stack opens as its UART.

    When that process ends, whatever ended it, the terminal hangs up and the radio is silent, as
    that of a board without power; the next process to open the port finds it as new.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._parser = PacketParser(controller)
        self._end, other_end = pty.openpty()
        tty.setraw(self._end)
        tty.setraw(other_end)
        os.set_blocking(self._end, False)
        self.path = os.ttyname(other_end)
        os.close(other_end)
        self._unsent = bytearray()
        self._look_again: asyncio.TimerHandle | None = None
        controller.host = self
        self._read()

    def on_packet(self, packet: bytes) -> None:
        if self._controller.host is self and self._look_again is None:
            self._unsent += packet
            self._write()

    def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            with contextlib.suppress(BlockingIOError):
                del self._unsent[: os.write(self._end, self._unsent)]
        except OSError:  # a hang-up that `_read` has not seen yet
            self._unsent.clear()
        if self._unsent:
            loop.add_writer(self._end, self._write)
        else:
            loop.remove_writer(self._end)

    def _read(self) -> None:
        """Parse byte by byte, because the parser drops all that follows an invalid packet."""
        loop = asyncio.get_running_loop()
        try:
            received = os.read(self._end, 4096)
        except BlockingIOError:
            received = b""
        except OSError:  # nobody has the other end
            self._hung_up()
            return
        if self._look_again is not None:
            self._look_again = None
            loop.add_reader(self._end, self._read)
        for byte in received:
            with contextlib.suppress(InvalidPacketError):
                self._parser.feed_data(bytes((byte,)))

    def _hung_up(self) -> None:
        """Falls silent, and looks for a new process by the clock: a hang-up cannot be awaited."""
        loop = asyncio.get_running_loop()
        if self._look_again is None:
            loop.remove_reader(self._end)
            loop.remove_writer(self._end)
            self._unsent.clear()
            self._parser.reset()
            self._controller.power_off()
        self._look_again = loop.call_later(_LOOK_AGAIN_s, self._read)

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        self._controller.host = None
        loop.remove_reader(self._end)
        loop.remove_writer(self._end)
        if self._look_again is not None:
            self._look_again.cancel()
        self._controller.power_off()
        self._controller.air.remove_controller(self._controller)
        os.close(self._end)


def hci_pty(air: Air, name: str, address: str) -> str:
    """Serve a radio on a new pty; return the path to open, at any baud rate.

    `air.close()` closes it.
    """
    port = _Pty(Controller(name, air, address))
    air.on_close(port.close)
    return port.path
