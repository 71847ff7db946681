# SPDX-License-Identifier: MIT
"""The whole bench: air, plant and boards, advanced by one clock."""

import asyncio
import subprocess
from pathlib import Path

from crowdcharge.bench.board import micropython
from crowdcharge.bench.board.radio import ShimRadio
from crowdcharge.bench.board.virtual_board import VirtualBoard, address
from crowdcharge.bench.board.witness import Witness
from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.physics.arrangement import Arrangement
from crowdcharge.bench.physics.battery import Cell
from crowdcharge.bench.physics.plant import Node, Plant
from crowdcharge.bench.proxies.opening import open_proxies
from crowdcharge.bench.radio.air import Air
from crowdcharge.bench.radio.hci_ports import hci_pty, serve_hci_tcp
from crowdcharge.bench.radio.places import RadioPlaces
from crowdcharge.clock import BoardClock
from crowdcharge.flash import firmware_tree

HOST_ADDRESS = "C0:DE:FF:00:00:{:02X}"
_TICK_s = 0.005  # real time; the most that the physics a chip shows may be late


_ON_EACH_OTHER_dBm = -30.0  # radios a few centimetres apart


class Hub:
    def __init__(self, config: BenchConfig, folder: Path) -> None:
        self.config = config
        self.folder = folder
        self.stopping = asyncio.Event()
        self.clock = BoardClock(config.speed)
        self.witness = Witness()
        self.arrangement = Arrangement(
            config.contacts.cycle, config.contacts.slot_s, config.contacts.pads
        )
        self.kind = config.realism == "kind"
        link = config.link.averaged() if self.kind else config.link
        self.plant = Plant([_node(board) for board in config.boards], link)
        self.rssi_dBm: dict[str, float] = {}
        self.loss: dict[str, float] = {}
        self.duplication: dict[str, float] = {}
        self.places = RadioPlaces()
        self.air = Air(config.seed, config.realism, config.speed)
        self._set_up_air()
        self.vm_version = _vm_version()
        self.hci_ports: dict[int, str] = {}
        self.boards: dict[int, VirtualBoard] = {}
        self._ids = {address(board.id).upper(): board.id for board in config.boards}
        self.arrange()
        for board in config.boards:
            self.boards[board.id] = self._board(board)
        self.proxies = open_proxies(config.proxies, self.air)
        for each in self.boards.values():
            self.places.put(each.address, each.config.place_m)
        for proxy in self.proxies.values():
            self.places.put(proxy.address, proxy.config.place_m, proxy.config.range_m)

    def _board(self, config: BoardConfig) -> VirtualBoard:
        folder = self.folder / f"board-{config.id}"
        folder.mkdir(parents=True, exist_ok=True)
        name, radio_address = f"board-{config.id}", address(config.id)
        radio: ShimRadio | str
        if config.radio == "hci":
            radio = self.hci_ports[config.id] = hci_pty(self.air, name, radio_address)
        else:
            radio = ShimRadio(self.air, name, radio_address, folder / "radio.socket", config.links)
        node, seed = self.plant.nodes[config.id], self.config.seed
        return VirtualBoard(
            config, node, self.plant, self.witness, self.clock, seed, folder, radio, self.kind
        )

    def _set_up_air(self) -> None:
        """Let faults set each board's signal strength, packet loss and duplication."""
        noise_dB = self.air.rng.gauss

        def rssi_dBm(tx: str, rx: str) -> int:
            set_dBm = self.rssi_dBm.get(tx, self.rssi_dBm.get(rx))
            if set_dBm is None and self._touch(tx, rx):
                set_dBm = _ON_EACH_OTHER_dBm
            mean_dBm = self.places.signal_dBm(tx, rx) if set_dBm is None else set_dBm
            return round(mean_dBm + noise_dB(0.0, 2.0))

        self.air.rssi_dBm = rssi_dBm
        self.air.loss = lambda tx, rx: self.loss.get(tx, self.loss.get(rx, 0.0))
        self.air.in_range = self.places.in_range
        self.air.duplication = lambda tx, _rx: self.duplication.get(tx, 0.0)

    async def start(self) -> None:
        firmware = Path(self.config.firmware) if self.config.firmware else None
        trees = {
            port: firmware_tree.files(port, firmware)
            for port in {board.port for board in self.config.boards}
        }
        self.host_ports = [
            await serve_hci_tcp(self.air, f"host-{index}", HOST_ADDRESS.format(index))
            for index in range(1, self.config.hosts + 1)
        ]
        for proxy in self.proxies.values():
            await proxy.start()
        self._physics = asyncio.create_task(self._run_physics())
        for board in self.boards.values():
            board.deploy(trees[board.config.port], self._crowd(board.config.crowd_key))
            await board.start()

    def _touch(self, tx: str, rx: str) -> bool:
        """Do the boards with these radios lie on each other?"""
        ids = self._ids
        return tx in ids and rx in ids and ids[rx] in self.plant.peers(ids[tx])

    def _crowd(self, crowd_key: str) -> list[int]:
        return [board.id for board in self.config.boards if board.crowd_key == crowd_key]

    async def stop(self) -> None:
        self._physics.cancel()
        for board in self.boards.values():
            await board.stop()
        for proxy in self.proxies.values():
            await proxy.turn(on=False)
        await self.air.close()

    def ready(self) -> dict[str, object]:
        """Return what a client needs to know to work with this bench."""
        return {
            "ready": True,
            "control": str(self.folder / "control.socket"),
            "transports": [f"tcp-client:127.0.0.1:{port}" for port in self.host_ports],
            "proxies": [
                {
                    "name": proxy.config.name,
                    "host": proxy.host,
                    "port": proxy.port,
                    "key": proxy.config.key,
                    "address": proxy.address,
                }
                for proxy in self.proxies.values()
            ],
            "folder": str(self.folder),
            "vm": self.vm_version,
            "boards": [
                {
                    "id": board.config.id,
                    "address": board.address,
                    "serial": board.supervisor.port.path,
                    "hci": self.hci_ports.get(board.config.id),
                    "console_log": str(board.folder / "console.log"),
                }
                for board in self.boards.values()
            ],
        }

    # Physics

    async def _run_physics(self) -> None:
        while True:
            self.advance()
            await asyncio.sleep(_TICK_s)

    def advance(self) -> None:
        """Advance the plant to now, with every change of contact on the way."""
        now_s = self.clock.now_s()
        while (change_s := self.arrangement.next_change_s(self.plant.now_s)) and change_s <= now_s:
            self.plant.advance_to(change_s)
            self.plant.set_contacts(self.arrangement.contacts_at(change_s))
        self.plant.advance_to(now_s)
        for board in self.boards.values():
            board.publish()

    def arrange(self) -> None:
        """Apply the contacts after boards were moved by hand."""
        self.advance()
        self.plant.set_contacts(self.arrangement.contacts_at(self.plant.now_s))

    def cut(self, board: VirtualBoard, on: bool) -> None:
        """Take a board out of the range of all hosts, proxies and other boards, or back."""
        hosts = [HOST_ADDRESS.format(index) for index in range(1, self.config.hosts + 1)]
        proxies = [proxy.address for proxy in self.proxies.values()]
        others = [each.address for each in self.boards.values() if each is not board]
        for other in (*hosts, *proxies, *others):
            (self.air.drop if on else self.air.heal)(board.address, other)

    def walk(self, board: VirtualBoard, x_m: float, y_m: float) -> None:
        self.places.move(board.address, (x_m, y_m))
        self.air.moved(board.address)


def _node(board: BoardConfig) -> Node:
    node = Node(board.id, Cell(board.capacity_J, board.resistance_Ohm), 0, idle_W=board.idle_W)
    node.set_soc(board.soc_pct / 100)
    node.cable = board.vbus
    node.coil.ambient_C = node.battery.ambient_C = board.ambient_C
    return node


def _vm_version() -> str:
    """Return the VM's own version, as "MicroPython 1.29.0-preview (9458e3a23f on 2026-07-05)"."""
    script = (
        "import sys; v = sys.implementation.version; dev = '-' + v[3] if v[3:] and v[3] else '';"
        "build = sys.version.split('MicroPython ')[-1];"
        "print('MicroPython %d.%d.%d%s (%s)' % (v[0], v[1], v[2], dev, build))"
    )
    asked = subprocess.run(
        [str(micropython.binary()), "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return asked.stdout.strip() or "MicroPython (version unknown)"
