# SPDX-License-Identifier: MIT
"""The serial port, with the unmodified mpremote and pyserial."""

import asyncio
import os
import subprocess
import sys

import pytest
import serial

pytestmark = [pytest.mark.vm, pytest.mark.asyncio(loop_scope="module")]


async def mpremote(port: str, *arguments: str) -> str:
    """Run the tool; return its output, with a failure that shows it."""
    command = [sys.executable, "-m", "mpremote", "connect", port, *arguments]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout.replace("\r\n", "\n")


async def test_mpremote_works_as_on_a_board(tiny_bench, tmp_path):
    port = tiny_bench.ports[1]
    blob = tmp_path / "blob"
    blob.write_bytes(os.urandom(3000))
    assert await mpremote(port, "exec", "print(6 * 7)") == "42\n"
    await mpremote(port, "resume", "fs", "cp", str(blob), ":blob")
    await mpremote(port, "resume", "fs", "cp", ":blob", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == blob.read_bytes()
    listing = await mpremote(port, "resume", "fs", "ls")
    assert {"main.py", "blob", "wptcore/", "lib/"} <= set(listing.split())
    assert "shim" not in listing


async def test_soft_reset_keeps_the_port_and_the_other_board(tiny_bench):
    """mpremote's soft reset leaves the board in the raw REPL, without main.py, as on a board."""
    port = tiny_bench.ports[1]
    await mpremote(port, "exec", "kept = 1")
    await mpremote(port, "soft-reset")
    cause = "import machine; print(machine.reset_cause(), 'kept' in globals())"
    assert (await mpremote(port, "resume", "exec", cause)) == "5 False\n"
    assert tiny_bench.log(1).count(b"started") == 1
    assert await tiny_bench.boots(2) == 0


async def test_ctrl_c_interrupts_main_and_pyserial_reads_it(tiny_bench):
    with serial.Serial(tiny_bench.ports[1], timeout=10) as port:
        port.write(b"\x03")
        seen = await asyncio.to_thread(port.read_until, b">>> ")
        assert b"KeyboardInterrupt" in seen
        assert seen.count(b"\n") == seen.count(b"\r\n")
        port.write(b"print(1 + 1)\r")
        assert b"2\r\n" in await asyncio.to_thread(port.read_until, b">>> ")


async def test_ctrl_c_finds_the_vm_asleep_however_busy_it_is(tiny_bench, hands):
    """In malloc or littlefs the signal left a lock taken or the files wrong."""
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec(
            "import time\n"
            "def catch(times):\n"
            "    while times:\n"
            "        try:\n"
            "            print('waits', times)\n"
            "            while True:\n"
            "                kept = [bytes(size) for size in range(300)]\n"
            "                time.sleep_ms(1)\n"
            "        except KeyboardInterrupt:\n"
            "            times -= 1\n"
        )
    with serial.Serial(tiny_bench.ports[1], timeout=10) as port:
        port.write(b"catch(100); print('alive', 6 * 7)\x04")
        for times in range(100, 0, -1):
            line = b"waits %d\r\n" % times
            assert (await asyncio.to_thread(port.read_until, line)).endswith(line)
            port.write(b"\x03")
        assert b"alive 42" in await asyncio.to_thread(port.read_until, b"\x04>")


async def test_ctrl_c_ends_a_loop_that_never_sleeps(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]):
        pass
    with serial.Serial(tiny_bench.ports[1], timeout=10) as port:
        port.write(b"print('starts')\nwhile True: pass\x04")
        await asyncio.to_thread(port.read_until, b"starts\r\n")
        port.write(b"\x03\x03")
        assert b"KeyboardInterrupt" in await asyncio.to_thread(port.read_until, b"\x04>")
        port.write(b"print(6 * 7)\x04")
        assert b"42" in await asyncio.to_thread(port.read_until, b"\x04>")


async def test_a_frozen_board_takes_ctrl_c_when_it_thaws(tiny_bench):
    with serial.Serial(tiny_bench.ports[1], timeout=10) as port:
        await tiny_bench.control.fault("freeze", 1)
        port.write(b"\x03")
        await asyncio.sleep(0.3)
        assert not port.in_waiting
        assert (await tiny_bench.control.board(1))["frozen"]
        await tiny_bench.control.fault("thaw", 1)
        assert b"KeyboardInterrupt" in await asyncio.to_thread(port.read_until, b">>> ")


async def test_ctrl_d_at_the_prompt_restarts_main(tiny_bench, hands):
    with serial.Serial(tiny_bench.ports[1], timeout=10) as port:
        port.write(b"\x03")
        await asyncio.to_thread(port.read_until, b">>> ")
        port.write(b"\x04")
        await asyncio.to_thread(port.read_until, b"MPY: soft reboot\r\n")
    await tiny_bench.booted(1, times=2)
    assert b"started 5" in tiny_bench.log(1)


async def test_interrupting_a_board_while_it_boots_is_harmless(tiny_bench, hands):
    await tiny_bench.control.fault("reset", 1)
    async with hands.repl(tiny_bench.ports[1]) as board:
        assert await board.exec("import os; print('main.py' in os.listdir('/'))") == "True"


async def test_a_port_that_nobody_reads_does_not_stop_the_board(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec("import machine, time")
    with serial.Serial(tiny_bench.ports[1], timeout=10) as port:
        port.write(b"for i in range(20000): print('line', i)\x04")
    await hands.until(lambda: b"line 19999" in tiny_bench.log(1), "all output")
