# SPDX-License-Identifier: MIT
"""Flashing with the unmodified mpremote over the bench's serial ports, and what can go wrong."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from hashlib import sha256

import pytest

from crowdcharge.boards import keys as key_file
from crowdcharge.errors import LineError, NoAnswer
from crowdcharge.flash import micropython, mpremote
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.flash.tree import board_kind
from wptcore.console_commands import fingerprint

from ..command import COMMAND
from .conftest import Transfer, command, until

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.asyncio(loop_scope="module")]

VIRTUAL = board_kind("virtual")


async def flash(port, **options):
    return await asyncio.to_thread(micropython.flash, VIRTUAL, port, **options)


def ask(port, *words):
    with SerialLine(port) as line:
        return line.ask(*words)


def hello(port):
    with SerialLine(port) as line:
        return line.hello()


def half_flashed(bench, board_id=1):
    mark = bench.folder / f"board-{board_id}" / "flash" / "maintenance"
    return mark.exists() and mark.read_text() == "flash"


async def test_a_flash_during_a_transfer_has_the_coil_off_before_anything_else(bench):
    transfer = Transfer(bench)
    loop = asyncio.get_running_loop()
    coils = {}

    def progress(text):
        asked = asyncio.run_coroutine_threadsafe(bench.control.witness(board=1), loop)
        coils.setdefault(text.split()[0], asked.result(20))

    main = bench.folder / "board-1" / "flash" / "main.py"
    whole = main.read_bytes()
    main.write_bytes(whole + b"# another version\n")  # so that there is something to copy
    async with transfer.running():
        await until(bench, 1, lambda board: board["tx_W"] > 1)
        done = await flash(bench.serial_ports[1], progress=progress)
    assert [1, "tx"] in coils["coil"]["on"]
    for step in ("comparing", "copying", "starting"):
        assert [1, "tx"] not in coils[step]["on"], step
    changes = (await bench.control.witness(board=1))["changes"]
    tx = [change for change in changes if change["coil"] == "tx"]
    assert [change["on"] for change in tx] == [True, False]
    assert tx[-1]["cause"] == "pin", "the firmware switched it off, not the reset"
    assert done.copied == ("main.py",) and not done.maintenance
    assert main.read_bytes() == whole
    again = Transfer(bench)
    await again.on_air(1)
    link = await again.link(1)
    receipts = [r for r in await link.receipts() if r.transfer_id == transfer.number]
    await link.close()
    assert [receipt.ept for receipt in receipts] == [0xCD]  # MAINTENANCE
    assert receipts[0].energy_mJ > 0


async def test_only_a_changed_file_is_copied(bench, port_copy):
    port = bench.serial_ports[1]
    assert (await flash(port, firmware=port_copy)).copied == ()
    main = port_copy / "main.py"
    main.write_text(main.read_text() + "\n# changed\n")
    radio = port_copy / "radio.py"
    radio.write_text(radio.read_text() + "\nCHANGED = 1\n")
    done = await flash(port, firmware=port_copy)
    assert set(done.copied) == {"main.py", "radio.mpy"}
    flashed = bench.folder / "board-1" / "flash"
    assert (flashed / "main.py").read_text().endswith("# changed\n")
    assert not (flashed / "radio.py").exists(), "the source would hide the compiled file"
    assert set((await flash(port)).copied) == {"main.py", "radio.mpy"}
    status = await asyncio.to_thread(ask, port, "status")
    assert (status["state"], status["watchdog"]) == ("IDLE", "1")


async def test_a_flash_that_is_killed_leaves_a_board_that_refuses_and_can_be_flashed(
    bench, port_copy
):
    port = bench.serial_ports[1]
    flashed = bench.folder / "board-1" / "flash"
    for path in flashed.glob("wptcore/*.mpy"):  # so that there is much to copy
        path.write_bytes(b"old")
    arguments = ("flash", "--board", "virtual", "--port", port)
    flasher = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments,
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end_s = time.monotonic() + 60
    while not (half_flashed(bench) and (flashed / "wptcore/board.mpy").read_bytes() != b"old"):
        assert time.monotonic() < end_s and flasher.returncode is None
        await asyncio.sleep(0.002)
    os.killpg(flasher.pid, signal.SIGKILL)
    await flasher.wait()
    await bench.control.fault("reset", 1)
    with pytest.raises(NoAnswer, match="half-flashed"):
        await asyncio.to_thread(hello, port)
    assert half_flashed(bench)
    failed = await command("selftest", "--port", port)
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1 and "crowdcharge flash again" in failed.stderr
    air = Transfer(bench)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await air.on_air(1)  # no firmware runs, so nobody can be granted anything
    since_s = (await bench.control.status())["time_s"]
    done = await flash(port)
    assert done.copied and done.kept > 10, "what had arrived whole is not copied again"
    status = await asyncio.to_thread(ask, port, "status")
    assert (status["state"], status["maintenance"]) == ("IDLE", "0")
    changes = (await bench.control.witness(since_s=since_s, board=1))["changes"]
    assert not [change for change in changes if change["on"]]


async def test_a_board_at_the_prompt_is_started(bench):
    port = bench.serial_ports[2]
    command = [sys.executable, "-m", "mpremote", "connect", port, "exec", "print(1)"]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, timeout=60)
    assert (await asyncio.to_thread(hello, port))["board"] == "virtual"


async def test_one_clear_line_for_each_mistake(bench, tmp_path):
    port = bench.serial_ports[2]
    keys = tmp_path / "keys.toml"
    keys.write_text("[keys\n")
    keys.chmod(0o600)
    for arguments, code, words in (
        (("flash", "--board", "pico_w", "--port", port), 2, "is a virtual, not a pico_w"),
        (("flash", "--board", "nope", "--port", port), 2, "no board 'nope'"),
        (("flash", "--board", "virtual", "--port", "/dev/nowhere"), 2, "/dev/nowhere"),
        (("flash", "--board", "virtual", "--port", tmp_path), 2, "over its serial port"),
        (("flash", "--board", "feather_nrf52840", "--port", tmp_path), 2, "boot_out.txt"),
        (("selftest", "--port", "/dev/nowhere"), 2, "cannot open the serial port"),
        (("provision", "--port", port, "--id", "0"), 2, "--id"),
        (("provision", "--port", port, "--id", "2", "--keys", keys), 2, "keys.toml"),
        (("calibrate", "meter", "--port", port, "--side", "tx"), 2, "needs a reference"),
        (("calibrate", "curve", "--port", port, "--ledger", keys), 2, "keys.toml"),
        (("console", "--port", port, "meter", "tx", "3"), 1, "maintenance on"),
    ):
        done = await command(*arguments)
        assert done.returncode == code, (arguments, done.stderr)
        assert done.stderr.startswith("crowdcharge: ") and words in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr, done.stderr
    status = await asyncio.to_thread(ask, port, "status")
    assert (status["state"], status["maintenance"]) == ("IDLE", "0")


async def test_a_port_in_use_says_so(bench):
    port = bench.serial_ports[2]
    with SerialLine(port), pytest.raises(LineError, match="in use by another program"):
        SerialLine(port)


async def test_a_port_that_is_no_board_says_so(bench, tmp_path):
    """The other end of a pty that says garbage, and one that says nothing."""
    master, slave = os.openpty()
    name = os.ttyname(slave)

    def hear(noise):
        with SerialLine(name) as line:
            os.write(master, noise)
            line.ask("version", timeout_s=0.3, tries=1)

    with pytest.raises(NoAnswer, match="is not our firmware"):
        await asyncio.to_thread(hear, b"\x00\xff login: ")
    with pytest.raises(NoAnswer, match="no answer within"):
        await asyncio.to_thread(hear, b"")
    os.close(slave)
    os.close(master)


async def test_mpremote_does_not_wait_for_ever_on_a_dead_board(bench):
    port = bench.serial_ports[2]
    await bench.control.fault("kill", 2)
    with pytest.raises(LineError, match="no MicroPython answers there"):
        await asyncio.to_thread(mpremote.run, port, mpremote.script("tell(1)"), quiet_s=2.0)
    await bench.control.fault("power-on", 2)
    assert (await asyncio.to_thread(hello, port))["board"] == "virtual"


async def test_a_value_that_comes_in_part_is_named(bench):
    port = bench.serial_ports[2]
    part = mpremote.script("""print('crowdcharge {"files": {"a')""")
    with pytest.raises(mpremote.AnswerCutShort, match="cut short: try again"):
        await asyncio.to_thread(mpremote.run, port, part)
    await asyncio.to_thread(mpremote.run, port, ["resume"], ["reset"])
    assert (await asyncio.to_thread(hello, port))["board"] == "virtual"


async def test_provisioning_writes_both_ends_and_rotates(bench, tmp_path):
    port, keys = bench.serial_ports[2], tmp_path / "keys.toml"
    marks = []
    for _ in range(2):
        done = await command(
            "provision", "--port", port, "--id", 2, "--keys", keys, "--capacity-wh", 0.5, "--json"
        )
        assert done.returncode == 0, done.stderr
        marks.append(json.loads(done.stdout)["key"])
        identity = await asyncio.to_thread(ask, port, "identity")
        assert (identity["board_id"], identity["key"]) == ("2", marks[-1])
        assert identity["capacity_mJ"] == "1800000"
    assert marks[0] != marks[1]
    assert keys.stat().st_mode & 0o777 == 0o600
    stored = json.loads((bench.folder / "board-2" / "flash" / "identity.json").read_text())
    assert key_file.load(keys)[2].hex() == stored["key"]
    assert [fingerprint(sha256, each) for each in key_file.load_retired(keys)[2]] == marks[:1]
    log = bench.console_logs[2].read_bytes()
    assert stored["key"].encode() not in log
