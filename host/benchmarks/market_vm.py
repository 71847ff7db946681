# SPDX-License-Identifier: MIT
"""What a market costs a board, on the MicroPython VM of this machine and on CPython.

    python host/benchmarks/market_vm.py

The VM here runs on a PC: a microcontroller is slower by a factor that only a board can tell.
"""

import subprocess
import sys
from pathlib import Path

from crowdcharge.bench.board.micropython import binary

FIRMWARE = Path(__file__).parents[2] / "firmware"

SCRIPT = """
import gc, os, sys, time
sys.path.insert(0, {firmware!r})
from hashlib import sha256
from wptcore import x25519
from wptcore.market import Peer, Terms
now_us = getattr(time, "ticks_us", None) or (lambda: time.perf_counter_ns() // 1000)

def timed(name, function, repeats):
    start = now_us()
    for _ in range(repeats):
        function()
    print("%-28s %9.3f ms" % (name, (now_us() - start) / repeats / 1000))

secret = bytes(range(32))
timed("X25519, one multiplication", lambda: x25519.public_key(secret), 20)

def slices():
    # Of 16 steps, as a board's loop does them; the median, because others share the machine.
    ladder = x25519.Ladder(secret, x25519.public_key(bytes(range(1, 33))))
    taken = []
    while not ladder.result:
        start = now_us()
        for _ in range(16):
            if ladder.step():
                break
        taken.append(now_us() - start)
    taken.sort()
    print("%-28s %9.3f ms, %d slices" % ("slice", taken[len(taken) // 2] / 1000, len(taken)))

slices()
peers = [Peer(sha256, os.urandom, Terms(1 << 46, 28 << 48, 0, 15 << 48), b"s") for _ in range(9)]
roster = [peer.public_key for peer in peers]
timed("join, 9 peers, new keys", lambda: peers[0].join(roster), 1)
peers[1].join(roster)
state = [-1]

def answer():
    state[0] += 1
    peers[1].answer(state[0], None)

timed("answer, 9 peers", answer, 16)
gc.collect()
if hasattr(gc, "mem_alloc"):
    before = gc.mem_alloc()
    peers[2].join(roster)
    gc.collect()
    print("%-28s %9d bytes" % ("kept by join, 9 peers", gc.mem_alloc() - before))
"""


def main():
    script = SCRIPT.format(firmware=str(FIRMWARE))
    for name, command in (("MicroPython", [str(binary())]), ("CPython", [sys.executable])):
        print(name, flush=True)
        subprocess.run([*command, "-c", script], check=True)


if __name__ == "__main__":
    main()
