# SPDX-License-Identifier: MIT
"""The air between the controllers of one virtual bench.

A bumble link that knows who listens, how strong and how lossy each path is, and which paths are
cut. A path is named by the identity addresses of its two radios ("AA:BB:CC:DD:EE:FF"), sender
first.

Not modelled: collisions, channels, range (only what `rssi_dBm` and `loss` say), extended and
directed advertising, encryption of the link (pairing works, the bytes stay plain).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

from bumble import core, hci, ll
from bumble.link import LocalLink

from crowdcharge.bench.advertiser import Advert
from crowdcharge.bench.connection import Connection
from crowdcharge.bench.controller import Controller

Chance = Callable[[str, str], float]


def _never(_tx: str, _rx: str) -> float:
    return 0.0


class Air(LocalLink):
    """All radios of a bench. Faults set the attributes; nothing here decides when."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # bumble's own
        self.rng = random.Random(seed)
        self.rssi_dBm: Callable[[str, str], int] = lambda _tx, _rx: round(self.rng.gauss(-55, 2))
        self.loss: Chance = _never
        """One packet is lost: an advert is gone, data is sent again and arrives later."""
        self.duplication: Chance = _never
        """A scanner reports one advert twice."""
        self.connection_events = False
        """Data waits for the next connection event, as on the air; off, it takes no time."""
        self._radios: dict[hci.Address, Controller] = {}
        self._listening: list[Controller] = []
        self._cut: set[frozenset[str]] = set()
        self._closers: list[Callable[[], Awaitable[None]]] = []

    def controller(self, name: str, address: str) -> Controller:
        """A radio with this public address, on this air until `remove_controller`."""
        return Controller(name, self, address)

    def on_close(self, closer: Callable[[], Awaitable[None]]) -> None:
        self._closers.append(closer)

    async def close(self) -> None:
        """Closes every port that was opened on this air."""
        while self._closers:
            await self._closers.pop()()

    # Faults

    def drop(self, a: str, b: str) -> None:
        """Cuts the path between two radios: a link dies after its supervision timeout."""
        self._cut.add(_ends(a, b))
        for connection in self._between(a, b):
            connection.start_supervision()

    def heal(self, a: str, b: str) -> None:
        """Mends the path: a link that lives on both sides goes on, and nothing was lost."""
        self._cut.discard(_ends(a, b))
        for connection in self._between(a, b):
            if connection.peer is not None and not connection.peer.closed:
                connection.stop_supervision()
                connection.lane.resume()

    def is_cut(self, a: str, b: str) -> bool:
        return bool(self._cut) and _ends(a, b) in self._cut

    def _between(self, a: str, b: str) -> list[Connection]:
        return [
            connection
            for radio in self.controllers
            for connection in radio.le_connections.values()
            if isinstance(connection, Connection)
            and _ends(connection.identity, connection.peer_identity) == _ends(a, b)
        ]

    # Advertising

    def listen(self, controller: Controller, on: bool) -> None:
        """Only scanning and connecting radios are handed adverts."""
        if controller in self._listening:
            self._listening.remove(controller)
        if on:
            self._listening.append(controller)

    def heard(self, sender: Controller, receiver: Controller) -> bool:
        """Whether one advertising packet arrives."""
        tx, rx = sender.identity, receiver.identity
        return not self.is_cut(tx, rx) and self.rng.random() >= self.loss(tx, rx)

    def advertise(self, sender: Controller, advert: Advert) -> None:
        loop = asyncio.get_running_loop()
        for receiver in self._listening:
            if receiver is not sender and self.heard(sender, receiver):
                tx, rx = sender.identity, receiver.identity
                twice = self.rng.random() < self.duplication(tx, rx)
                for _ in range(2 if twice else 1):
                    loop.call_soon(receiver.on_advert, sender, advert, self.rssi_dBm(tx, rx))

    def connect(self, sender: Controller, connection: Connection) -> bool:
        """Carries a connect request; False when it is lost or nobody takes it."""
        receiver = self._radios.get(connection.peer_address)
        if receiver is None or not self.heard(sender, receiver):
            return False
        return receiver.accept(connection)

    # What bumble's controllers call

    def add_controller(self, controller: Controller) -> None:  # type: ignore[override]  # ours only
        self.controllers.add(controller)
        self._radios[controller.public_address] = controller

    def remove_controller(self, controller: Controller) -> None:  # type: ignore[override]
        self.controllers.discard(controller)
        self.listen(controller, on=False)
        self._radios = {at: radio for at, radio in self._radios.items() if radio is not controller}

    def on_address_changed(self, controller: Controller) -> None:
        self._radios[controller.random_address] = controller

    def find_le_controller(self, address: hci.Address) -> Controller | None:
        """By look-up; the stock link walks every connection of every controller per packet."""
        return self._radios.get(address)

    def send_acl_data(  # type: ignore[override]  # ours only
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: core.PhysicalTransport,
        data: bytes,
    ) -> None:
        """Along the connection, so that the source is the address that was connected with."""
        del transport  # LE is the only one
        connection = sender_controller.le_connections.get(destination_address)
        if isinstance(connection, Connection):
            connection.lane.send(data)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        sender = self._radios.get(sender_address)
        connection = sender.le_connections.get(receiver_address) if sender else None
        if isinstance(connection, Connection):
            connection.lane.send(packet)


def _ends(a: str, b: str) -> frozenset[str]:
    return frozenset((a.upper(), b.upper()))
