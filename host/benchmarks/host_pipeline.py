# SPDX-License-Identifier: MIT
"""How fast the host's own steps are: `python host/benchmarks/host_pipeline.py`.

CPU time, one core. A run with 100 boards that advertise every 250 ms hears 200 beacons a second.
"""

import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from crowdcharge.boards.fleet import Fleet
from crowdcharge.boards.models import Beacon, Sighting
from crowdcharge.boards.session import Session
from crowdcharge.ledger.kinds import Sample
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from wptcore import wire
from wptcore.links import Links

BEACONS, FRAMES, ROWS, BATCH = 20_000, 2_000, 100_000, 200
KEY, NONCE = bytes(32), bytes(16)


def beacons() -> list[bytes]:
    packed = []
    for number in range(BEACONS):
        buffer = bytearray(wire.BEACON_SIZE)
        sequence, sent_mJ = number // 100, number
        fields = (number % 100, 1, sequence, 0, 0, 4000, 10, 500, 250, 0, sent_mJ, 0)
        wire.pack_beacon_into(buffer, 0, *fields)
        packed.append(bytes(buffer))
    return packed


def measure(name: str, count: int, work: Callable[[], object]) -> None:
    start_s = time.process_time()
    work()
    took_s = time.process_time() - start_s
    print(f"{name:<34} {count / took_s:>10,.0f} /s {took_s / count * 1e6:>9.1f} us")


def exchange(session: Session, links: Links) -> None:
    """Exchange a command: sealed by the host, checked by the board's core, answered, opened."""
    for _ in range(FRAMES):
        links.check(1, session.hello(), 0)
        ack = wire.pack_frame(wire.ACK, session.counter, 0, 1, 0, 0, 0, 0, 0, 0, 500, 250)
        session.open(links.seal(1, ack))


def append(store: Store) -> None:
    sample = Sample(*[1234] * 8)
    for _ in range(ROWS // BATCH):
        store.append([sample] * BATCH)


def main() -> None:
    packed = beacons()
    decoded = [Beacon.unpack(data) for data in packed]
    fleet = Fleet()
    sightings = [
        Sighting(beacon, str(beacon.board_id), -50, number / 400)
        for number, beacon in enumerate(decoded)
    ]
    measure("beacon decoded", BEACONS, lambda: [Beacon.unpack(data) for data in packed])
    measure("sighting into a fleet of 100", BEACONS, lambda: [fleet.add(one) for one in sightings])
    links = Links(KEY, sha256)
    links.open(1, NONCE)
    session = Session(KEY, wire.pack_challenge(7, 1, 0, 0, NONCE), NONCE, int)
    measure("command and Ack, both ends", FRAMES, lambda: exchange(session, links))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        with Store.create(path) as store:
            measure("ledger row written", ROWS, lambda: append(store))
        measure("ledger row loaded and checked", ROWS, lambda: Store.create(path).close())
        with Store.read(path) as store:
            measure("ledger row verified", ROWS, lambda: verify(store.rows(), {}))


if __name__ == "__main__":
    main()
