# SPDX-License-Identifier: MIT
"""One board on the silicon of this folder, with a host's authenticated session."""

import hashlib
import json
from pathlib import Path

from silicon import Port, World

from wptcore import auth, ept, wire
from wptcore.attendance import ALWAYS_s
from wptcore.calibration import curve_hash

KEY = bytes(range(32))
COIL, RECEIVER = 11, 12
LINK = 5
NONCE = bytes(range(auth.NONCE_SIZE))
HOST_NONCE = bytes(range(200, 200 + auth.NONCE_SIZE))
LEASE_ms = 2000
CURVE = [250, 1350, 50, 400]


class Board:
    """A board with a host's session, driven pass by pass as app.py does."""

    GRANT = (wire.GRANT, 7, wire.PTX, 9, 0, 0, 3000, 100_000, 600_000, 0, LEASE_ms, 0)

    def __init__(
        self,
        folder: Path,
        fail=lambda _: None,
        seen=lambda _: None,
        wrong_handles: bool = False,
        airfuel: bool = False,
    ) -> None:
        """`fail`: see World.fail, from the start; `seen` gets the world before it is used."""
        identity = {"board": "virtual", "board_id": 3, "key": KEY.hex(), "loss_curve": CURVE}
        identity["attended_s"] = ALWAYS_s
        identity["curve_hash"] = curve_hash(hashlib.sha256, CURVE)
        identity["airfuel"] = airfuel
        (folder / "identity.json").write_text(json.dumps(identity))
        self.world = World(folder)
        self.world.fail = fail
        self.world.wrong_handles = wrong_handles
        seen(self.world)
        self.port = Port(self.world)
        pins = self.port.load("boards.virtual")
        memory = self.port.load("memory")
        power = self.port.load("power_pins").PowerPins(pins)
        self.power = power
        self.loop = self.port.load("app").App(pins, memory.load_identity(), power).loop
        self.counter = 0
        self.now_ms = lambda: self.loop.board.now_ms  # the time of the board that is sent to

    @property
    def coil(self) -> int:
        return self.world.pins.get(COIL, 0)

    @property
    def faults(self) -> bytes:
        """The codes that stand."""
        return self.loop.board._diagnosis.codes()

    def run_pass(self, dt_ms: int = 20) -> None:
        self.world.now_us += dt_ms * 1000
        self.loop.step(dt_ms)

    def run_passes(self, count: int) -> None:
        for _ in range(count):
            self.run_pass()

    def irq(self, event: int, *data):
        if event == 1 and data:
            self.world.links.add(data[0])
        if event == 2 and data:
            self.world.links.discard(data[0])
        return self.world.handler(event, data)

    def connect(self) -> None:
        self.irq(1, LINK, 0, b"\1" * 6)
        self.key = auth.session_key(hashlib.sha256, KEY, NONCE, HOST_NONCE)
        self.send(wire.HELLO, HOST_NONCE)

    def send(self, frame_type: int, *fields) -> None:
        self.counter += 1
        expires_ms = self.now_ms() + 4000
        frame = wire.pack_frame(frame_type, self.counter, expires_ms, *fields)
        self.write(frame + auth.tag(hashlib.sha256, self.key, auth.FROM_HOST, frame))

    def write(self, frame: bytes) -> None:
        command = self.loop.radio._command
        self.world.values[command] = frame
        self.irq(3, LINK, command)

    def transfer(self) -> None:
        for _ in range(60):
            self.run_pass()
        self.connect()
        self.run_pass()
        self.send(*self.GRANT)
        self.run_pass()
        self.run_pass()
        assert self.coil == 1, self.faults

    def renew(self) -> None:
        self.send(wire.RENEW, 7, LEASE_ms, 1000, ept.NONE)
