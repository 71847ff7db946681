# SPDX-License-Identifier: MIT
"""Two boards in the same transfer, one of them bothered: both coils do the same in every pass.

What bothers it: lines and bytes on its port, in any rhythm, read or not, and strangers on its
radio who come, go, read, write junk and flood. CI plays ten transfers, `long` five hundred.
"""

import itertools
from random import Random

import pytest
from rig import Board

from wptcore import wire

PASSES = 250
STRANGERS = (6, 7, 8)
COMMANDS = (
    "help", "version", "identity", "status", "limits", "selftest", "clear FOREIGN_OBJECT",
    "clear LEASE_LOST", "attend", "mandate 00", "meter tx 50", "meter rx 1000", "meter",
    "calibrate tx 1 2 3", "calibrate curve 1 2 3 4 0", "calibrate pair 9 1 2 3 4 5",
    "provision 1", "configure floor 10", "market x", "trust y", "consent host", "crowd list",
    "peer 1", "airfuel on", "alias off",
)  # fmt: skip
CTRL_C = b"\3"  # the one byte that may end a transfer: test_program_end


def typed(rng: Random) -> bytes:
    """Return a command, a damaged one, noise, a line without end, or ends without a line."""
    line = bytearray((rng.choice(COMMANDS) + rng.choice(("\n", "\r\n", "\r", ""))).encode())
    damaged = bytearray(line)
    damaged[rng.randrange(len(line))] ^= 1 << rng.randrange(8)
    noise = rng.randbytes(rng.randrange(1, 400))
    long = b"x" * rng.choice((1, 255, 256, 257, 3000))
    made = rng.choice((line, line, line, damaged, noise, long, b"\n" * rng.randrange(1, 60)))
    return bytes(made).replace(CTRL_C, b"x")


def frame(rng: Random) -> bytes:
    junk = bytes((wire.VERSION, rng.randrange(256))) + rng.randbytes(rng.randrange(126))
    stop = wire.pack_frame(wire.STOP, 99, 4000, Board.GRANT[1]) + bytes(8)
    return rng.choice((junk, b"", bytes(128), stop))


def bother_radio(board: Board, rng: Random) -> None:
    link, radio = rng.choice(STRANGERS), board.loop.radio
    what = rng.choice(("come", "go", "read", "write", "flood", "encrypt"))
    if what == "come":
        board.irq(1, link, 0, bytes(6))
    elif what == "go":
        board.irq(2, link, 0, bytes(6))
    elif what == "read":
        board.irq(4, link, rng.choice((radio._command, radio._challenge, 0, 9999)))
    elif what == "encrypt":
        board.irq(28, link, 0, 0, 0, 0)
    else:
        for _ in range(40 if what == "flood" else 1):
            board.world.values[radio._command] = frame(rng)
            board.irq(3, link, radio._command)


def bother(board: Board, rng: Random, often: float) -> None:
    if rng.random() < often:
        board.world.received += typed(rng)
    if rng.random() < 0.1:
        board.world.room = rng.choice((0, 1, 5, 64, 10**9))
    if rng.random() < 0.3:
        bother_radio(board, rng)


def play(folder, seed: int) -> None:
    """Play a transfer whose host renews at random, and may stop it."""
    rng = Random(seed)
    boards = []
    for name in ("bothered", "alone"):
        (folder / name).mkdir()
        boards.append(Board(folder / name))
        boards[-1].transfer()
    stopped_at = rng.randrange(40, 2 * PASSES)
    often = rng.choice((0.05, 0.5))
    for number in range(PASSES):
        bother(boards[0], rng, often)
        renewed, dt_ms = rng.random() < 0.1, rng.choice((15, 20))
        for board in boards:
            if renewed:
                board.renew()
            if number == stopped_at:
                board.send(wire.STOP, Board.GRANT[1])
            board.run_pass(dt_ms)
        assert boards[0].coil == boards[1].coil, (seed, number)


@pytest.mark.parametrize(
    "plays", [10, pytest.param(500, marks=[pytest.mark.long, pytest.mark.timeout(3600)])]
)
def test_a_board_that_is_bothered_does_as_its_twin(tmp_path, plays):
    for seed in itertools.islice(itertools.count(plays), plays):
        (tmp_path / str(seed)).mkdir()
        play(tmp_path / str(seed), seed)
