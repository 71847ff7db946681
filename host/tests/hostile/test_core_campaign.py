# SPDX-License-Identifier: MIT
"""Random lives of a core: faults, commands, strangers, torn writes, reboots.

`pytest host/tests/hostile/test_core_campaign.py --seed N` starts at life N; a failure names its
own. The full size: `pytest -m long host/tests/hostile/test_core_campaign.py`.
"""

import pytest

from wptcore.running import Running

from .core_acts import live_once

LIVES = 250
STEPS = 60


def lives(first: int, count: int) -> None:
    granted = receipts = 0
    for life_seed in range(first, first + count):
        life = live_once(life_seed, STEPS)
        granted += len(life.granted)
        receipts += len(life.book._raw)
    assert granted > count  # lives in which nothing is granted would prove nothing
    assert receipts > granted / 2


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_life_breaks_what_must_hold(seed):
    lives(seed * 1_000_000, LIVES)


@pytest.mark.long
@pytest.mark.timeout(36_000)
@pytest.mark.parametrize("chunk", range(20))
def test_no_life_of_many_breaks_what_must_hold(seed, chunk):
    lives(seed * 1_000_000 + 100_000 + chunk * 5000, 5000)


def test_the_witness_sees_a_core_that_does_wrong(monkeypatch):
    """A lease that never ends is noticed, so the campaign can fail."""

    def forever(self, dt_ms):
        self.duration_ms += dt_ms

    monkeypatch.setattr(Running, "elapse", forever)
    with pytest.raises(AssertionError, match="beyond the lease"):
        lives(1, 200)
