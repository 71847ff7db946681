# SPDX-License-Identifier: MIT
"""What is the same for the whole life of a service, from the file of its run."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from crowdcharge.files import real_path
from crowdcharge.ledger.place import BooksUrl
from crowdcharge.orchestrator.config import RunConfig, ServeSection


@dataclass(frozen=True, slots=True)
class About:
    """`run`: what the page says of the run. `config`: the file as read. `out`: its folder."""

    run: dict[str, Any]
    config: dict[str, Any]
    out: Path
    serve: ServeSection
    policy_options: dict[str, Any] = field(default_factory=dict)

    @property
    def speed(self) -> float:
        """How fast the boards' clocks run."""
        speed: float = self.run["speed"]
        return speed


def about_run(config: RunConfig, version: str) -> About:
    run = {
        "name": config.run.site or real_path(config.run.out).name,
        "site": config.run.site or None,
        "mode": "run",
        "speed": config.radio.speed,
        "seed": config.run.seed,
        "lease_s": config.transfer.lease_ms / 1000,
        "version": version,
        "actions": True,
    }
    shown: dict[str, Any] = _plain(asdict(config))
    return About(run, shown, config.run.out, config.serve, config.run.policy_options)


def about_demo(run: dict[str, Any], out: Path, serve: ServeSection, version: str) -> About:
    """Take `run` in place of the file that a bench's run has not."""
    constant = {"site": None, "mode": "demo", "version": version, "actions": True}
    return About(run | constant, {"demo": run}, out, serve, run["policy_options"])


def _plain(value: Any) -> Any:
    """Return what JSON can hold: paths as texts, and URLs without passwords."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path | BooksUrl) else value
