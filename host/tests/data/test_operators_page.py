# SPDX-License-Identifier: MIT
"""What the operators' page tells to type is what the product takes."""

import re
from pathlib import Path

from crowdcharge import policy as policies
from crowdcharge.orchestrator.config import parse

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/howto/raspberry-pi.md").read_text(encoding="utf-8")
UNIT = (ROOT / "host/crowdcharge/data/crowdcharge.service").read_text(encoding="utf-8")


def block_with(text: str) -> str:
    (found,) = [block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.S) if text in block]
    return found


def test_run_toml_is_a_configuration_for_the_unit() -> None:
    config = parse(block_with("[run]"), Path("/etc/crowdcharge/run.toml"))
    assert policies.make(config.run.policy)
    assert config.run.out == Path("/var/lib/crowdcharge")
    assert config.run.keys.name in UNIT
    assert config.run.keys.parent == Path("/run/credentials/crowdcharge.service")


def test_the_adapter_example_fits_into_it() -> None:
    adapter = block_with("adapter =")
    whole = block_with("[run]").replace("[radio]\nslots = 7\n", adapter)
    config = parse(whole, Path("run.toml"))
    assert (config.radio.adapter, config.radio.slots) == ("hci1", 5)
