# SPDX-License-Identifier: MIT
"""Simulate a closed crowd that meets at random, of up to tens of millions of agents."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from crowdcharge.errors import InputError
from crowdcharge.escaping import shown
from crowdcharge.files.arrow import one_of, pandas_frame
from crowdcharge.files.numbers import real, whole
from crowdcharge.metrics import imbalance
from crowdcharge.policy import Policy, make, parameters
from crowdcharge.simulation import schedule
from crowdcharge.simulation.objects import run_objects
from crowdcharge.simulation.rule import Rule, rule_of

if TYPE_CHECKING:
    import pandas
    import pyarrow

Scheduler = Literal["pairs", "matching"]
Engine = Literal["numba", "object"]
SINGLE_FROM_n = 100_000  # 16-byte rows keep a crowd of this size in the second-level cache
MAX_n = 1 << 31  # a draw has 32 bits for each agent
MAX_interactions = 1 << 53  # what a float counts one by one


@dataclass(frozen=True, slots=True)
class Result:
    """One simulated crowd; `imbalance` and `total_J` (samples,) belong to `at` interactions."""

    engine: Engine
    interactions: int
    initial_J: NDArray[np.float64] = field(repr=False)
    final_J: NDArray[np.float64] = field(repr=False)
    at: NDArray[np.int64]
    imbalance: NDArray[np.float64]
    total_J: NDArray[np.float64]

    @property
    def loss_J(self) -> float:
        return float(self.total_J[0] - self.total_J[-1])

    def to_arrow(self, table: Literal["samples", "agents"] = "samples") -> "pyarrow.Table":
        """Make a table: a row for each sample, or for each agent. Needs the extra `data`."""
        import pyarrow  # noqa: PLC0415 - an extra

        columns = {
            "samples": {
                "interactions": self.at, "imbalance": self.imbalance, "total_J": self.total_J,
            },
            "agents": {
                "agent": np.arange(len(self.final_J)),
                "initial_J": self.initial_J,
                "final_J": self.final_J,
            },
        }  # fmt: skip
        return pyarrow.table(one_of(columns, table))

    def to_pandas(self, table: Literal["samples", "agents"] = "samples") -> "pandas.DataFrame":
        """Make a data frame as `to_arrow` makes a table. Needs pandas too."""
        return pandas_frame(self.to_arrow(table))


def simulate(
    policy: Policy | str,
    n: int,
    interactions: int,
    beta: float = 0.2,
    scheduler: Scheduler = "pairs",
    seed: int = 0,
    engine: Engine = "numba",
    *,
    initial_J: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    samples: int = 20,
    threads: int | None = None,
) -> Result:
    """Let n agents meet `interactions` times under the policy; transfers lose the share `beta`.

    A policy that is given by name is told `beta` too, if it has that option.

    `scheduler`: "pairs" picks one uniform pair at a time; "matching" pairs the whole crowd up,
    again and again, which is a different process (every agent meets equally often) and the only
    one that uses `threads`. By default there is one thread, and from 10**5 agents on one for each
    core; the result is the same. `engine`: "numba" is compiled and knows P_OS, P_ST and P_OA;
    "object" runs any policy by its `decide`, with bit-identical results in float64.
    `initial_J` (n,) defaults to uniform on [0, 100). `dtype` defaults to float64, and from 10**5
    agents on to float32. Raises InputError.
    """
    n, interactions = whole("n", n), whole("interactions", interactions)
    seed, samples, beta = whole("seed", seed), whole("samples", samples), real("beta", beta)
    if threads is None:
        threads = (os.cpu_count() or 1) if n >= SINGLE_FROM_n else 1
    threads = whole("threads", threads)
    check(n, interactions, beta, scheduler, seed, engine, samples, threads)
    if isinstance(policy, str):
        policy = make(policy, **({"beta": beta} if "beta" in parameters(policy) else {}))
    elif isinstance(policy, type) or not callable(getattr(policy, "decide", None)):
        raise InputError(f"policy: a name, or an object that can decide, not {shown(policy)}")
    rule = rule_of(policy, n)
    initial = start_energies(initial_J, n, seed)
    kind = precision(dtype, n)
    agents = rows(initial, rule, kind)
    if rule is None or engine == "object":
        engine, advance = "object", objects(agents, policy, beta, scheduler, seed)
    else:
        advance = compiled(agents, rule, beta, scheduler, seed, threads)
    weights = None if rule is None else rule.weights
    at = checkpoints(interactions, samples, n // 2 if scheduler == "matching" else 1)
    imbalances, totals = [], []
    for start, stop in zip([0, *at[:-1]], at, strict=True):
        advance(int(start), int(stop - start))
        energy = agents[:, 0].astype(np.float64)
        imbalances.append(imbalance(energy, weights))
        totals.append(energy.sum())
    return Result(
        engine, interactions, initial, energy, at, np.array(imbalances), np.array(totals)
    )


def precision(dtype: DTypeLike | None, n: int) -> np.dtype[Any]:
    """Return the dtype of the agents' rows; InputError for any but the two of the kernels."""
    single, double = np.dtype(np.float32), np.dtype(np.float64)
    if dtype is None:
        return single if n >= SINGLE_FROM_n else double
    try:
        kind: np.dtype[Any] = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):
        kind = np.dtype(object)
    if kind not in (single, double):
        raise InputError(f"dtype must be float32 or float64, not {shown(dtype)}")
    return kind


Advance = Callable[[int, int], None]


def compiled(
    agents: Any, rule: Rule, beta: float, scheduler: Scheduler, seed: int, threads: int
) -> Advance:
    from crowdcharge.simulation import kernels  # noqa: PLC0415 - numba takes a second to load

    kind = agents.dtype.type
    quantum = None if rule.quantum_J is None else kind(rule.quantum_J)
    switches = (kind(1 - beta), quantum, rule.gated or None, rule.weighted or None)

    def pairs(start: int, count: int) -> None:
        stream = schedule.stream(seed)
        kernels.run_pairs(agents, stream, start, count, *switches)

    def part(keys: schedule.Indices, first: int, last: int) -> None:
        kernels.run_part_of_matching(agents, first, last, keys, *switches)

    def matchings(start: int, count: int) -> None:
        half = len(agents) // 2
        whole, rest = divmod(count, half)
        keys = schedule.round_keys(len(agents), seed, start // half, whole + (rest > 0))
        if threads == 1:
            kernels.run_matchings(agents, keys[:whole], *switches)
        else:
            cuts = [half * thread // threads for thread in range(threads + 1)]
            with ThreadPoolExecutor(threads) as pool:
                for each in keys[:whole]:
                    list(pool.map(part, [each] * threads, cuts[:-1], cuts[1:]))
        if rest:
            part(keys[whole], 0, rest)

    return pairs if scheduler == "pairs" else matchings


def objects(agents: Any, policy: Policy, beta: float, scheduler: Scheduler, seed: int) -> Advance:
    rng = np.random.default_rng([seed, 1])

    def advance(start: int, count: int) -> None:
        for pairs in meetings(len(agents), scheduler, seed, start, count):
            run_objects(agents, pairs, policy, beta, rng)

    return advance


def meetings(
    n: int, scheduler: Scheduler, seed: int, start: int, count: int
) -> Iterator[schedule.Indices]:
    """Yield meetings start..start+count-1 in batches, none of more than one round of matching."""
    stop = start + count
    while start < stop:
        if scheduler == "pairs":
            size = min(stop - start, 1 << 16)
            yield schedule.random_pairs(n, seed, start, size)
        else:
            size = min(stop - start, n // 2)
            yield schedule.random_matching(n, seed, start // (n // 2))[:size]
        start += size


def rows(initial: NDArray[np.float64], rule: Rule | None, kind: np.dtype[Any]) -> Any:
    """Make the agents' rows (n, 4): energy, total of the levels met, their number, weight.

    An agent's own level is the first that it has met.
    """
    agents = np.ones((len(initial), 4), kind)
    if rule is not None and rule.weights is not None:
        agents[:, 3] = rule.weights
    agents[:, 0] = initial
    agents[:, 1] = agents[:, 0] / agents[:, 3]
    return agents


def start_energies(initial_J: ArrayLike | None, n: int, seed: int) -> NDArray[np.float64]:
    if initial_J is None:
        return np.random.default_rng([seed, 0]).uniform(0, 100, n)
    try:
        initial = np.array(initial_J, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"initial_J must be {n} finite energies >= 0") from None
    if initial.shape != (n,) or not np.isfinite(initial).all() or (initial < 0).any():
        raise InputError(f"initial_J must be {n} finite energies >= 0")
    return initial


def checkpoints(interactions: int, samples: int, unit: int) -> NDArray[np.int64]:
    """List 0, about `samples` multiples of `unit`, and the end."""
    even = np.linspace(0, interactions, samples + 1)[:-1] // unit * unit
    return np.unique(np.append(even, interactions)).astype(np.int64)


def check(
    n: int,
    interactions: int,
    beta: float,
    scheduler: str,
    seed: int,
    engine: str,
    samples: int,
    threads: int,
) -> None:
    for name, value, known in (
        ("scheduler", scheduler, ("pairs", "matching")),
        ("engine", engine, ("numba", "object")),
    ):
        if value not in known:
            raise InputError(f'no {name} "{value}"; known: {", ".join(known)}')
    if not 2 <= n < MAX_n:
        raise InputError(f"n must be from 2 to {MAX_n - 1}, not {n}")
    if not 0 <= beta < 1:
        raise InputError(f"beta must be at least 0 and below 1, not {beta!r}")
    if not 0 <= interactions <= MAX_interactions:
        raise InputError(f"interactions must be from 0 to {MAX_interactions}, not {interactions}")
    if seed < 0 or samples < 1 or threads < 1:
        raise InputError("seed must not be negative; samples and threads at least 1")
