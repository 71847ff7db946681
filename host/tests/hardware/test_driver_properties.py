# SPDX-License-Identifier: MIT
"""Whatever the chips, the bus and the caller do: not `on` means no field, and off always works."""

from hypothesis import given, settings
from hypothesis import strategies as st

from driver_bench import TxDesk

STEPS = st.lists(
    st.one_of(
        st.sampled_from(["enable", "disable", "lock", "unlock", "deaf", "lift", "lay", "dip"]),
        st.tuples(st.just("trip"), st.integers(0, 18)),
        st.tuples(st.just("follow"), st.booleans(), st.integers(1, 400)),
        st.tuples(st.just("wait"), st.integers(1, 3000)),
        st.tuples(st.just("abandon"), st.integers(1, 6)),
    ),
    max_size=12,
)


def dip(desk):
    """Let the supply fall for a moment and come back."""
    if desk.chip.powered:
        desk.chip.powered = False
        desk.chip.powered = True


def abandon(desk, steps):
    start = desk.driver.start()
    for _, wait_ms in zip(range(steps), start, strict=False):
        desk.clock.sleep_ms(wait_ms)
    start.close()


def trip(desk, reason):
    if desk.chip.powered:
        desk.chip.trip(reason)


def follow(desk, wanted, dt_ms):
    for _ in range(20):
        desk.clock.sleep_ms(dt_ms)
        desk.driver.follow(wanted, dt_ms)


ACTS = {
    "follow": follow,
    "enable": lambda desk: desk.driver.enable(),
    "disable": lambda desk: desk.driver.disable(),
    "lock": lambda desk: setattr(desk.chip, "locked", True),
    "unlock": lambda desk: setattr(desk.chip, "locked", False),
    "deaf": lambda desk: setattr(desk.chip, "deaf", True),
    "lift": lambda desk: setattr(desk.chip, "receiver", False),
    "lay": lambda desk: setattr(desk.chip, "receiver", True),
    "dip": dip,
    "trip": trip,
    "wait": TxDesk.run,
    "abandon": abandon,
}


def act(desk, step):
    name, *values = step if isinstance(step, tuple) else (step,)
    ACTS[name](desk, *values)


@given(STEPS)
@settings(derandomize=True, deadline=None, max_examples=80)
def test_a_transmitter_that_is_not_on_is_dark(steps):
    desk = TxDesk()
    for step in steps:
        act(desk, step)
        assert desk.driver.on or desk.is_dark() or desk.driver._starting is not None, step
    desk.driver.disable()
    assert desk.is_dark()


@given(STEPS)
@settings(derandomize=True, deadline=None, max_examples=80)
def test_the_threshold_in_a_running_chip_is_ours_after_every_look(steps):
    desk = TxDesk()
    for step in steps:
        act(desk, step)
        if desk.run(100) == 0 and desk.driver.on and not desk.chip.locked:
            assert desk.chip._byte(0x00E0) == 512 // 32
