# SPDX-License-Identifier: MIT
"""What an operator may ask of a run: one table of actions, and the checks that they share.

Whoever asks (the page, MQTT, a program) comes this way. A board still judges every command itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from crowdcharge import policy as policies
from crowdcharge.boards import codes
from crowdcharge.boards.constants import FrameType
from crowdcharge.boards.models import Ack
from crowdcharge.errors import InputError, WptError
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.policy.base import Offer
from crowdcharge.service.objections import Objection
from crowdcharge.service.words import fault_shown, policy_says
from wptcore import ept, mandate, wire

Args = Mapping[str, Any]
Answer = tuple[int, dict[str, Any]]
_BEGUN = HTTPStatus.ACCEPTED  # it shows in the events when it is done
_PATIENCE_s, _LOOK_s = 3.0, 0.02  # for a board at work: between two jobs it is free for a moment
_WAITING_MAX = 8  # at once, so that the others' actions, a stop above all, have their turn


class Actions:
    """`act` carries an action out and answers with a status and a body, never with an error."""

    def __init__(self, orchestrator: Orchestrator, policy_options: Mapping[str, Any]) -> None:
        self.orchestrator = orchestrator
        self.policy_options = dict(policy_options)
        self._waiting = 0
        self._actions: dict[str, Callable[[Args], Awaitable[Answer]]] = {
            "pause": self._pause,
            "resume": self._resume,
            "stop": self._stop,
            "stop_transfer": self._stop_transfer,
            "forbid": self._forbid,
            "allow": self._allow,
            "acknowledge": self._acknowledge,
            "mandate": self._mandate,
            "policy": self._policy,
            "transfer": self._transfer,
            "settle": self._settle,
        }

    async def act(self, action: str, args: Args) -> Answer:
        carry_out = self._actions.get(action)
        if carry_out is None:
            return Objection(HTTPStatus.NOT_FOUND, f'there is no action "{action}"').answer()
        try:
            return await carry_out(args)
        except Objection as objection:
            return objection.answer()
        except WptError as error:  # the radio, a board, or a ledger that cannot be written now
            return _conflict(str(error)).answer()

    # -- the whole run --

    async def _pause(self, _args: Args) -> Answer:
        self.orchestrator.pause()
        return self._state()

    async def _resume(self, _args: Args) -> Answer:
        self.orchestrator.resume()
        return self._state()

    async def _stop(self, _args: Args) -> Answer:
        self.orchestrator.halt()
        return self._state()

    async def _settle(self, _args: Args) -> Answer:
        self.orchestrator.settle()
        return _BEGUN, {"owing": sorted(self.orchestrator.ledger_keeper.pending())}

    def _state(self) -> Answer:
        return HTTPStatus.OK, {"state": self.orchestrator.state}

    async def _policy(self, args: Args) -> Answer:
        name, options = args.get("name"), args.get("options") or {}
        if not isinstance(name, str) or not isinstance(options, dict):
            raise _bad_value("a policy is a name and a table of options")
        if ":" in name:
            raise _bad_value("code of your own is named in the run's file only")
        try:
            policy = policies.make(name, **options)
        except (InputError, TypeError) as error:
            raise _bad_value(str(error)) from None
        self.orchestrator.decisions.policy, self.policy_options = policy, options
        return HTTPStatus.OK, policy_says(policy, options)

    # -- one board --

    async def _forbid(self, args: Args) -> Answer:
        board_id = self._board(args, "board_id")
        self.orchestrator.forbid(board_id)
        return HTTPStatus.OK, {"board_id": board_id, "forbidden": True}

    async def _allow(self, args: Args) -> Answer:
        board_id = self._board(args, "board_id")
        self.orchestrator.allow(board_id)
        return HTTPStatus.OK, {"board_id": board_id, "forbidden": False}

    async def _acknowledge(self, args: Args) -> Answer:
        """Clear a latched fault, if it is one that a host may clear."""
        board_id, code = self._board(args, "board_id"), _fault(args)
        fault = fault_shown(code)
        standing = self.orchestrator.ledger_keeper.book.faults.get(board_id, frozenset())
        if code not in standing:
            raise _conflict(f"{fault['name']} does not stand on board {board_id}")
        if fault["clear_by"] != "host":
            raise _conflict(_who_clears(board_id, fault), **fault)
        await self._until_free(board_id)
        answer = await self._cleared(board_id, code)
        if answer != ept.NONE:
            raise _conflict(f"board {board_id} refuses: {codes.text(answer)}", **fault)
        return HTTPStatus.OK, {"board_id": board_id, "fault": fault["name"], "cleared": True}

    async def _cleared(self, board_id: int, code: int) -> int:
        """Ask a board to clear a latched fault; return the code of its answer."""
        keeper = self.orchestrator.ledger_keeper
        async with self.orchestrator.jobs.visiting(board_id) as link:
            await keeper.sync(link)
            if code not in await link.faults():  # it has gone meanwhile
                return ept.NONE
            ack = await link.command(wire.CLEAR, code)
            keeper.faults(board_id, await link.faults())
            return ack.code

    async def _mandate(self, args: Args) -> Answer:
        """Carry what an owner has signed to its board, which judges it.

        The proof is for the owner, who alone can check it.
        """
        signed = _signed(args)
        board_id = self._board({"board_id": mandate.board_of(signed)}, "board_id")
        await self._until_free(board_id)  # a false mandate may cost the link over which it comes
        async with self.orchestrator.jobs.visiting(board_id) as link:
            answer = await link.inquire(FrameType.MANDATE, signed)
            if isinstance(answer, Ack):
                raise _conflict(f"board {board_id} refuses: {codes.text(answer.code)}")
            consent = await link.ask_consent()
            self.orchestrator.ledger_keeper.note(board_id, link.ack, consent)
        number, proof = answer.fields
        return HTTPStatus.OK, {"board_id": board_id, "number": number, "proof": proof.hex()}

    # -- one transfer --

    async def _transfer(self, args: Args) -> Answer:
        ptx, prx = self._board(args, "ptx"), self._board(args, "prx")
        energy_J = args.get("energy_J")
        if ptx == prx:
            raise _bad_value("a transfer needs two boards")
        if not isinstance(energy_J, int | float) or isinstance(energy_J, bool):
            raise _bad_value("energy_J must be a number")
        agent = self.orchestrator.ledger_keeper.agents.get(ptx)
        capacity_J = agent.capacity_J if agent else 0.0
        if not 0 < energy_J <= max(capacity_J, 1.0):
            raise _bad_value(f"energy_J must be above 0 and at most {capacity_J:g}")
        if self.orchestrator.state != "running":
            raise _conflict(f"the run is {self.orchestrator.state}: resume it first")
        for board_id in (ptx, prx):
            if board_id in self.orchestrator.jobs.forbidden:
                raise _conflict(f"board {board_id} is taken out of the run")
            self._need_free(board_id)
        if self.orchestrator.decisions.is_at_floor(ptx):
            raise _conflict(f"board {ptx} is at its floor")
        self.orchestrator.ask_for(Offer(ptx, prx, float(energy_J)))
        return _BEGUN, {"ptx": ptx, "prx": prx, "energy_J": energy_J}

    async def _stop_transfer(self, args: Args) -> Answer:
        transfer_id = args.get("transfer_id")
        if not isinstance(transfer_id, int) or isinstance(transfer_id, bool):
            raise _bad_value("transfer_id must be a whole number")
        if self.orchestrator.stop_transfer(transfer_id):
            return _BEGUN, {"transfer_id": transfer_id}
        if transfer_id in self.orchestrator.ledger_keeper.book.transfers:
            raise _conflict(f"transfer {transfer_id} does not run")
        raise Objection(HTTPStatus.NOT_FOUND, f"there is no transfer {transfer_id}")

    # -- checks --

    def _board(self, args: Args, name: str) -> int:
        board_id = args.get(name)
        if not isinstance(board_id, int) or isinstance(board_id, bool):
            raise _bad_value(f"{name} must be a whole number")
        if board_id not in self.orchestrator.station.keys:
            raise Objection(HTTPStatus.NOT_FOUND, f"there is no key for a board {board_id}")
        return board_id

    async def _until_free(self, board_id: int) -> None:
        """Wait a little for a board that is at work; whoever asked may ask again."""
        patience_s = _PATIENCE_s if self._waiting < _WAITING_MAX else 0.0
        self._waiting += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    while self.orchestrator.jobs.is_busy(board_id):  # noqa: ASYNC110 - nobody tells
                        await asyncio.sleep(_LOOK_s)
        finally:
            self._waiting -= 1
        self._need_free(board_id)

    def _need_free(self, board_id: int) -> None:
        if self.orchestrator.jobs.is_busy(board_id):
            raise _conflict(f"board {board_id} is busy; try again", busy=True)
        if self.orchestrator.station.fleet.view(board_id) is None:
            raise _conflict(f"board {board_id} has not been heard")


def _signed(args: Args) -> bytes:
    try:
        signed = bytes.fromhex(args["signed"])
        mandate.board_of(signed)
    except (KeyError, TypeError, ValueError):
        raise _bad_value("signed must be a mandate in hexadecimal digits") from None
    return signed


def _fault(args: Args) -> int:
    names = {name: code for code, name in codes.NAMES.items() if code in codes.SEVERITIES}
    fault = args.get("fault")
    if not isinstance(fault, str) or fault not in names:
        raise _bad_value("fault must be the name of a fault")
    return names[fault]


def _who_clears(board_id: int, fault: Mapping[str, Any]) -> str:
    if fault["clear_by"] is None:
        return f"{fault['name']} goes by itself with its cause. {fault['way_out']}"
    return (
        f"only somebody at board {board_id} clears {fault['name']}, by its button or its console. "
        f"{fault['way_out']}"
    )


def _bad_value(detail: str) -> Objection:
    return Objection(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


def _conflict(detail: str, **more: Any) -> Objection:
    return Objection(HTTPStatus.CONFLICT, detail, **more)
