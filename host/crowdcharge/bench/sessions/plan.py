# SPDX-License-Identifier: MIT
"""What a session is: boards, how they lie, a policy and perhaps a fault, drawn from a seed."""

from dataclasses import dataclass
from random import Random

from crowdcharge.bench.physics.plant import Placement
from crowdcharge.bench.runs.rounds import tournament

SLOT_s = 8.0
SLOTS = 3
LENGTH_s = SLOT_s * SLOTS
CAPACITY_J = 200.0
POLICIES = ("online-average", "oblivious-share")
# A fault by the bench's name, and the share of all sessions in which it happens to one board.
FAULTS = {
    "none": 0.55,
    "move": 0.07,  # the board is taken away
    "foreign-object": 0.07,  # a coin on its transmitter coil takes 1 W
    "hot-coil": 0.06,  # its coil is held at 80 degC
    "cable": 0.06,  # its USB cable is plugged in
    "meter-dead": 0.05,  # its transmitter's INA219 does not answer
    "meter-overflow": 0.05,
    "meter-stuck": 0.05,
    "link-drop": 0.04,  # host and board do not hear each other any more
}


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """`socs_pct[i]` is of board i + 1. Each slot of `SLOT_s` holds the pairs of one round."""

    session: int
    seed: int
    policy: str
    socs_pct: tuple[float, ...]
    gap_mm: float
    offset_mm: float
    fault: str
    fault_board: int
    fault_s: float

    @property
    def cycle(self) -> tuple[tuple[Placement, ...], ...]:
        """Return who lies on whom, slot by slot."""
        rounds = tournament(list(range(1, len(self.socs_pct) + 1)))
        return tuple(
            tuple(Placement(pair, self.gap_mm, self.offset_mm) for pair in pairs)
            for pairs in rounds
        )


def draw(seed: int, session: int) -> SessionPlan:
    """Draw session number `session` (0, 1, ...) of the data set of `seed`; same in, same out."""
    rng = Random(f"crowdcharge sessions {seed}/{session}")
    boards = rng.choice((2, 2, 3, 4))
    (fault,) = rng.choices(list(FAULTS), list(FAULTS.values()))
    return SessionPlan(
        session=session,
        seed=rng.getrandbits(31),
        policy=rng.choice(POLICIES),
        socs_pct=tuple(round(rng.uniform(10.0, 95.0), 1) for _ in range(boards)),
        gap_mm=round(rng.uniform(3.0, 8.0), 1),
        offset_mm=round(rng.uniform(0.0, 8.0), 1),
        fault=fault,
        fault_board=rng.randint(1, boards),
        fault_s=round(rng.uniform(1.0, LENGTH_s - 2.0), 1),
    )
