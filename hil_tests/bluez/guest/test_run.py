# SPDX-License-Identifier: MIT
"""The tests of `host/tests/orchestrator/test_run_on_bench.py` under BlueZ, with other set-up.

The boards run in real time, not faster, and have a longer lease: the host is emulated.
"""

import pytest
from hil_tests.bluez.guest.bench import launch_plugged
from host.tests.orchestrator import test_run_on_bench as bodies
from host.tests.orchestrator.test_run_on_bench import (  # noqa: F401 - collected from here
    test_four_boards_balance,
)

pytestmark = pytest.mark.timeout(600)


test_a_killed_host = pytest.mark.long(
    bodies.test_a_killed_host_leaves_no_coil_on_and_settles_when_it_is_back
)


@pytest.fixture(autouse=True)
def under_bluez(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "launch", launch_plugged)
    monkeypatch.setattr(bodies, "SPEED", 1.0)
    monkeypatch.setattr(bodies, "LEASE_s", 4.0)
