# SPDX-License-Identifier: MIT
"""PURE: one planning problem on a time-space graph, and the plan that answers it.

After Zhang, Zhang, Qian, Xiao, Wu, Ge, Lu: "Collaborative Interactive Wireless Charging in a
Cyclic Mobispace". Vertices count from 0. Energies may be in any one unit (J in this project).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from crowdcharge.errors import InputError
from crowdcharge.escaping import shown

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Shorts = npt.NDArray[np.int32]  # in kernels, where the cache is what counts
Transfer = tuple[int, int, int, float]

# Relative to the greatest e_max: levels, bounds and targets that differ by less are equal. Every
# part of the planner compares with this; `verify` allows a thousand times as much, because a
# plan adds up many transfers.
TOLERANCE = 1e-9
TIME_MAX = 2**31 - 1  # slots; the kernels count them in 32 bits
_SIZE_MAX = 1e100  # of a value: what floats can still add and multiply
CONTACTS_MAX = 20_000_000  # of all cycles up to the last horizon


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Initial levels `e0` (n,), who meets whom in which slot of every cycle, and what to reach.

    `contacts` (m, 3) has one row (i, j, t) for each contact, 1 <= t <= `cycle`; contacts of one
    slot are simultaneous. `e_min` and `e_max`, each one number or (n,), bound the level at the end
    of every slot from 0 on (eq. 5b). `beta`, one number or (m,), is the lost share of what is sent
    (eq. 1). `target` (n,) is the share of the total that each agent shall end with (Problem 1),
    uniform if None. `limit`, one number or (m,), is the most that may be sent in a contact (power
    x duration). After construction the contacts are sorted by slot and all arrays have their full
    shape, except that equal losses stay one number. Raises InputError for what makes no problem.
    """

    e0: Floats
    contacts: Ints
    cycle: int
    e_min: Floats
    e_max: Floats
    beta: float | Floats = 0.0
    target: Floats | None = None
    limit: Floats | None = None

    def __post_init__(self) -> None:
        e0 = _floats("e0", self.e0)
        if e0.ndim != 1 or not len(e0):
            raise InputError("e0 must be a list of at least one level", ("e0",))
        if not 1 <= self.cycle <= TIME_MAX or self.cycle != int(self.cycle):
            raise InputError(
                f"cycle must be a whole number of slots >= 1 and below 2**31, not {self.cycle:g}",
                ("cycle",),
            )
        contacts = _contacts(self.contacts, len(e0), int(self.cycle))
        order = np.argsort(contacts[:, 2], kind="stable")
        contacts = contacts[order]
        _refuse_duplicates(contacts, len(e0), order)
        e_min = _one_each("e_min", self.e_min, len(e0), "agent")
        e_max = _one_each("e_max", self.e_max, len(e0), "agent")
        what = "e_min must be at least 0 and not above e_max"
        _refuse("e_min", self.e_min, e_min >= 0, what)
        each = ("e_max", self.e_max) if np.ndim(self.e_max) else ("e_min", self.e_min)
        _refuse(*each, e_min <= e_max, what)
        values = {
            "e0": e0,
            "contacts": contacts,
            "cycle": int(self.cycle),
            "e_min": e_min,
            "e_max": e_max,
            "beta": _beta(self.beta, order),
            "target": _target(self.target, len(e0)),
            "limit": _limit(self.limit, order),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_json(cls, document: object) -> "Problem":
        """Make a problem of the `plan` command's parsed JSON; InputError names a wrong key."""
        if not isinstance(document, Mapping):
            raise InputError("a problem is a JSON object with the keys e0, contacts, cycle, ...")
        known = set(cls.__dataclass_fields__)
        if unknown := sorted(set(document) - known):
            what = f"unknown key {shown(unknown[0])}; known: {', '.join(sorted(known))}"
            raise InputError(what, (unknown[0],))
        required = ("e0", "contacts", "cycle", "e_min", "e_max")
        if missing := [key for key in required if document.get(key) is None]:
            raise InputError(f"the key {missing[0]!r} is missing")
        for key, value in document.items():
            if (wrong := not_a_number(value)) is not None:
                what, place = wrong
                raise InputError(
                    f"{key} must be a number or a list of numbers, not {what}", (key, *place)
                )
        if type(document["cycle"]) is not int or not 1 <= document["cycle"] <= TIME_MAX:
            what = "cycle must be a whole number of slots >= 1 and below 2**31"
            raise InputError(what, ("cycle",))
        return cls(**{key: value for key, value in document.items() if value is not None})

    def to_json(self) -> dict[str, Any]:
        """Return the document of which `from_json` makes the same problem."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in values.items()
            if value is not None
        }

    @property
    def n(self) -> int:
        return len(self.e0)

    @property
    def shares(self) -> Floats:
        """The target shares, never None (it is filled in at construction)."""
        assert self.target is not None
        return self.target

    @property
    def contact_beta(self) -> Floats:
        return np.broadcast_to(np.asarray(self.beta, dtype=np.float64), len(self.contacts))

    @property
    def contact_limit(self) -> Floats:
        return np.full(len(self.contacts), np.inf) if self.limit is None else self.limit

    @property
    def tolerance(self) -> float:
        """The difference below which two levels are equal."""
        return TOLERANCE * float(self.e_max.max())

    def check_horizon(self, max_doublings: int) -> None:
        """Raise InputError if the last horizon is more than the planners can count or keep."""
        last = self.cycle << max_doublings
        if last > TIME_MAX or len(self.contacts) << max_doublings > CONTACTS_MAX:
            raise InputError(
                f"{max_doublings} doublings of the cycle make {last} slots with"
                f" {len(self.contacts) << max_doublings} contacts: take fewer doublings"
            )

    def lossless(self) -> "Problem":
        return replace(self, beta=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to do, or the reason why nothing can be done.

    `time` is the slot T at whose end the target holds. For LAY within one cycle it is the cycle,
    as in the paper, and `last_transfer` says when the plan is in fact complete. `transfers` are
    (t, from, to, sent) in order of t, which counts on over the cycles; transfers of one slot are
    simultaneous. `loss` is all energy lost, `final` (n,) are the levels at the end.
    """

    status: str
    time: int | None = None
    loss: float | None = None
    transfers: tuple[Transfer, ...] = ()
    final: Floats = field(default_factory=lambda: np.empty(0))
    reason: str = ""

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    @property
    def last_transfer(self) -> int:
        return self.transfers[-1][0] if self.transfers else 0

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "status": self.status,
            "time": self.time,
            "loss": self.loss,
            "transfers": [list(transfer) for transfer in self.transfers],
            "final": self.final.tolist(),
        }
        if self.reason:
            document["reason"] = self.reason
        return document


def unreachable(reason: str) -> Plan:
    return Plan("unreachable", reason=reason)


def not_a_number(value: object) -> tuple[str, tuple[int, ...]] | None:
    """Show the first value of a parsed JSON document that is neither a number nor null, and where.

    The place has positions in lists.
    """
    stack: list[tuple[object, tuple[int, ...]]] = [(value, ())]
    while stack:
        found, place = stack.pop()
        if isinstance(found, list):
            stack += [(each, (*place, k)) for k, each in enumerate(found)][::-1]
        elif found is not None and type(found) not in (int, float):
            return shown(found), place
    return None


def _refuse(name: str, value: object, good: npt.NDArray[np.bool_], what: str) -> None:
    """Raise InputError with the place of the first element that is not good, if there is one."""
    if not good.all():
        first = np.unravel_index(int(np.argmin(good)), good.shape)
        within = map(int, first) if np.ndim(value) == good.ndim else ()  # type: ignore[arg-type]
        raise InputError(what, (name, *within))


def _floats(name: str, value: object) -> Floats:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name} must be a number or a list of numbers", (name,)) from error
    _refuse(name, value, ~np.isnan(array), f"{name} has a value that is not a number")
    if name != "limit":
        _refuse(name, value, np.isfinite(array), f"{name} must be finite")
    if name != "contacts":
        small = ~np.isfinite(array) | (np.abs(array) <= _SIZE_MAX)
        _refuse(name, value, small, f"{name} must be at most {_SIZE_MAX:g} in size")
    return array


def _one_each(name: str, value: object, count: int, of: str) -> Floats:
    array = _floats(name, value)
    if array.shape not in ((), (count,)):
        what = f"{name} must be one number or one for each of the {count} {of}s"
        raise InputError(what, (name,))
    return array if array.ndim else np.full(count, array)


def _contacts(value: object, n: int, cycle: int) -> Ints:
    rows = _floats("contacts", value) if not isinstance(value, np.ndarray) else value
    if rows.size == 0:
        return np.empty((0, 3), dtype=np.int64)
    if rows.ndim != 2 or rows.shape[1] != 3:
        raise InputError("contacts must be rows of three whole numbers: i, j, t", ("contacts",))
    contacts = np.clip(rows, -1, TIME_MAX).astype(np.int64)
    i, j, t = contacts.T
    bad = (np.minimum(i, j) < 0) | (np.maximum(i, j) >= n) | (i == j) | (t < 1) | (t > cycle)
    if rows.dtype.kind not in "iu":
        bad |= (contacts != rows).any(1)
    if bad.any():
        row = int(np.argmax(bad))
        given = ", ".join(f"{number:.15g}" for number in rows[row])
        raise InputError(
            f"contact number {row + 1} is [{given}]: it must be i, j, t with two "
            f"different agents 0..{n - 1} and a slot 1..{cycle}",
            ("contacts", row),
        )
    return contacts


def _refuse_duplicates(contacts: Ints, n: int, order: Ints) -> None:
    i, j, t = contacts.T
    keys = (t * n + np.minimum(i, j)) * n + np.maximum(i, j)
    by_key = np.argsort(keys, kind="stable")
    keys = keys[by_key]
    if (same := keys[1:] == keys[:-1]).any():
        first = int(np.argmax(same))
        key = int(keys[first])
        raise InputError(
            f"the contact {[key // n % n, key % n, key // (n * n)]} is given twice; "
            "give each pair at most once a slot",
            ("contacts", int(order[by_key[first + 1]])),
        )


def _beta(value: Any, order: Ints) -> float | Floats:
    beta = _floats("beta", value)
    if beta.ndim:
        beta = _one_each("beta", beta, len(order), "contact")
    good = (beta >= 0) & (beta < 1)
    _refuse("beta", value, good, "beta is the share that is lost: at least 0 and below 1")
    beta = np.where(beta <= TOLERANCE, 0.0, beta)  # less than levels may differ by
    if beta.ndim == 0:
        return float(beta)
    return beta[order] if (beta != beta[:1]).any() else float(beta.max(initial=0.0))


def _target(value: object, n: int) -> Floats:
    if value is None:
        return np.full(n, 1.0 / n)
    target = _floats("target", value)
    if target.shape != (n,) or np.any(target < 0):
        raise InputError(f"target must be {n} shares that are not negative", ("target",))
    if abs(target.sum() - 1.0) > TOLERANCE:
        what = f"the target shares add up to {target.sum():g}, not to 1"
        raise InputError(what, ("target",))
    target /= target.sum()  # shares of few digits would leave somebody a rest for ever
    return target


def _limit(value: object, order: Ints) -> Floats | None:
    if value is None:
        return None
    limit = _one_each("limit", value, len(order), "contact")
    _refuse("limit", value, limit >= 0, "limit must not be negative")
    return limit[order]
