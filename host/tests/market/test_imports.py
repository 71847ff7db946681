# SPDX-License-Identifier: MIT
"""What the package shows, and what it costs to load."""

import subprocess
import sys

import pytest

from crowdcharge import market

HEAVY = ("cryptography", "scipy", "numba", "networkx", "highspy")


@pytest.mark.parametrize("name", market.__all__)
def test_every_name_of_the_package_is_found(name):
    found = getattr(market, name)
    assert getattr(found, "__name__", name) == name


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="has no attribute 'bazaar'"):
        _ = market.bazaar


@pytest.mark.parametrize(
    "module",
    [
        "crowdcharge.market.relay",
        "crowdcharge.market.pricing",
        "crowdcharge.orchestrator.negotiator",
        "crowdcharge.policy",
        "crowdcharge.simulation",
        "crowdcharge.reproduce",
    ],
)
def test_modules_that_every_command_loads_are_light(module):
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & set(HEAVY)
