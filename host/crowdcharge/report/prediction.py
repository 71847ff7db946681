# SPDX-License-Identifier: MIT
"""PURE: compares what plan and simulator predicted with what boards metered; in J and s.

docs/explanation/simulation-meets-boards.md says why they differ.
"""

from typing import TYPE_CHECKING, Any

from crowdcharge.boards import codes
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.kinds import Reading
from crowdcharge.ledger.settlement import VOID
from crowdcharge.ledger.settlement import TransferRecord as Metered
from crowdcharge.metrics import imbalance
from crowdcharge.policy import Policy
from crowdcharge.policy.plan_following import PlanFollowing
from crowdcharge.report.markup import Markup, Text, table
from crowdcharge.units import mJ_to_J

if TYPE_CHECKING:  # the simulator is an extra, a report is not
    from collections.abc import Sequence

    from crowdcharge.simulation.contacts import Contact
    from crowdcharge.simulation.run import SimulationRun

Document = dict[str, Any]
Key = tuple[float, int, int]  # a contact: when it begins, the lower and the higher board


def compare(
    book: Book,
    contacts: "Sequence[Contact]",
    predicted: "SimulationRun",
    imagined: Policy,
    policy: Policy,
) -> Document:
    """Make `prediction.json`; `imagined` decided in the simulator, `policy` on the boards."""
    plan, simulated = _planned(imagined), _simulated(predicted)
    metered = _metered(book, contacts)
    keys = sorted(plan.keys() | simulated.keys() | metered.keys())
    return {
        "policy": predicted.policy,
        "seed": predicted.seed,
        "contacts": [
            {
                "start_s": key[0],
                "boards": list(key[1:]),
                "plan": plan.get(key),
                "simulated": simulated.get(key),
                "metered": metered.get(key),
            }
            for key in keys
        ],
        "boards": _boards(book, predicted),
        "totals": _totals(book, predicted),
        "plans": {"simulated": plans(imagined), "boards": plans(policy)},
    }


def plans(policy: Policy) -> list[Document]:
    """List every plan that was made; all but the first are repairs. Other policies have none."""
    if not isinstance(policy, PlanFollowing):
        return []
    slot_s = policy.slot_s
    return [
        {
            "made_s": made.slot * slot_s,
            "status": made.plan.status,
            "reason": made.plan.reason,
            "ends_s": None if made.plan.time is None else made.plan.time * slot_s,
            "loss_J": made.plan.loss,
            "transfers": [
                {"start_s": (t - 1) * slot_s, "ptx": ptx, "prx": prx, "sent_J": sent_J}
                for t, ptx, prx, sent_J in made.transfers
            ],
        }
        for made in policy.made
    ]


def _key(start_s: float, a: int, b: int) -> Key:
    return (start_s, min(a, b), max(a, b))


def _planned(imagined: Policy) -> dict[Key, Document]:
    """Return the first plan, made before anything happened."""
    rows = [row for plan in plans(imagined)[:1] for row in plan["transfers"]]
    return {_key(row["start_s"], row["ptx"], row["prx"]): row for row in rows}


def _simulated(predicted: "SimulationRun") -> dict[Key, Document]:
    return {
        _key(transfer.contact.start_s, transfer.contact.a, transfer.contact.b): {
            "ptx": transfer.ptx.id,
            "prx": transfer.prx.id,
            "asked_J": transfer.offered_J,
            "sent_J": transfer.sent_J,
            "received_J": transfer.received_J,
            "ended_by": transfer.ended_by,
        }
        for transfer in predicted.transfers
    }


def _metered(book: Book, contacts: "Sequence[Contact]") -> dict[Key, Document]:
    return {
        _key(_begin_s(transfer, contacts), transfer.ptx, transfer.prx): {
            "transfer_id": transfer.transfer_id,
            "ptx": transfer.ptx,
            "prx": transfer.prx,
            "asked_J": mJ_to_J(transfer.energy_max_mJ),
            "sent_J": mJ_to_J(transfer.sent_mJ),
            "received_J": mJ_to_J(transfer.received_mJ),
            "state": transfer.state,
            "ended_by": codes.end_name(transfer.ept_ptx),
        }
        for transfer in book.transfers.values()
        if transfer.prx and (transfer.state != VOID or transfer.ept_ptx is not None)
    }


def _begin_s(transfer: Metered, contacts: "Sequence[Contact]") -> float:
    """When the contact began in which the transfer was opened, a moment after the decision."""
    opened_s = transfer.opened_ms / 1000
    pair = set(transfer.boards)
    starts = [each.start_s for each in contacts if {each.a, each.b} == pair]
    return max((start_s for start_s in starts if start_s <= opened_s), default=opened_s)


def _boards(book: Book, predicted: "SimulationRun") -> list[Document]:
    rows = []
    for index, board in enumerate(predicted.boards):
        mine = [each for each in book.transfers.values() if board.id in each.boards]
        metered = {
            "sent_J": mJ_to_J(sum(each.sent_mJ for each in mine if each.ptx == board.id)),
            "received_J": mJ_to_J(sum(each.received_mJ for each in mine if each.prx == board.id)),
            "before_J": stored_J(book.first_reading.get(board.id)),
            "after_J": stored_J(book.last_reading.get(board.id)),
        }
        simulated = {
            "sent_J": board.sent_J,
            "received_J": board.received_J,
            "before_J": float(predicted.energy_J[0, index]),
            "after_J": float(predicted.energy_J[-1, index]),
        }
        rows.append({"board_id": board.id, "simulated": simulated, "metered": metered})
    return rows


def stored_J(reading: Reading | None) -> float | None:
    """Return the stored energy by the fuel gauge, whose step is a thousandth of the capacity."""
    if reading is None or reading.soc_permille is None:
        return None
    return mJ_to_J(reading.capacity_mJ) * reading.soc_permille / 1000


def _totals(book: Book, predicted: "SimulationRun") -> Document:
    sent_J = sum(each.sent_J for each in predicted.transfers)
    received_J = sum(each.received_J for each in predicted.transfers)
    sent_mJ = sum(each.sent_mJ for each in book.transfers.values())
    received_mJ = sum(each.received_mJ for each in book.transfers.values())
    socs = [reading.soc_permille or 0.0 for reading in book.last_reading.values()]
    return {
        "simulated": {
            "sent_J": sent_J,
            "received_J": received_J,
            "loss_J": sent_J - received_J,
            "imbalance": float(predicted.imbalance[-1]),
        },
        "metered": {
            "sent_J": mJ_to_J(sent_mJ),
            "received_J": mJ_to_J(received_mJ),
            "loss_J": mJ_to_J(sent_mJ - received_mJ),
            "imbalance": imbalance(socs),
        },
    }


def section(document: Document) -> str:
    """Return the part of report.html that shows this document."""
    return (
        "<h2>Predicted and metered: transfers</h2>"
        "<p>Plan: the first plan. Simulated: the same scenario in the simulator. Asked, sent and"
        " received: the offer to the boards and what they metered. Energies in J.</p>"
        f"{_contact_table(document)}<h2>Predicted and metered: boards</h2>"
        f"{_board_table(document)}{_plan_table(document['plans']['boards'])}"
    )


def _contact_table(document: Document) -> Markup:
    head = (
        *("at s", "from", "to", "plan", "simulated sent", "received"),
        *("asked", "sent", "received", "sent - simulated", Text("donor ended")),
    )
    return table(head, map(_contact, document["contacts"]))


def _contact(row: Document) -> tuple[object, ...]:
    plan, simulated, metered = (row[name] or {} for name in ("plan", "simulated", "metered"))
    parties = metered or simulated or plan
    energies_J = (
        plan.get("sent_J"),
        *(simulated.get(key) for key in ("sent_J", "received_J")),
        *(metered.get(key) for key in ("asked_J", "sent_J", "received_J")),
        difference(metered.get("sent_J"), simulated.get("sent_J")),
    )
    why = (metered.get("ended_by") or "no transfer").lower().replace("_", " ")
    start = f"{row['start_s']:g}"
    return (start, parties["ptx"], parties["prx"], *map(number, energies_J), Text(why))


def _board_table(document: Document) -> Markup:
    head = (
        *("board", "simulated sent", "received", "at the end"),
        *("sent", "received", "at the end", "end - simulated"),
    )
    return table(head, map(_board, document["boards"]))


def _board(board: Document) -> tuple[object, ...]:
    simulated, metered = board["simulated"], board["metered"]
    keys = ("sent_J", "received_J", "after_J")
    energies_J = [side[key] for side in (simulated, metered) for key in keys]
    ends_J = (metered["after_J"], simulated["after_J"])
    energies_J.append(None if None in ends_J else difference(*ends_J))
    return (board["board_id"], *map(number, energies_J))


def _plan_table(made: list[Document]) -> str:
    if not made:
        return ""
    head = ("made at s", "transfers", "through at s", "loss", Text("why"))
    rows = (
        (
            f"{plan['made_s']:g}",
            len(plan["transfers"]),
            number(plan["ends_s"]),
            number(plan["loss_J"]),
            Text(plan["reason"] or ("repair" if index else "first plan")),
        )
        for index, plan in enumerate(made)
    )
    return f"<h2>Plans</h2>{table(head, rows)}"


def difference(metered_J: float | None, simulated_J: float | None) -> float | None:
    if metered_J is None and simulated_J is None:
        return None
    return (metered_J or 0.0) - (simulated_J or 0.0)


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
