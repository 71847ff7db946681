# SPDX-License-Identifier: MIT
"""The compiled engine, the policy object and plain Python give the same crowd; laws hold."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare, ks_2samp

from crowdcharge.errors import InputError
from crowdcharge.metrics import imbalance
from crowdcharge.policy import ObliviousShare, OnlineAverage, SmallTransfer
from crowdcharge.simulation import schedule, simulate
from crowdcharge.simulation.engine import SINGLE_FROM_n

WEIGHTS = {agent: 1 + agent % 3 for agent in range(1000)}
POLICIES = {
    "P_OS": ObliviousShare,
    "P_ST": lambda: SmallTransfer(0.3),
    "P_OA": OnlineAverage,
    "P_OWS": lambda: ObliviousShare(WEIGHTS),
    "P_OAW": lambda: OnlineAverage(WEIGHTS),
}


@pytest.mark.parametrize(
    ("name", "scheduler"),
    # Each case compiles for seconds; weighted matchings are covered by P_OAW.
    [(name, "pairs") for name in POLICIES] + [(n, "matching") for n in ("P_OS", "P_ST", "P_OAW")],
)
def test_engines_agree_bit_for_bit(name, scheduler):
    def run(engine, n, interactions):
        return simulate(POLICIES[name](), n, interactions, 0.2, scheduler, 7, engine)

    for n, interactions in ((2, 5), (7, 100), (101, 3000)):
        compiled, decided = (run(engine, n, interactions) for engine in ("numba", "object"))
        assert decided.engine == "object"
        assert np.array_equal(compiled.final_J, decided.final_J)
        assert np.array_equal(compiled.imbalance, decided.imbalance)


def test_threads_change_nothing_in_single_precision():
    one, two = (
        simulate("online-average", 5001, 40_000, 0.2, "matching", 3, dtype=np.float32, threads=k)
        for k in (1, 2)
    )
    assert np.array_equal(one.final_J, two.final_J)


def test_a_large_crowd_uses_all_cores_and_gives_the_same():
    of_threads = [
        simulate("online-average", SINGLE_FROM_n, 200_000, scheduler="matching", threads=t)
        for t in (None, 1, 3)
    ]
    assert np.array_equal(of_threads[0].final_J, of_threads[1].final_J)
    assert np.array_equal(of_threads[0].final_J, of_threads[2].final_J)


@pytest.mark.parametrize("n", [4, 5, 8])
def test_random_matchings_are_uniform(n):
    count = Counter()
    for index in range(3000):
        matching = schedule.random_matching(n, 11, index).tolist()
        count[frozenset(frozenset(pair) for pair in matching)] += 1
    expected = {4: 3, 5: 15, 8: 105}[n]
    assert len(count) == expected
    assert chisquare(list(count.values())).pvalue > 1e-3


def test_random_pairs_are_uniform():
    pairs = np.sort(schedule.random_pairs(9, 2, 0, 60_000).astype(int), axis=1)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    _, counts = np.unique(pairs @ [9, 1], return_counts=True)
    assert len(counts) == 36
    assert chisquare(counts).pvalue > 1e-3


def test_potential_of_lossless_oblivious_share_decays_as_derived():
    """E[Phi_t] = (1 - 1/(n-1))**t Phi_0 (derived; exact for uniform pairs)."""
    n, t, initial = 100, 300, np.random.default_rng(1).uniform(0, 100, 100)
    phi = lambda e: float(((e - e.mean()) ** 2).sum())  # noqa: E731
    ratios = [
        phi(simulate("oblivious-share", n, t, 0.0, seed=s, initial_J=initial, samples=1).final_J)
        / phi(initial)
        for s in range(400)
    ]
    theory = (1 - 1 / (n - 1)) ** t
    assert np.mean(ratios) == pytest.approx(theory, abs=4 * np.std(ratios) / np.sqrt(len(ratios)))
    assert np.std(ratios) < theory  # the tolerance above is a real one


@pytest.mark.parametrize("policy", ["oblivious-share", "small-transfer", "online-average"])
def test_energy_is_conserved_and_bounded(policy):
    lossless = simulate(policy, 50, 2000, 0.0)
    assert lossless.final_J.sum() == pytest.approx(lossless.initial_J.sum(), rel=1e-12)
    assert lossless.final_J.min() >= lossless.initial_J.min()
    assert lossless.final_J.max() <= lossless.initial_J.max()
    lossy = simulate(policy, 50, 2000, 0.2)
    assert (np.diff(lossy.total_J) <= 0).all()
    assert lossy.loss_J > 0
    assert lossy.loss_J == pytest.approx(lossy.initial_J.sum() - lossy.final_J.sum())


def test_reference_runs_of_a_hundred_agents():
    """Levels measured for n = 100 when the protocols were read; mean of 8 seeds, beta 0.2."""

    def mean(policy, interactions):
        runs = [simulate(policy, 100, interactions, 0.2, seed=s) for s in range(8)]
        lost = np.mean([r.loss_J / r.total_J[0] for r in runs])
        return np.mean([r.imbalance[-1] for r in runs]), lost

    assert mean("oblivious-share", 500) == pytest.approx((0.0174, 0.114), rel=0.15)
    assert mean("online-average", 500) == pytest.approx((0.0349, 0.099), rel=0.15)
    assert mean("small-transfer", 2000) == pytest.approx((0.075, 0.075), rel=0.15)


def test_precisions_agree_in_distribution():
    def sample(dtype, seeds):
        runs = [simulate("online-average", 400, 4000, seed=s, dtype=dtype) for s in seeds]
        return [r.loss_J / r.total_J[0] for r in runs], [r.imbalance[-1] for r in runs]

    single, double = sample(np.float32, range(80)), sample(np.float64, range(80, 160))
    assert ks_2samp(single[0], double[0]).pvalue > 1e-3
    assert ks_2samp(single[1], double[1]).pvalue > 1e-3


def meet_one_by_one(initial, pairs, beta, kind=float):
    """P_OA in plain Python; `kind` is the type of all numbers."""
    energy, total = [kind(x) for x in initial], [kind(x) for x in initial]
    met, kept = [kind(1)] * len(initial), kind(1 - beta)
    for a, b in pairs:
        for one, other in ((a, b), (b, a)):
            total[one] += energy[other]
            met[one] += kind(1)
        if (energy[a] * met[a] > total[a]) != (energy[b] * met[b] > total[b]):
            rich, poor = (a, b) if energy[a] > energy[b] else (b, a)
            sent = (energy[rich] - energy[poor]) * kind(0.5)
            energy[rich] -= sent
            energy[poor] += kept * sent
    return np.array(energy)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("scheduler", ["pairs", "matching"])
def test_the_compiled_engine_rounds_as_plain_python_does(scheduler, kind):
    """Bit for bit, over the meetings of the same schedule in the same order."""
    n, interactions, seed = 61, 3000, 5
    if scheduler == "pairs":
        pairs = schedule.random_pairs(n, seed, 0, interactions)
    else:
        rounds = interactions // (n // 2)
        pairs = np.concatenate([schedule.random_matching(n, seed, k) for k in range(rounds)])
    initial = np.random.default_rng(5).uniform(0, 100, n)
    made = simulate(
        "online-average", n, interactions, 0.2, scheduler, seed, initial_J=initial, dtype=kind
    )
    expected = meet_one_by_one(initial, pairs.tolist(), 0.2, kind)
    assert np.array_equal(made.final_J, expected.astype(np.float64))


def drawn_pairs(scheduler, n, interactions, seed):
    """Meetings from numpy's own generator."""
    rng = np.random.default_rng(seed)
    if scheduler == "pairs":
        return [tuple(rng.choice(n, 2, replace=False).tolist()) for _ in range(interactions)]
    rounds = [rng.permutation(n).reshape(-1, 2) for _ in range(interactions // (n // 2))]
    return np.concatenate(rounds).tolist()


@pytest.mark.parametrize("scheduler", ["pairs", "matching"])
def test_crowds_are_those_of_plain_python(scheduler):
    """Same distribution of loss and imbalance over 60 crowds each, from unrelated generators."""
    n, interactions = 60, 600
    ours, theirs = ([], []), ([], [])
    for seed in range(60):
        initial = np.random.default_rng([seed, 1]).uniform(0, 100, n)
        other = np.random.default_rng([seed, 2]).uniform(0, 100, n)
        pairs = drawn_pairs(scheduler, n, interactions, seed)
        made = simulate("online-average", n, interactions, 0.2, scheduler, seed, initial_J=initial)
        for sample, before, after in (
            (ours, initial, made.final_J),
            (theirs, other, meet_one_by_one(other, pairs, 0.2)),
        ):
            sample[0].append(1 - after.sum() / before.sum())
            sample[1].append(imbalance(after))
    assert ks_2samp(ours[0], theirs[0]).pvalue > 1e-3
    assert ks_2samp(ours[1], theirs[1]).pvalue > 1e-3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"policy": "x"}, "known: .*oblivious-share"),
        ({"n": 1}, "n must be"),
        ({"beta": 1.0}, "beta must be"),
        ({"engine": "gpu"}, "known: numba, object"),
        ({"scheduler": "x"}, "known: pairs, matching"),
        ({"initial_J": [1, 2]}, "10 finite energies"),
        ({"policy": OnlineAverage({0: 1.0})}, "agent 1 has no weight"),
        ({"policy": OnlineAverage("capacity")}, "needs capacities"),
    ],
)
def test_wrong_input_is_named(wrong, said):
    with pytest.raises(InputError, match=said):
        simulate(**{"policy": "oblivious-share", "n": 10, "interactions": 5, **wrong})
