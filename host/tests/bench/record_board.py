# SPDX-License-Identifier: MIT
"""Record a virtual board whose coil is heated and cools: `python record_board.py NEW_FILE`.

It wrote recordings/virtual-hot-coil.jsonl. A real board is recorded by other means, in the same
format (docs/howto/replay-a-board.md).
"""

import asyncio
import json
import sys
from pathlib import Path

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.radio import open_radio
from crowdcharge.radio.base import Advert
from crowdcharge.radio.replay_radio import dump

TEMPERATURES_C = [25, 35, 45, 55, 58, 64, 66, 58, 48, 38, 28]  # one after the other
EACH_s, LOOK_s = 1.5, 0.25
KEY = bytes(range(32))


async def record(path: Path) -> None:
    async with launch(BenchConfig((BoardConfig(1, 60.0, key=KEY.hex()),))) as bench:
        with path.open("x", encoding="utf-8") as file:
            start_s = (await bench.control.status())["time_s"]
            loop_s = asyncio.get_running_loop().time()

            def heard(advert: Advert) -> None:
                file.write(dump(asyncio.get_running_loop().time() - loop_s, advert) + "\n")

            radio = open_radio(bench.transport)
            await radio.start_scan(heard)
            for temperature_C in TEMPERATURES_C:
                await bench.control.fault("hot-coil", 1, temperature_C=temperature_C)
                for _ in range(round(EACH_s / LOOK_s)):
                    file.write(json.dumps(await reading(bench, start_s)) + "\n")
                    await asyncio.sleep(LOOK_s)
            await radio.close()
            said = bench.console_logs[1].read_text(encoding="utf-8")
            file.write(json.dumps({"t_s": 0.0, "console": said}) + "\n")


async def reading(bench: Bench, start_s: float) -> dict[str, float]:
    board = await bench.control.board(1)
    now_s = (await bench.control.status())["time_s"] - start_s
    return {
        "t_s": round(now_s, 3),
        "tx_V": round(board["cell_V"], 4),
        "tx_A": 0.0,
        "rx_V": 0.0,
        "rx_A": 0.0,
        "coil_C": round(board["coil_C"], 1),
        "battery_C": round(board["battery_C"], 1),
    }


if __name__ == "__main__":
    asyncio.run(record(Path(sys.argv[1])))
