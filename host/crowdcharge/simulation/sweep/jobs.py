# SPDX-License-Identifier: MIT
"""The runs of a sweep: checked before the first begins, and done one at a time anywhere."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from crowdcharge.errors import InputError, WptError
from crowdcharge.escaping import plain
from crowdcharge.files import read_text, real_path
from crowdcharge.policy import source
from crowdcharge.simulation import study
from crowdcharge.simulation.scenario import Scenario, parse
from crowdcharge.simulation.scenario_contacts import TraceFile
from crowdcharge.simulation.sweep.grid import SEED_MAX, parse_sweep

SWEEP_MAX_bytes = 1_000_000
_TOLD_MAX = 300  # characters of the changes that a message repeats
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """One run, with all that a worker needs but the curve and trace files of the scenario.

    `key` tells it from every run that may come out otherwise: a digest of this package's `code`,
    the scenario's text and files, the policy's file, the changes and the seed.
    """

    text: str
    path: Path
    changes: Mapping[str, Any]
    seed: int
    key: str
    code: str

    def __str__(self) -> str:
        return told({**self.changes, "seed": self.seed})

    def figures(self) -> Figures:
        """Run it and return its figures as `simulate --json` has them. InputError, WptError."""
        if self.code != code_digest():
            raise WptError("a worker has another version of crowdcharge than this computer")
        once = {**self.changes, "seed": self.seed, "runs": 1}
        try:
            scenario = parse(self.text, str(self.path), once)
            document = study.run_study(scenario, self.path.parent, None, lambda _done: None)
        except WptError as error:
            kind = InputError if isinstance(error, InputError) else WptError
            raise kind(f"{self}: {error}") from None
        figures: Figures = document["runs"][0]
        return figures


@cache
def code_digest() -> str:
    """Return a digest of this package's own files."""
    digest = sha256()
    for path in sorted(Path(study.__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def jobs_of(scenario_path: Path, sweep_path: Path) -> list[Job]:
    """Return all runs in the order of the table; InputError if one of them could not begin."""
    text = read_text(scenario_path, study.SCENARIO_MAX_bytes)
    sweep = parse_sweep(read_text(sweep_path, SWEEP_MAX_bytes), str(sweep_path))
    path, root = real_path(scenario_path), sha256((code_digest() + text).encode())
    files: dict[str, list[str]] = {}
    jobs = []
    for changes in sweep.combinations():
        try:
            scenario = parse(text, str(scenario_path), {**changes, "runs": 1})
            read = _digests(scenario, scenario_path.parent, files)
            read = [*read, *_policy_digest(scenario.policy, files)]
        except InputError as error:
            raise InputError(f"{sweep_path}: with {told(changes)}: {error}") from None
        seeds = sweep.seeds_from(scenario.seed)
        if seeds[-1] > SEED_MAX:
            raise InputError(f"{sweep_path}: seeds: they end above {SEED_MAX}")
        for seed in seeds:
            digest = root.copy()
            digest.update(json.dumps([changes, seed, read]).encode())
            jobs.append(Job(text, path, changes, seed, digest.hexdigest(), code_digest()))
    return jobs


def told(changes: Mapping[str, Any]) -> str:
    """Return the changes as they would stand in a file, cut where they are long."""
    texts = (f"{key} = {json.dumps(value, default=str)}" for key, value in changes.items())
    text = plain(", ".join(texts))
    return text if len(text) <= _TOLD_MAX else text[:_TOLD_MAX] + "..."


def _digests(scenario: Scenario, folder: Path, known: dict[str, list[str]]) -> list[str]:
    """Read the files that a scenario names, as its run would, and return their digests."""
    spec = scenario.contacts
    names = [scenario.curve, spec.path if isinstance(spec, TraceFile) else ""]
    which = repr((names, spec)) if names[1] else names[0]
    study.link_of(scenario, folder)  # whether the curve has a value depends on the power too
    if which not in known:
        study.read_trace_of(scenario, folder)
        read = (folder / name for name in names if name)
        known[which] = [sha256(path.read_bytes()).hexdigest() for path in read]
    return known[which]


def _policy_digest(name: str, known: dict[str, list[str]]) -> list[str]:
    """Return the digest of the file that a policy comes from; what that imports is not read."""
    which = f"policy {name}"
    if which not in known:
        path = source(name)
        known[which] = [sha256(path.read_bytes()).hexdigest()] if path else []
    return known[which]
