# SPDX-License-Identifier: MIT
"""A real mosquitto, and a listener that remembers what it published."""

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt

Heard = tuple[str, str, bool]  # topic, payload, whether it was retained


def answers_in(heard: Sequence[Heard]) -> list[dict[str, object]]:
    """Return what was answered to commands, in order."""
    return [json.loads(payload) for topic, payload, _ in heard if topic.endswith("/answer")]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Broker:
    """`lines`: more of its configuration file; a stop ends it at once, as a crash would.

    `host`: where it listens; `enter`: what a command begins with to run there.
    """

    def __init__(
        self, folder: Path, *lines: str, host: str = "127.0.0.1", enter: Sequence[str] = ()
    ) -> None:
        self._host, self._enter = host, enter
        self.port = free_port()
        self._file, self._log = folder / "mosquitto.conf", folder / "mosquitto.log"
        text = [f"listener {self.port} {host}", "persistence false", *lines]
        if os.geteuid() == 0:  # else it becomes a user who may not read the test's folder
            text.append("user root")
        if not any(line.startswith("allow_anonymous") for line in lines):
            text.append("allow_anonymous true")
        self._file.write_text("\n".join(text) + "\n", encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Wait until it says that it runs: its host's cable may be pulled."""
        command = [*self._enter, "mosquitto", "-c", str(self._file)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        end_s = time.monotonic() + 10
        while time.monotonic() < end_s:
            if b" running" in self._log.read_bytes():
                return
            time.sleep(0.05)
        self.stop()
        raise AssertionError(f"mosquitto did not start: {self._log.read_text()}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @asynccontextmanager
    async def heard(self, **options: object) -> AsyncIterator[list[Heard]]:
        """Everything that is published while the block runs, the retained of before first."""
        heard: list[Heard] = []

        async def listen(client: aiomqtt.Client) -> None:
            async for message in client.messages:
                payload = bytes(message.payload).decode(errors="replace")  # type: ignore[arg-type]
                heard.append((str(message.topic), payload, bool(message.retain)))

        async with self.client(**options) as client:
            await client.subscribe("#", qos=1)
            listening = asyncio.create_task(listen(client))
            try:
                yield heard
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    def client(self, **options: object) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._host,
            self.port,
            protocol=aiomqtt.ProtocolVersion.V5,
            **options,  # type: ignore[arg-type]
        )
