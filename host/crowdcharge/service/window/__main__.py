# SPDX-License-Identifier: MIT
"""The window's process, which the engine starts, and starts again if it ends.

    python -m crowdcharge.service.window --channel FD --listen FD --out FOLDER

FD are inherited: its end of the channel, and the socket that listens. The end of the engine is
its end too.
"""

import argparse
import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.responses import Response

from crowdcharge.errors import InputError
from crowdcharge.service.channel import Channel, Message
from crowdcharge.service.window import metrics
from crowdcharge.service.window.app import application
from crowdcharge.service.window.guard import Guard
from crowdcharge.service.window.hub import WindowHub
from crowdcharge.service.window.outlets import outlets
from crowdcharge.service.window.server import inherited, server
from crowdcharge.service.window.stream import Broadcast
from crowdcharge.service.window.tokens import Tokens, tokens_in


async def run(channel_end: socket.socket, listener: socket.socket, tokens: Tokens) -> None:
    """Serve until the engine closes the channel."""
    channel = await Channel.of(channel_end)
    messages = aiter(channel)
    hello = await anext(messages, None)
    if hello is None:
        return
    hub = WindowHub(hello, channel.send)
    broadcast = Broadcast(hub)
    allowed = hub.config.get("serve", {}).get("allowed_hosts", [])
    guard = Guard(tokens, frozenset(name.lower() for name in allowed))
    http = server(application(hub, guard, broadcast, metrics=lambda: _metrics(hub)))
    async with outlets(hub), asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(broadcast.run())
        tasks.create_task(http.serve(sockets=[listener]))
        await _listen(hub, messages)
        telling.cancel()
        http.should_exit = True
    channel.close()


def _metrics(hub: WindowHub) -> Response:
    return Response(metrics.exposition(hub.snapshot()), media_type=metrics.CONTENT_TYPE)


async def _listen(hub: WindowHub, messages: AsyncIterator[Message]) -> None:
    async for message in messages:
        hub.take(message)
        await asyncio.sleep(0)  # a burst of events must not keep the clients waiting


def main() -> None:
    parser = argparse.ArgumentParser(prog="crowdcharge.service.window")
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    # Ctrl-C reaches this process too; the engine ends in order first, and then this one with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        tokens = tokens_in(given.out)
    except InputError as error:
        print(f"window: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    asyncio.run(run(inherited(given.channel), inherited(given.listen), tokens))


if __name__ == "__main__":
    main()
