# SPDX-License-Identifier: MIT
"""Fuzzes a decoder: `python host/fuzz/run.py TARGET [--runs 1000000] [--seed 1] [--coverage]`.

TARGET `all` takes one after the other. An input that makes its target raise something that is not
declared is written to host/fuzz/findings/TARGET-HASH, which the tests replay for ever, and ends
the run with exit code 1. `--coverage`: guided by atheris (pip install atheris), else seeded
mutations. An input may take HANG_s of processor time, no more.
"""

import argparse
import hashlib
import signal
import sys
import time
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).parent))

from mutate import inputs
from targets import TARGETS, Target

FINDINGS = Path(__file__).parent / "findings"
HANG_s = 20


class FindingError(Exception):
    """What a target must not do, and the file that makes it do so."""


def try_one(name: str, target: Target, data: bytes) -> None:
    """`FindingError` names the file in which the input was kept."""
    try:
        target.decode(data)
    except target.allowed:
        return
    except Exception as error:
        raise FindingError(f"{name}: {error!r}; kept as {keep(name, data)}") from error


def keep(name: str, data: bytes) -> Path:
    path = FINDINGS / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    return path


def by_mutation(name: str, runs: int, seed: int) -> float:
    """Seconds that it took."""
    target = TARGETS[name]

    def hangs(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"an input takes longer than {HANG_s} s")

    signal.signal(signal.SIGVTALRM, hangs)
    started_s = time.monotonic()
    source = inputs(target.seeds(), seed)
    try:
        for number in range(runs):
            if number % 1000 == 0:
                signal.setitimer(signal.ITIMER_VIRTUAL, HANG_s + 60)  # for a thousand
            try_one(name, target, next(source))
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.monotonic() - started_s


def by_coverage(name: str, runs: int, seed: int) -> None:
    import atheris  # noqa: PLC0415 - optional

    target = TARGETS[name]
    corpus = FINDINGS.parent / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(data)
    atheris.instrument_all()
    atheris.Setup(
        [sys.argv[0], f"-runs={runs}", f"-seed={seed}", "-max_len=8192", str(corpus)],
        lambda data: try_one(name, target, data),
    )
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--coverage", action="store_true")
    asked = parser.parse_args()
    for name in TARGETS if asked.target == "all" else [asked.target]:
        if asked.coverage:
            by_coverage(name, asked.runs, asked.seed)
            continue
        try:
            took_s = by_mutation(name, asked.runs, asked.seed)
        except FindingError as found:
            sys.stdout.write(f"{found}\n")
            return 1
        sys.stdout.write(f"{name}: {asked.runs} inputs, no finding, {took_s:.0f} s\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
