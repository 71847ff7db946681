# SPDX-License-Identifier: MIT
"""What may happen in a random life of a board core, and how often."""

from collections.abc import Callable

from wptcore import ept, wire

from .core_world import Life


def _set(**values: object) -> Callable[[Life], None]:
    def act(life: Life) -> None:
        for name, value in values.items():
            setattr(life.plant, name, value)
        life.board.on_cable(life.plant.cable)

    return act


def _gauge(life: Life) -> None:
    life.plant.gauge = life.rng.random() < 0.7
    life.plant.soc_permille = life.rng.choice((190, 200, 201, 240, 600, 1000))
    told = life.plant.soc_permille if life.plant.gauge else wire.SOC_UNKNOWN_permille
    life.board.on_soc(told)


_ALL_WELL = _set(
    coil_dC=300,
    battery_dC=250,
    current_mA=800,
    bus_mV=4000,
    cable=False,
    stuck=False,
    meter="good",
)


def _heal(life: Life) -> None:
    """Everything is well again, and every latch is cleared."""
    _ALL_WELL(life)
    life.plant.gauge, life.plant.soc_permille = True, life.rng.choice((260, 600, 900))
    life.board.on_soc(life.plant.soc_permille)
    life.board.on_maintenance(False)
    life.run_for(2500)
    if life.board.is_off:
        life.owner_off()
    life.press()
    for code in life.board.faults:
        life.send(wire.CLEAR, code)


_TABLE: list[tuple[int, str, Callable[[Life], None]]] = [
    (20, "run 100 ms", lambda life: life.run_for(100)),
    (12, "run 1 s", lambda life: life.run_for(1000)),
    (12, "grant", Life.grant),
    (12, "renew", Life.renew),
    (3, "stop", Life.stop),
    (4, "clear", Life.clear),
    (1, "configure", Life.configure),
    (2, "press", Life.press),
    (1, "owner off", Life.owner_off),
    (2, "ping", Life.ping),
    (8, "hostile", Life.hostile),
    (10, "heal", _heal),
    (2, "power cut", Life.power_cut),
    (1, "maintenance", Life.maintenance),
    (1, "qi end", Life.qi_end),
    (2, "link", Life._connect),
    (4, "gauge", _gauge),
    (2, "hot coil", _set(coil_dC=650)),
    (2, "cold battery", _set(battery_dC=-50)),
    (1, "over-current", _set(current_mA=3100, bus_mV=3600)),
    (1, "cable", _set(cable=True)),
    (1, "stuck switch", _set(stuck=True)),
    (2, "silent meter", _set(meter="silent")),
    (1, "overflow", _set(meter=str(ept.METER_OVERFLOW))),
]
_ACTS = ([(name, act) for _, name, act in _TABLE], [weight for weight, _, _ in _TABLE])


def live_once(seed: int, steps: int) -> Life:
    """Live one random life; AssertionError tells the seed and what led to the broken invariant."""
    life = Life(seed)
    try:
        life.run_for(400)
        for _ in range(steps):
            name, act = life.rng.choices(*_ACTS)[0]
            life.story.append(name)
            act(life)
            life.check()
        life.check_end()
    except Exception as error:
        tail = " | ".join(life.story[-20:])
        raise AssertionError(f"--seed {seed}: {error!r} after: {tail}") from error
    return life
