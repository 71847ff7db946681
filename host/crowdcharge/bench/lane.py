# SPDX-License-Identifier: MIT
"""One direction of one connection: in order and never lost, but late or held while it is cut."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from bumble import ll

if TYPE_CHECKING:
    from crowdcharge.bench.controller import Connection

Packet = bytes | ll.ControlPdu


class Lane:
    """The link layer acknowledges and repeats, so loss costs time, not packets."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._air = connection.air
        self._loop = asyncio.get_running_loop()
        self._start_s = self._loop.time()
        self._queue: deque[tuple[float, Packet]] = deque()
        self._timer: asyncio.Handle | None = None

    def send(self, packet: Packet) -> None:
        due_s = self._loop.time() + self._delay_s()
        if self._queue:
            due_s = max(due_s, self._queue[-1][0])
        self._queue.append((due_s, packet))
        if self._timer is None:
            self.resume()

    def resume(self) -> None:
        """Arms the delivery of the oldest packet, unless the path is cut."""
        connection = self._connection
        if not self._queue or self._air.is_cut(connection.identity, connection.peer_identity):
            return
        due_s = self._queue[0][0]
        if due_s <= self._loop.time():
            self._timer = self._loop.call_soon(self._deliver)
        else:
            self._timer = self._loop.call_at(due_s, self._deliver)

    def _deliver(self) -> None:
        self._timer = None
        connection = self._connection
        if self._air.is_cut(connection.identity, connection.peer_identity):
            return
        now_s = self._loop.time()
        while self._queue and self._queue[0][0] <= now_s:
            packet = self._queue.popleft()[1]
            if connection.peer is not None:
                connection.peer.receive(packet)
        self.resume()

    def _delay_s(self) -> float:
        """Wait for the next connection event, plus one interval for each lost attempt."""
        air, connection = self._air, self._connection
        loss = air.loss(connection.identity, connection.peer_identity)
        delay_s = 0.0
        if air.connection_events:
            elapsed_s = self._loop.time() - self._start_s
            delay_s = connection.interval_s - elapsed_s % connection.interval_s
        while loss and air.rng.random() < loss and delay_s < connection.timeout_s:
            delay_s += connection.interval_s
        if delay_s >= connection.timeout_s:
            connection.start_supervision()
        return delay_s
