# SPDX-License-Identifier: MIT
"""The page through which a board's chips see the plant: one small file for each board.

The hub writes it, the shims (shims/_chips.py) read it with one system call and without switching
processes. A round trip to the hub for each of the fifteen transfers of a sample would load the
hub in proportion to boards and speed, and stall a board whenever the machine is busy.

The layout is FORMAT below, little-endian. A page is complete if its first and last words agree.
"""

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path

# count, shunt_uV and bus_mV of tx and rx, the voltages of two ADC pins in 0.1 mV, inputs, then of
# each meter: flags, resets, glitches, glitch_uV; count
FORMAT = "<I4i2HI3Ii3IiI"
DEAD, STUCK, OVERFLOW = 1, 2, 4


@dataclass(slots=True)
class MeterTruth:
    """Faults of one meter; each increment of `resets` or `glitches` triggers one."""

    dead: bool = False
    stuck: bool = False
    overflow: bool = False
    resets: int = 0
    glitches: int = 0
    glitch_uV: int = 0

    def words(self) -> tuple[int, int, int, int]:
        flags = DEAD * self.dead | STUCK * self.stuck | OVERFLOW * self.overflow
        return flags, self.resets, self.glitches, self.glitch_uV


@dataclass(frozen=True, slots=True)
class Levels:
    """What the plant shows now; `inputs` are bits."""

    tx: tuple[int, int]  # shunt_uV, bus_mV
    rx: tuple[int, int]
    adc: tuple[int, int]  # 0.1 mV at the pins of coil and battery thermistor
    inputs: int


@dataclass(slots=True)
class TruthPage:
    path: Path
    meters: dict[str, MeterTruth] = field(
        default_factory=lambda: {"tx": MeterTruth(), "rx": MeterTruth()}
    )
    _count: int = 0
    _last: bytes = b""
    _file: int = -1

    def open(self) -> None:
        self._file = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        os.close(self._file)

    def write(self, levels: Levels) -> None:
        """Write the page if anything has changed."""
        words = (
            *levels.tx,
            *levels.rx,
            *levels.adc,
            levels.inputs,
            *self.meters["tx"].words(),
            *self.meters["rx"].words(),
        )
        body = struct.pack(FORMAT, 0, *words, 0)[4:-4]
        if body == self._last:
            return
        self._last = body
        self._count = self._count % 0xFFFFFFFF + 1
        count = struct.pack("<I", self._count)
        os.pwrite(self._file, count + body + count, 0)
