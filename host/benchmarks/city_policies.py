# SPDX-License-Identifier: MIT
"""What each policy costs in the city of city.py: processor time of a part of a day.

    python host/benchmarks/city_policies.py [--boards 10000] [--hours 2] [NAME ...]

The last column is arithmetic: this run and the one without exchange, which every study makes too,
times as many boards and hours as a day of 100,000 has more.
"""

import argparse
import time
from collections.abc import Mapping
from typing import Any

from city import city

from crowdcharge.policy import ObliviousShare, Policy, make
from crowdcharge.simulation.compiling import compiled_rule
from crowdcharge.simulation.no_exchange import NoExchange
from crowdcharge.simulation.run import run, summary
from crowdcharge.simulation.scenario import parse

DAY_h, CITY = 24, 100_000


class OwnShare(ObliviousShare):
    """Somebody's own policy: P_OS asked in Python."""

    name = "your own"


def options(n: int) -> Mapping[str, Mapping[str, Any]]:
    friends = [[k, (k + step) % n] for k in range(n) for step in (1, 7, 50)]
    return {
        "oblivious-share": {},
        "small-transfer": {"quantum_J": 50.0},
        "online-average": {},
        "ageing-aware-soc": {"horizon_s": 7 * 86_400.0},
        "ageing-aware-depth": {"horizon_s": 7 * 86_400.0},
        "ageing-aware-measured": {"horizon_s": 7 * 86_400.0},
        "expected-share": {"use_W": {k: 0.2 + 0.6 * (k % 9) / 9 for k in range(n)}},
        "loss-aware": {"beta": 0.4},
        "social-gate": {"friends": friends},
        "social-weight": {"friends": friends},
        "tree": {"beta": 0.4},
        "uav-hub": {"hub": 0, "stops": [[k, 100.0] for k in range(1, n)]},
        "star": {"beta": 0.4},
        "mobility-social": {"beta": 0.4},
    }


def measure(policy: Policy, n: int, end_s: float) -> tuple[float, int]:
    """Return the processor time of one run and its figures, and the transfers."""
    scenario = parse(city(n, end_s))
    cpu_s = time.process_time()
    made = run(scenario, 1, scenario.link, None, policy, compiled=True)
    summary(made, scenario)
    return time.process_time() - cpu_s, made.transfer_count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--boards", type=int, default=10_000)
    parser.add_argument("--hours", type=float, default=2.0)
    given = parser.parse_args()
    measure(make("online-average"), 100, 60.0)  # loads the compiled world
    more = CITY / given.boards * DAY_h / given.hours
    known = options(given.boards)
    names = given.names or [*known, OwnShare.name]
    print("                policy  how        CPU s  transfers  CPU s a day of 100,000")
    baseline = measure(NoExchange(), given.boards, given.hours * 3600)[0]
    print(f"{NoExchange.name:>22}  -        {baseline:>7.2f} {0:>10} {baseline * more:>10.0f}")
    for name in names:
        policy = make(name, **known[name]) if name in known else OwnShare()
        how = "compiled" if compiled_rule(policy) else "Python"
        cpu_s, transfers = measure(policy, given.boards, given.hours * 3600)
        whole_s = (cpu_s + baseline) * more
        print(f"{name:>22}  {how:<8} {cpu_s:>7.2f} {transfers:>10} {whole_s:>10.0f}", flush=True)


if __name__ == "__main__":
    main()
