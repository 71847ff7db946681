# SPDX-License-Identifier: MIT
"""The crowd of `city.py` in mesa: what steps of 5 s can see of contacts and transfers."""

import time
from math import hypot

import mesa

M2_A_BOARD, RANGE_m, STEP_s, POWER_W, EFFICIENCY = 250.0, 1.0, 5.0, 5.0, 0.6


class Walker(mesa.Agent):
    def __init__(self, model: "WalkingCrowd") -> None:
        super().__init__(model)
        draw = model.random
        self.x, self.y = draw.uniform(0, model.side_m), draw.uniform(0, model.side_m)
        self.capacity_J = draw.uniform(30e3, 60e3)
        self.energy_J, self.load_W = draw.uniform(0, self.capacity_J), draw.uniform(0.2, 0.8)
        self.total, self.met, self.rest_s, self.cord_W = self.energy_J, 1, 0.0, 0.0
        self.partners: set[Walker] = set()
        self.go()

    def go(self) -> None:
        draw, side_m = self.model.random, self.model.side_m
        self.to_x, self.to_y = draw.uniform(0, side_m), draw.uniform(0, side_m)
        self.speed = draw.uniform(0.5, 1.5)

    def walk(self) -> None:
        if self.rest_s > 0:
            self.rest_s -= STEP_s
            return
        dx, dy = self.to_x - self.x, self.to_y - self.y
        left_m, step_m = hypot(dx, dy), self.speed * STEP_s
        if left_m <= step_m:
            self.x, self.y, self.rest_s = self.to_x, self.to_y, 60.0
            self.go()
        else:
            self.x, self.y = self.x + dx * step_m / left_m, self.y + dy * step_m / left_m

    def live(self) -> None:
        self.energy_J += (self.cord_W - self.load_W) * STEP_s
        self.energy_J = min(max(self.energy_J, 0.0), self.capacity_J)
        if self.energy_J < 0.2 * self.capacity_J:
            self.cord_W = 5.0
        elif self.energy_J > 0.9 * self.capacity_J:
            self.cord_W = 0.0

    def above(self, level_J: float) -> bool:
        self.total += level_J
        self.met += 1
        return self.energy_J * self.met > self.total

    def meet(self, other: "Walker") -> None:
        mine_J, theirs_J = self.energy_J, other.energy_J
        if self.above(theirs_J) == other.above(mine_J):
            return
        rich, poor = (self, other) if mine_J > theirs_J else (other, self)
        if rich.energy_J > 0.2 * rich.capacity_J and not rich.cord_W:
            rich.energy_J -= POWER_W * STEP_s
            poor.energy_J += EFFICIENCY * POWER_W * STEP_s

    def cell(self) -> tuple[int, int]:
        return int(self.x / RANGE_m), int(self.y / RANGE_m)


class WalkingCrowd(mesa.Model):
    def __init__(self, n: int) -> None:
        super().__init__(seed=1)
        self.side_m = (n * M2_A_BOARD) ** 0.5
        self.walkers = [Walker(self) for _ in range(n)]

    def step(self) -> None:
        self.agents.do("walk")
        cells: dict[tuple[int, int], list[Walker]] = {}
        for each in self.walkers:
            cells.setdefault(each.cell(), []).append(each)
        for each in self.walkers:
            near = self.near(each, cells)
            for other in near - each.partners:
                if other.unique_id > each.unique_id:
                    each.meet(other)
            each.partners = near
        self.agents.do("live")

    @staticmethod
    def near(each: Walker, cells: dict[tuple[int, int], list[Walker]]) -> set[Walker]:
        column, row = each.cell()
        around = [(column + i, row + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        return {
            other
            for cell in around
            for other in cells.get(cell, ())
            if other is not each and hypot(other.x - each.x, other.y - each.y) <= RANGE_m
        }


def mesa_s(n: int, end_s: float) -> float:
    """Return the CPU seconds of mesa for n boards and this long."""
    crowd = WalkingCrowd(n)
    start = time.process_time()
    for _ in range(int(end_s / STEP_s)):
        crowd.step()
    return time.process_time() - start
