# SPDX-License-Identifier: MIT
"""The air between the controllers of one virtual bench.

It is a bumble link that knows who listens, how strong and how lossy each path is, and which paths
are cut. A path is named by the identity addresses of its two radios ("AA:BB:CC:DD:EE:FF"),
sender first.

Not modelled: collisions, channels, walls (only what `rssi_dBm`, `loss` and `in_range` say),
extended and directed advertising, encryption of the link (pairing works, the bytes stay plain).
Which unkind behaviour is modelled, and from which source: `docs/explanation/virtual-bench.md`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Literal, Protocol

from bumble import hci, ll
from bumble.link import LocalLink

from crowdcharge.bench.radio.advertiser import AdvertPacket

Chance = Callable[[str, str], float]
Reach = Callable[[str, str], bool]
Packet = bytes | ll.ControlPdu
Realism = Literal["silicon", "kind"]


class LinkEnd(Protocol):
    """One side of a connection, as the air sees it."""

    peer_address: hci.Address
    identity: str
    peer_identity: str

    def start_supervision(self) -> None: ...
    def mend(self) -> None: ...


class AirRadio(Protocol):
    """A controller, as the air sees it."""

    identity: str
    public_address: hci.Address
    random_address: hci.Address

    def links(self) -> Iterable[LinkEnd]: ...
    def accept(self, central: LinkEnd) -> bool: ...
    def on_advert(self, sender: "AirRadio", advert: AdvertPacket, rssi_dBm: int) -> None: ...


def _never(_tx: str, _rx: str) -> float:
    return 0.0


def _always(_a: str, _b: str) -> bool:
    return True


class Air(LocalLink):
    """All radios of a bench. Faults set the public attributes; the air decides nothing itself."""

    def __init__(self, seed: int = 0, realism: Realism = "silicon", speed: float = 1.0) -> None:
        """`speed`: bench seconds a second; connection intervals pass in bench time."""
        super().__init__()  # type: ignore[no-untyped-call]  # bumble's own
        self.speed = speed
        self.rng = random.Random(seed)
        self.rssi_dBm: Callable[[str, str], int] = lambda _tx, _rx: round(self.rng.gauss(-55, 2))
        self.loss: Chance = _never
        """Chance that a packet is lost: an advert is gone, data is sent again and comes later."""
        self.duplication: Chance = _never
        """Chance that a scanner reports an advert twice."""
        self.in_range: Reach = _always
        """Whether two radios reach each other at all."""
        self.connection_events = realism == "silicon"
        """True: data waits for the next connection event, and a disconnect completes one interval
        after the other side has heard of it, as on real air. False: both take no time."""
        self._radios: dict[hci.Address, AirRadio] = {}
        self._listening: list[AirRadio] = []
        self._cut: set[frozenset[str]] = set()
        self._closers: list[Callable[[], Awaitable[None]]] = []

    def on_close(self, closer: Callable[[], Awaitable[None]]) -> None:
        self._closers.append(closer)

    async def close(self) -> None:
        """Close every port that was opened on this air."""
        while self._closers:
            await self._closers.pop()()

    # Faults

    def drop(self, a: str, b: str) -> None:
        """Cuts the path between two radios; their link dies after its supervision timeout."""
        self._cut.add(_ends(a, b))
        for connection in self._between(a, b):
            connection.start_supervision()

    def heal(self, a: str, b: str) -> None:
        """Mends the path; a link that is still alive on both sides goes on without losing data."""
        self._cut.discard(_ends(a, b))
        for connection in self._between(a, b):
            connection.mend()

    def is_cut(self, a: str, b: str) -> bool:
        return bool(self._cut and _ends(a, b) in self._cut) or not self.in_range(a, b)

    def moved(self, address: str) -> None:
        """Let the links of a radio that has moved live or die by what `in_range` says now."""
        for radio in self.controllers:
            for connection in radio.links():  # type: ignore[attr-defined]  # ours only
                ends = (connection.identity, connection.peer_identity)
                if address not in ends:
                    continue
                if self.is_cut(*ends):
                    connection.start_supervision()
                else:
                    connection.mend()

    def _between(self, a: str, b: str) -> list[LinkEnd]:
        return [
            connection
            for radio in self.controllers
            for connection in radio.links()  # type: ignore[attr-defined]  # ours only
            if _ends(connection.identity, connection.peer_identity) == _ends(a, b)
        ]

    # Advertising

    def listen(self, controller: AirRadio, on: bool) -> None:
        """Add or remove a receiver of adverts: only radios that scan or connect need them."""
        if controller in self._listening:
            self._listening.remove(controller)
        if on:
            self._listening.append(controller)

    def heard(self, sender: AirRadio, receiver: AirRadio) -> bool:
        """Decides whether one advertising packet arrives."""
        tx, rx = sender.identity, receiver.identity
        return not self.is_cut(tx, rx) and self.rng.random() >= self.loss(tx, rx)

    def advertise(self, sender: AirRadio, advert: AdvertPacket) -> None:
        loop = asyncio.get_running_loop()
        for receiver in self._listening:
            if receiver is not sender and self.heard(sender, receiver):
                tx, rx = sender.identity, receiver.identity
                twice = self.rng.random() < self.duplication(tx, rx)
                for _ in range(2 if twice else 1):
                    loop.call_soon(receiver.on_advert, sender, advert, self.rssi_dBm(tx, rx))

    def connect(self, sender: AirRadio, connection: LinkEnd) -> bool:
        """Carries a connect request; False if it is lost or nobody accepts it."""
        receiver = self._radios.get(connection.peer_address)
        if receiver is None or not self.heard(sender, receiver):
            return False
        return receiver.accept(connection)

    # What bumble's controllers call

    def add_controller(self, controller: AirRadio) -> None:  # type: ignore[override]  # ours only
        self.controllers.add(controller)  # type: ignore[arg-type]
        self._radios[controller.public_address] = controller

    def remove_controller(self, controller: AirRadio) -> None:  # type: ignore[override]
        self.controllers.discard(controller)
        self.listen(controller, on=False)
        self._radios = {at: radio for at, radio in self._radios.items() if radio is not controller}

    def on_address_left(self, controller: AirRadio) -> None:
        """Forget a random address that a radio uses no more."""
        self._radios.pop(controller.random_address, None)

    def on_address_changed(self, controller: AirRadio) -> None:
        self._radios[controller.random_address] = controller


def _ends(a: str, b: str) -> frozenset[str]:
    return frozenset((a.upper(), b.upper()))
