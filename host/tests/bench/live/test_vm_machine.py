# SPDX-License-Identifier: MIT
"""The `machine` and `time` modules of a board: pins, meters, watchdog, clock, on the real VM."""

import asyncio

import pytest

pytestmark = [pytest.mark.vm, pytest.mark.asyncio(loop_scope="module")]


async def test_the_driver_on_the_vm_reads_what_the_plant_holds(tiny_bench, hands):
    async with (
        hands.repl(tiny_bench.ports[1]) as donor,
        hands.repl(tiny_bench.ports[2]) as receiver,
    ):
        await donor.exec(hands.METERS)
        await receiver.exec(hands.METERS)
        assert await donor.exec("print(i2c.scan())") == "[54, 64, 65]"
        await receiver.exec("rx_enable.on()")
        await donor.exec("tx_enable.on()")
        asked = "import time\nfor _ in range(60):\n    pulse.toggle()\n    time.sleep_ms(10)\n"
        await donor.exec(asked)
        read_tx = "print(tx.bus_voltage, tx.current, tx.bus_voltage * tx.current / 1000)"
        read_tx = f"pulse.toggle(); {read_tx}"
        bus_V, current_mA, power_W = map(float, (await donor.exec(read_tx)).split())
        truth = await tiny_bench.control.board(1)
        assert power_W == pytest.approx(truth["tx_W"], rel=0.02)
        assert current_mA == pytest.approx(truth["cell_A"] * 1000, rel=0.01)
        assert bus_V == pytest.approx(truth["cell_V"] - current_mA / 1000 * 0.1, abs=0.02)
        rx_W = float(await receiver.exec("print(rx.bus_voltage * rx.current / 1000)"))
        truth = await tiny_bench.control.board(2)
        assert rx_W == pytest.approx(truth["rx_W"], rel=0.01)
        assert rx_W == pytest.approx(2.5, rel=0.01)
        status = await tiny_bench.control.status()
        assert status["boards"][0]["sent_J"] > status["boards"][1]["received_J"] > 0


async def test_a_driver_that_counts_its_polls_gets_its_conversion(tiny_bench, hands):
    """The bench's bus is quicker than wires, but not for the chips: a sample takes some polls."""
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec(hands.METERS + "\nfrom ina219_meter import PowerMeter")
        await board.exec("meter = PowerMeter(bus, pins.TX_METER_ADDRESS, pins.SHUNT_uOhm)")
        codes = "print({meter.sample() for _ in range(100)}, meter.bus_mV > 3000)"
        assert await board.exec(codes) == "{0} True"


async def test_a_bus_without_power_or_on_other_pins_is_silent(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        wrong = "import machine; i = machine.I2C(0, sda=machine.Pin(21), scl=machine.Pin(38))"
        await board.exec(wrong)
        assert await board.exec("print(i.scan())") == "[]"
        unpowered = hands.METERS.replace("value=1", "value=0").replace("tx, rx = ", "#")
        await board.exec(unpowered)
        assert await board.exec("print(i2c.scan())") == "[]"
        code = "try:\n    i2c.readfrom(64, 2)\nexcept OSError as error:\n    print(error.errno)"
        assert await board.exec(code) == "19"


async def test_thermistors_and_cable(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec(
            "import machine\nfrom boards import virtual as pins\n"
            "ntc = machine.ADC(machine.Pin(pins.COIL_NTC_PIN))\n"
            "cable = machine.Pin(pins.CABLE_SENSE_PIN, machine.Pin.IN)"
        )
        # An ESP32-S3's full scale is 3.1 V and not the supply; read_uv() knows its own errors.
        await board.exec("ntc.atten(machine.ADC.ATTN_11DB)")
        raw = int(await board.exec("print(ntc.read_u16())"))
        assert raw / 65535 == pytest.approx(1.65 / 3.1, rel=0.03)
        assert int(await board.exec("print(ntc.read_uv())")) == pytest.approx(1.65e6, rel=0.015)
        assert await board.exec("print(cable())") == "0"
        await tiny_bench.control.fault("hot-coil", 1, temperature_C=60)
        await tiny_bench.control.fault("cable", 1)
        hot_uV = int(await board.exec("print(ntc.read_uv())"))
        assert hot_uV == pytest.approx(3.3e6 * 2.49 / 12.49, rel=0.025)
        await tiny_bench.control.fault("sensor", 1, which="coil", broken="open")
        assert 3.0e6 < int(await board.exec("print(ntc.read_uv())")) <= 3.1e6, "it saturates"
        assert await board.exec("print(cable())") == "1"


async def test_the_watchdog_bites_and_its_pins_go_low(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec(hands.METERS)
        await board.exec("tx_enable.on()")
        assert (await tiny_bench.witness())["on"] == [[1, "tx"]]
        await board.exec("w = machine.WDT(timeout=500)\nfor _ in range(8):\n    w.feed()")
        await tiny_bench.booted(1, times=2)
    assert b"started 3" in tiny_bench.log(1)
    seen = await tiny_bench.witness()
    assert seen["on"] == []
    assert [(edge["on"], edge["cause"]) for edge in seen["changes"]] == [
        (True, "pin"),
        (False, "watchdog"),
    ]
    assert (await tiny_bench.control.board(1))["last_reset"] == "watchdog"


async def test_a_watchdog_that_is_fed_does_not_bite(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec(
            "import machine, time\nw = machine.WDT(timeout=300)\n"
            "for _ in range(100):\n    time.sleep_ms(10)\n    w.feed()"
        )
        assert await tiny_bench.boots(1) == 0


async def test_a_watchdog_outlives_ctrl_c_and_a_frozen_processor(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec("import machine; w = machine.WDT(timeout=400)")
    await tiny_bench.control.fault("freeze", 1)
    await tiny_bench.booted(1, times=2)
    assert (await tiny_bench.control.board(1))["last_reset"] == "watchdog"


async def test_deep_sleep_is_dark_until_its_time_is_over(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec(hands.METERS + "\ntx_enable.on()")
        await board.without_answer("machine.deepsleep(300)")
        await tiny_bench.booted(1, times=2)
    assert (await tiny_bench.control.board(1))["last_reset"] == "deep sleep"
    assert (await tiny_bench.witness())["on"] == []
    async with hands.repl(tiny_bench.ports[1]) as board:
        assert await board.exec("import machine; print(machine.reset_cause())") == "4"


async def test_a_cable_ends_a_deep_sleep_where_that_was_asked(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec(hands.METERS + "\nimport esp32")
        cable = "machine.Pin(pins.CABLE_SENSE_PIN)"
        await board.exec(f"esp32.wake_on_ext0({cable}, esp32.WAKEUP_ANY_HIGH)")
        await board.without_answer("machine.deepsleep(600_000)")
    await hands.until_board(tiny_bench.control, 1, lambda board: board["asleep"])
    await tiny_bench.control.fault("cable", 1)
    await tiny_bench.booted(1, times=2)
    assert (await tiny_bench.control.board(1))["last_reset"] == "deep sleep"


async def test_a_sleep_that_a_power_cut_ended_does_not_wake_the_board_again(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.without_answer("machine.deepsleep(1500)")
    await hands.until_board(tiny_bench.control, 1, lambda board: board["asleep"])
    await tiny_bench.control.fault("power-on", 1)
    assert not (await tiny_bench.control.board(1))["asleep"]
    await asyncio.sleep(2)
    assert await tiny_bench.boots(1) == 1


async def test_an_input_that_cannot_wake_the_chip_is_refused(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec("import esp32, machine")
        for number, said in ((21, ""), (38, "invalid pin")):
            asked = f"esp32.wake_on_ext0(machine.Pin({number}), esp32.WAKEUP_ANY_HIGH)"
            tried = f"try:\n    {asked}\nexcept ValueError as error:\n    print(error)"
            assert await board.exec(tried) == said


async def test_a_soft_reset_leaves_a_pin_as_it_was(tiny_bench, hands):
    """As on real boards: only the firmware's own `finally`, or a hard reset, lets go."""
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.exec(hands.METERS + "\ntx_enable.on()")
        await board.enter(soft_reset=True)
        assert (await tiny_bench.witness())["on"] == [[1, "tx"]]
        assert await board.exec("import machine; print(machine.reset_cause())") == "5"


async def test_machine_reset_and_identity(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        unique_id = await board.exec("import machine; print(machine.unique_id())")
    async with hands.repl(tiny_bench.ports[2]) as board:
        other = "import machine; print(machine.unique_id())"
        assert await board.exec(other) != unique_id
    async with hands.repl(tiny_bench.ports[1]) as board:
        await board.without_answer("machine.reset()")
        await tiny_bench.booted(1, times=2)
    assert b"started 2" in tiny_bench.log(1)


async def test_time_runs_at_the_benchs_speed(odd_bench, hands):
    async with hands.repl(odd_bench.serial_ports[1]) as board:
        await board.exec(
            "import time, asyncio\n"
            "async def nap():\n    await asyncio.sleep(2)\n"
            "def timed(wait):\n"
            "    start, clock = time.ticks_ms(), time.time_ns()\n"
            "    wait()\n"
            "    print(time.ticks_diff(time.ticks_ms(), start),"
            " (time.time_ns() - clock) // 1000000)"
        )
        for wait in (
            "lambda: time.sleep(2)",
            "lambda: time.sleep_ms(2000)",
            "lambda: asyncio.run(asyncio.wait_for(nap(), 3))",
        ):
            start_s = asyncio.get_running_loop().time()
            ticks_ms, clock_ms = map(int, (await board.exec(f"timed({wait})")).split())
            assert ticks_ms == pytest.approx(2000, abs=150), wait
            assert clock_ms == pytest.approx(2000, abs=150), wait
            assert asyncio.get_running_loop().time() - start_s < 1.5
        assert int(await board.exec("print(time.ticks_ms())")) < 2**29  # it has wrapped


async def test_the_clock_jumps_and_the_heap_is_as_small_as_asked(odd_bench, hands):
    async with hands.repl(odd_bench.serial_ports[1]) as board:
        before = int(await board.exec("import time; print(time.time())"))
        await odd_bench.control.fault("clock-jump", 1, seconds=3600)
        assert int(await board.exec("print(time.time())")) - before >= 3600
        heap = "import gc; print(gc.mem_free() + gc.mem_alloc())"
        assert int(await board.exec(heap)) < 512 * 1024


async def test_a_reset_while_the_flash_is_first_filled_loses_nothing(odd_bench, hands):
    control, log = odd_bench.control, odd_bench.console_logs[2]
    await control.fault("kill", 2)
    image = log.parent / "flash.image"
    image.write_bytes(b"")
    await control.fault("power-on", 2)
    await hands.until((log.parent / "flash.image.new").exists, "the filling has begun")
    await control.fault("reset", 2)
    assert image.stat().st_size == 0
    seen = len(log.read_bytes())
    await hands.until(lambda: b"started" in log.read_bytes()[seen:], "boot")
    assert image.stat().st_size


async def test_a_torn_write_leaves_the_old_file_on_littlefs(odd_bench, hands):
    control = odd_bench.control
    async with hands.repl(odd_bench.serial_ports[2]) as board:
        keep = "def keep(text):\n    with open('kept', 'w') as file: file.write(text * 9000)"
        await board.exec(keep + "\nkeep('old')")
        assert await board.exec("import os; print(os.stat('kept')[6])") == "27000"
    boots = (await control.board(2))["boots"]
    for after_bytes in (0, 1, 4097, 20_000):
        async with hands.repl(odd_bench.serial_ports[2]) as board:
            await control.fault("torn-write", 2, after_bytes=after_bytes)
            await asyncio.to_thread(board._transport.exec_raw_no_follow, keep + "\nkeep('new')")
            boots += 1
            await hands.until_board(control, 2, lambda now, boots=boots: now["boots"] == boots)
        assert (await control.board(2))["last_reset"] == "brown-out"
        async with hands.repl(odd_bench.serial_ports[2]) as board:
            assert await board.exec("print(open('kept').read() == 'old' * 9000)") == "True"


async def test_a_raw_hci_radio_is_offered_to_the_vm(odd_bench, hands):
    async with hands.repl(odd_bench.serial_ports[3]) as board:
        path = await board.exec("import os; print(os.getenv('MICROPYBTUART'))")
        assert path == odd_bench.hci_ports[3]
        code = (
            "try:\n    import bluetooth\nexcept ImportError:\n    print('the build has its own')"
        )
        assert await board.exec(code) == "the build has its own"


async def test_main_py_leaves_its_names_to_the_repl_and_the_bench_none(tiny_bench, hands):
    async with hands.repl(tiny_bench.ports[1]) as board:
        # Its reset pin reads as power-on: the chip has no other word for it.
        assert await board.exec("print(machine.reset_cause())") == "1"
        assert await board.exec("print('os' in globals())") == "False"
