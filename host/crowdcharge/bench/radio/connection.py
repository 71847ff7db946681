# SPDX-License-Identifier: MIT
"""A link: each side has its own supervision timeout, and data waits while the path is cut."""

import asyncio
from collections import deque
from collections.abc import Callable

from bumble import controller as stock
from bumble import hci, ll
from bumble.core import PhysicalTransport

from crowdcharge.bench.radio.air import Air, Packet

Error = hci.HCI_ErrorCode


class AirConnection(stock.Connection):
    """One side of a link, with the parameters that the central chose."""

    def __init__(
        self,
        controller: stock.Controller,
        air: Air,
        identity: str,
        role: hci.Role,
        self_address: hci.Address,
        peer_address: hci.Address,
        *,
        interval_s: float,
        latency: int,
        timeout_s: float,
        on_packet: Callable[["AirConnection", Packet], None],
        on_sent: Callable[["AirConnection", int], None],
        on_end: Callable[["AirConnection", int], None],
    ) -> None:
        """`on_sent` gets the number of the host's packets that have reached the other side."""
        super().__init__(
            controller=controller,
            handle=controller.allocate_connection_handle(),
            role=role,
            self_address=self_address,
            peer_address=peer_address,
            link=air,
            transport=PhysicalTransport.LE,
            link_type=hci.HCI_Connection_Complete_Event.LinkType.ACL,
        )
        self.interval_s = interval_s
        self.latency = latency
        self.timeout_s = timeout_s
        self.air = air
        self.identity = identity
        self._on_packet, self._on_sent, self._on_end = on_packet, on_sent, on_end
        self.peer: AirConnection | None = None
        self.peer_identity = ""
        self.closed = self.terminating = False
        self.lane = Lane(self)
        self._fragments = 0  # of the packet that the host is handing over
        self._supervision: asyncio.TimerHandle | None = None

    @property
    def event_s(self) -> float:
        """The connection interval, in seconds of the event loop."""
        return self.interval_s / self.air.speed

    # What bumble's controller calls

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """Take one fragment; the host gets its buffer back when the air has carried the packet."""
        self._fragments += 1
        self.assembler.feed_packet(packet)

    def on_acl_pdu(self, pdu: bytes) -> None:
        fragments, self._fragments = self._fragments, 0
        self.lane.send(pdu, fragments)

    def send_ll_control_pdu(self, packet: ll.ControlPdu) -> None:
        self.lane.send(packet)

    # The air

    def terminate(self, reason: int) -> None:
        """End the link: the peer hears of it at the next event, this side's host one later.

        Core 5.0, Vol 6, Part B, 5.1.6: without an acknowledgement the supervision timeout ends it.
        """
        self.terminating = True
        self.end_after(self.timeout_s, Error.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR)
        self.lane.send(ll.TerminateInd(reason))

    def mend(self) -> None:
        """Goes on over the mended path, unless the other side has given up meanwhile."""
        if self.peer is not None and not self.peer.closed:
            self.stop_supervision()
            self.lane.resume()

    def receive(self, packet: Packet) -> None:
        if not self.closed:
            self._on_packet(self, packet)

    def delivered(self, packet: Packet, fragments: int) -> None:
        if self.closed:
            return
        if fragments:
            self._on_sent(self, fragments)
        if isinstance(packet, ll.TerminateInd):
            self.end_after(self.event_s, Error.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR)

    def start_supervision(self) -> None:
        if self._supervision is None:
            self.end_after(self.timeout_s, Error.CONNECTION_TIMEOUT_ERROR)

    def end_after(self, delay_s: float, reason: int) -> None:
        self.stop_supervision()
        self._supervision = asyncio.get_running_loop().call_later(
            delay_s, self._on_end, self, reason
        )

    def stop_supervision(self) -> None:
        if self._supervision is not None:
            self._supervision.cancel()
            self._supervision = None


class Lane:
    """One direction of a link; lost packets are sent again, so loss costs time, not data."""

    def __init__(self, connection: AirConnection) -> None:
        self._connection = connection
        self._air = connection.air
        self._loop = asyncio.get_running_loop()
        self._start_s = self._loop.time()
        self._queue: deque[tuple[float, Packet, int]] = deque()
        self._timer: asyncio.Handle | None = None

    def send(self, packet: Packet, fragments: int = 0) -> None:
        """Queue a packet that came from the host as so many HCI packets; 0: the controller's."""
        due_s = self._loop.time() + self._delay_s()
        if self._queue:
            due_s = max(due_s, self._queue[-1][0])
        self._queue.append((due_s, packet, fragments))
        if self._timer is None:
            self.resume()

    def clear(self) -> None:
        """Forget what was not sent yet: the radio has lost its power."""
        self._queue.clear()

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
            _due_s, packet, fragments = self._queue.popleft()
            if connection.peer is not None:
                connection.peer.receive(packet)
            connection.delivered(packet, fragments)
        self.resume()

    def _delay_s(self) -> float:
        """Time until the next connection event, plus one interval for each lost attempt."""
        air, connection = self._air, self._connection
        loss = air.loss(connection.identity, connection.peer_identity)
        delay_s = 0.0
        if air.connection_events:
            elapsed_s = self._loop.time() - self._start_s
            delay_s = connection.event_s - elapsed_s % connection.event_s
        while loss and air.rng.random() < loss and delay_s < connection.timeout_s:
            delay_s += connection.event_s
        if delay_s >= connection.timeout_s:
            connection.start_supervision()
        return delay_s
