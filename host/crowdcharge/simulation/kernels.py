# SPDX-License-Identifier: MIT
"""The compiled engine: P_OS, P_ST and P_OA over generated schedules.

An agent is one row (energy, total of the levels it met, number of levels, weight), so a meeting
touches two cache lines. Whether and in which direction energy moves is as random as the crowd,
so both are arithmetic, not branches: a mispredicted branch costs more than the meeting.
The rows of a crowd that outgrows the cache are prefetched some meetings ahead.
Every expression rounds as its twin in `policy/` does.

`quantum`, `gated` and `weighted` are None or a value; None compiles the part away.
"""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from crowdcharge.simulation.rule import COLUMNS, ENERGY, MET, TOTAL, WEIGHT
from crowdcharge.simulation.schedule import GOLDEN, LOW_32, MIX_1, MIX_2

S27, S30, S31, S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)
BLOCK = 512  # meetings drawn at a time: their indices stay in the first-level cache
AHEAD = 16  # meetings between asking for a row and using it

compiled = numba.njit(cache=True, nogil=True)


@compiled
def mix(x: Any) -> Any:
    x = (x ^ (x >> S30)) * MIX_1
    x = (x ^ (x >> S27)) * MIX_2
    return x ^ (x >> S31)


@compiled
def meet(agents: Any, a: Any, b: Any, kept: Any, quantum: Any, gated: Any, weighted: Any) -> None:
    """Let agents a and b meet; `kept` = 1 - beta of what is sent reaches the receiver."""
    zero, one = agents.dtype.type(0), agents.dtype.type(1)
    energy_a, energy_b = agents[a, ENERGY], agents[b, ENERGY]
    level_a, level_b = energy_a, energy_b
    if weighted is None:
        sent = (energy_a - energy_b) * agents.dtype.type(0.5)
    else:
        weight_a, weight_b = agents[a, WEIGHT], agents[b, WEIGHT]
        level_a, level_b = energy_a / weight_a, energy_b / weight_b
        sent = (energy_a * weight_b - energy_b * weight_a) / (weight_a + weight_b)
    if quantum is not None:
        sent = min(max(sent, -quantum), quantum)
    if gated is not None:
        total_a, total_b = agents[a, TOTAL] + level_b, agents[b, TOTAL] + level_a
        met_a, met_b = agents[a, MET] + one, agents[b, MET] + one
        agents[a, TOTAL], agents[b, TOTAL] = total_a, total_b
        agents[a, MET], agents[b, MET] = met_a, met_b
        crosses = (level_a * met_a > total_a) ^ (level_b * met_b > total_b)
        sent *= agents.dtype.type(crosses)
    a_sends = sent if sent > zero else zero
    b_sends = sent if sent < zero else zero
    agents[a, ENERGY] = energy_a - (a_sends + b_sends * kept)
    agents[b, ENERGY] = energy_b + (a_sends * kept + b_sends)


def typed_prefetch(_context: Any, agents: Any, agent: Any) -> Any:
    """Prefetch a row for writing, by LLVM's llvm.prefetch, which numba does not offer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = context.make_array(signature.args[0])(context, builder, arguments[0])
        number = builder.mul(arguments[1], ir.Constant(arguments[1].type, COLUMNS))
        byte = ir.IntType(8).as_pointer()
        address = builder.bitcast(builder.gep(rows.data, [number]), byte)
        flag = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        to_write, keep, data = (ir.Constant(flag, value) for value in (1, 3, 1))
        builder.call(function, [address, to_write, keep, data])
        return context.get_dummy_value()

    return types.void(agents, agent), generate


prefetch: Any = intrinsic(typed_prefetch)


@compiled
def run_drawn(
    agents: Any, drawn: Any, size: int, kept: Any, quantum: Any, gated: Any, weighted: Any
) -> None:
    """Let drawn[0] meet drawn[1], drawn[2] meet drawn[3], and so on: `size` meetings."""
    for k in range(2 * min(AHEAD, size)):
        prefetch(agents, np.uint64(drawn[k]))
    for k in range(size):
        if k + AHEAD < size:
            prefetch(agents, np.uint64(drawn[2 * (k + AHEAD)]))
            prefetch(agents, np.uint64(drawn[2 * (k + AHEAD) + 1]))
        a, b = np.uint64(drawn[2 * k]), np.uint64(drawn[2 * k + 1])
        meet(agents, a, b, kept, quantum, gated, weighted)


@compiled
def run_pairs(
    agents: Any,
    stream: Any,
    start: Any,
    count: Any,
    kept: Any,
    quantum: Any,
    gated: Any,
    weighted: Any,
) -> None:
    """Run meetings start..start+count-1 of `schedule.random_pairs`, in order."""
    n_a, n_b = np.uint64(len(agents)), np.uint64(len(agents) - 1)
    bits, drawn = np.empty(BLOCK, np.uint64), np.empty(2 * BLOCK, np.uint32)
    at = stream + np.uint64(start) * GOLDEN
    for low in range(0, count, BLOCK):
        size = min(BLOCK, count - low)
        for k in range(size):  # a loop of its own, so that both loops vectorise
            bits[k] = mix(at)
            at += GOLDEN
        for k in range(size):
            a = ((bits[k] >> S32) * n_a) >> S32
            b = ((bits[k] & LOW_32) * n_b) >> S32
            drawn[2 * k] = a
            drawn[2 * k + 1] = b + np.uint64(b >= a)
        run_drawn(agents, drawn, size, kept, quantum, gated, weighted)


@compiled
def permute(drawn: Any, size: int, mask: Any, shifts: Any, keys: Any) -> None:
    """Apply `schedule.permuted` to drawn[:size] (uint32) in place, step by step to vectorise."""
    for step in range(len(keys)):
        addend, factor, shift = (
            np.uint32(keys[step, 0]),
            np.uint32(keys[step, 1]),
            shifts[step % 2],
        )
        for k in range(size):
            x = np.uint32((drawn[k] + addend) * factor) & mask
            drawn[k] = x ^ (x >> shift)


@compiled
def walk(drawn: Any, size: int, n: Any, mask: Any, shifts: Any, keys: Any) -> None:
    """Permute values outside the crowd again until none is left (cycle walking)."""
    outside, where = np.empty(size, np.uint32), np.empty(size, np.uint32)
    count = 0
    for k in range(size):
        where[count] = k
        count += drawn[k] >= n
    while count:
        for j in range(count):
            outside[j] = drawn[where[j]]
        permute(outside, count, mask, shifts, keys)
        left = 0
        for j in range(count):
            drawn[where[j]] = outside[j]
            where[left] = where[j]
            left += outside[j] >= n
        count = left


@compiled
def run_part_of_matching(
    agents: Any,
    first: int,
    last: int,
    keys: Any,
    kept: Any,
    quantum: Any,
    gated: Any,
    weighted: Any,
) -> None:
    """Run pairs first..last-1 of the matching with these keys."""
    n = np.uint32(len(agents))
    bits = 1
    while (1 << bits) < len(agents):
        bits += 1
    mask = np.uint32((1 << bits) - 1)
    shifts = (np.uint32((bits + 1) // 2), np.uint32(max(1, (bits + 2) // 3)))
    drawn = np.empty(2 * BLOCK, np.uint32)
    for low in range(first, last, BLOCK):
        size = min(BLOCK, last - low)
        for k in range(2 * size):
            drawn[k] = 2 * low + k
        permute(drawn, 2 * size, mask, shifts, keys)
        walk(drawn, 2 * size, n, mask, shifts, keys)
        run_drawn(agents, drawn, size, kept, quantum, gated, weighted)


@compiled
def run_matchings(
    agents: Any, keys: Any, kept: Any, quantum: Any, gated: Any, weighted: Any
) -> None:
    """Run one whole round for each keys[r]."""
    for r in range(len(keys)):
        run_part_of_matching(agents, 0, len(agents) // 2, keys[r], kept, quantum, gated, weighted)
