# SPDX-License-Identifier: MIT
"""The hub's control socket, which speaks JSON lines.

A request is `{"id", "method", "params"}`, a reply `{"id", "result"}` or `{"id", "error"}`. METHODS
holds every method.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from crowdcharge.bench.hub import faults
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.errors import InputError, WptError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crowdcharge.bench.board.virtual_board import VirtualBoard
    from crowdcharge.bench.hub.hub import Hub


def status(hub: Hub) -> dict[str, Any]:
    """Return the state of the plant, independent of what the boards report."""
    hub.advance()
    return {
        "time_s": hub.clock.now_s(),
        "speed": hub.clock.speed,
        "seed": hub.config.seed,
        "vm": hub.vm_version,
        "contacts": [list(contact.boards) for contact in hub.plant.contacts],
        "held": hub.arrangement.held,
        "boards": [_board(hub, board) for board in hub.boards.values()],
    }


def _board(hub: Hub, board: VirtualBoard) -> dict[str, Any]:
    node = board.node
    return {
        "id": board.config.id,
        "address": board.address,
        "serial": board.supervisor.port.path,
        "running": board.supervisor.running,
        "frozen": board.supervisor.frozen,
        "asleep": board.deep_sleep.goes_on,
        "pid": board.supervisor.pid,
        "boots": board.boots,
        "last_reset": board.last_reset,
        "flash_written": board.hardware.flash_written,
        "flash_erases": board.hardware.flash_erases,
        "peer": next(iter(hub.plant.peers(board.config.id)), None),
        "soc_pct": node.soc * 100,
        "stored_J": node.stored_nJ / 1e9,
        "sent_J": node.sent_nJ / 1e9,
        "received_J": node.received_nJ / 1e9,
        "heat_J": node.heat_nJ / 1e9,
        "loss_J": node.loss_nJ / 1e9,
        "cell_V": node.cell_V,
        "cell_A": node.cell_A,
        "tx_power": node.tx_on,
        "tx_power_since_s": board.power_since_s,
        "tx_power_waited_s": board.power_waited_s,
        "waited_s": board.waited_s,
        "tx_W": node.tx_bus_V * node.tx_A,
        "rx_W": node.rx_bus_V * node.rx_A,
        "coil_C": node.coil.temperature_C,
        "battery_C": node.battery.temperature_C,
        "tx_on": hub.witness.is_on(board.config.id, "tx"),
        "rx_on": hub.witness.is_on(board.config.id, "rx"),
    }


def witness(hub: Hub, since_s: float = 0.0, board: int | None = None) -> dict[str, Any]:
    """Return the edges of the enable pins since `since_s`, and which are on now."""
    return {
        "time_s": hub.clock.now_s(),
        "on": hub.witness.any_on(),
        "changes": [change.as_dict() for change in hub.witness.changes(since_s, board)],
    }


def schedule(hub: Hub) -> dict[str, Any]:
    """Return the contact schedule as declared, and its current slot."""
    contacts = hub.config.contacts
    now_s = hub.clock.now_s()
    return {
        "time_s": now_s,
        "slot_s": contacts.slot_s,
        "slot": hub.arrangement.slot_at(now_s),
        "cycle": [[list(contact.boards) for contact in slot] for slot in contacts.cycle],
        "held": hub.arrangement.held,
    }


def hold(hub: Hub, pairs: list[list[int]] | None = None) -> None:
    """Hold these pairs together, or keep the present ones, until `resume`."""
    if pairs is None:
        hub.arrangement.hold(hub.arrangement.contacts_at(hub.clock.now_s()))
        return
    laid = [board_id for pair in pairs for board_id in pair]
    twice = {board_id for board_id in laid if laid.count(board_id) > 1}
    if set(laid) - hub.boards.keys() or twice - set(hub.config.contacts.pads):
        raise InputError("hold: needs pairs of boards of this bench, each board once but for pads")
    hub.arrangement.hold(tuple(Placement((pair[0], pair[1])) for pair in pairs))
    hub.arrange()


def resume(hub: Hub) -> None:
    """Return to the cyclic schedule."""
    hub.arrangement.resume()
    hub.arrange()


def fault(hub: Hub, name: str, board: int, parameters: dict[str, Any] | None = None) -> float:
    """Do a fault to a board, or a proxy of that number; returns its bench time in seconds."""
    hub.advance()
    faults.apply(hub, name, board, parameters or {})
    hub.advance()
    return hub.plant.now_s


def list_faults(_hub: Hub) -> dict[str, Any]:
    return {
        name: {"does": (handler.__doc__ or "").strip(), "parameters": faults.parameters(name)}
        for name, handler in sorted(faults.every().items())
    }


def stop(hub: Hub) -> None:
    """End the bench."""
    hub.stopping.set()


METHODS: dict[str, Callable[..., Any]] = {
    "status": status,
    "witness": witness,
    "schedule": schedule,
    "hold": hold,
    "resume": resume,
    "fault": fault,
    "faults": list_faults,
    "stop": stop,
}


class ControlServer:
    def __init__(self, hub: Hub, path: Path) -> None:
        self._hub = hub
        self._path = path
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self._path))
        self._path.chmod(0o600)

    async def stop(self) -> None:
        self._server.close()
        for writer in self._clients:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.LimitOverrunError, ValueError):
            while line := await reader.readline():
                writer.write(json.dumps(self._answer(line)).encode() + b"\n")
                await writer.drain()
        self._clients.discard(writer)
        writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            number, method = request["id"], METHODS[request["method"]]
            params = dict(request.get("params") or {})
        except (ValueError, KeyError, TypeError):
            known = ", ".join(METHODS)
            return {"id": None, "error": f"not a request; methods are {known}"}
        try:
            return {"id": number, "result": method(self._hub, **params)}
        except WptError as error:
            return {"id": number, "error": str(error)}
        except TypeError as error:
            return {"id": number, "error": f"wrong parameters: {error}"}
