# SPDX-License-Identifier: MIT
"""A real core, around it a cell of constant voltage and a coil of constant current.

Not modelled: port files, and coil physics beyond "what is sent arrives with a loss".
"""

from crowdcharge.bench.sessions.core_board import CoreBoard
from wptcore import wire
from wptcore.fod import LossCurve
from wptcore.limits import Limits

CELL_mV = 4000
SENT_mA, RECEIVED_mA = 600, 400  # at 4 V: 2.4 W and 1.6 W
CURVE = LossCurve(250, 1350, 50, 400)


class SteadyBoard(CoreBoard):
    """It lies on its `peers`."""

    def __init__(self, board_id: int, soc_pct: float, capacity_J: float) -> None:
        self.capacity_mJ = int(capacity_J * 1000)
        self.energy_mJ = soc_pct / 100 * self.capacity_mJ
        self.peers: list[SteadyBoard] = []
        self.object_mA = 0  # what lies under it takes this while there is a field
        self.is_dead = False
        self.soc_known = True
        self.coil_history: list[tuple[float, bool]] = []
        self._noise_mA = 0
        limits = Limits(3000, 5500, 3000, 12000, 600, -100, 450, self.capacity_mJ)
        super().__init__(board_id, limits, CURVE)

    def boot(self) -> None:
        super().boot()
        self.core.on_soc(self.soc_permille)
        for _ in range(12):  # the self-test after boot
            self.core.on_sample(CELL_mV, 0, 250, 250, 20)
        self.save()
        self.refresh()

    def die(self) -> None:
        """Lose power for good: it draws nothing and answers nobody."""
        self.is_dead = True
        for link in list(self.links.values()):
            link.drop()

    @property
    def soc_permille(self) -> int:
        if not self.soc_known:
            return wire.SOC_UNKNOWN_permille
        return min(max(round(1000 * self.energy_mJ / self.capacity_mJ), 0), 1000)

    def step(self, now_s: float, dt_ms: int) -> None:
        core = self.core
        has_field = any(peer.core.pulses_on for peer in self.peers)
        current_mA = 0
        if core.pulses_on:
            drawn = sum(peer.core.receiver_on and not peer.is_dead for peer in self.peers)
            current_mA = SENT_mA * drawn + self.object_mA if drawn else 20
        elif core.receiver_on and has_field:
            current_mA = -RECEIVED_mA
        self.energy_mJ -= CELL_mV * current_mA / 1e6 * dt_ms
        core.on_field(has_field)
        self._noise_mA = 1 - self._noise_mA  # a real meter is never still
        coil_dC = 300 if -100 < current_mA < 100 else 320  # it feels the power
        core.on_sample(CELL_mV, current_mA + self._noise_mA, coil_dC, 250, dt_ms)
        core.on_soc(self.soc_permille)
        core.on_elapsed(dt_ms)
        if not self.coil_history or self.coil_history[-1][1] != core.coil_on:
            self.coil_history.append((now_s, core.coil_on))
        self.publish(dt_ms)
