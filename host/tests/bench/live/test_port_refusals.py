# SPDX-License-Identifier: MIT
"""What each chip's port refuses, the shims refuse in the same way, on real VMs.

The expected types are those of the ports' sources (crowdcharge/bench/board/silicon.py names them).
"""

import asyncio

import pytest
import pytest_asyncio

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import Bench, launch

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.asyncio(loop_scope="module")]
BOARDS = {
    "feather_esp32s3": BoardConfig(1, 80.0, board="feather_esp32s3"),
    "xiao_esp32s3": BoardConfig(2, 80.0, board="xiao_esp32s3"),
    "pico_w": BoardConfig(3, 80.0, board="pico_w"),
    "feather_nrf52840": BoardConfig(4, 80.0, board="feather_nrf52840", port="circuitpython"),
    "feather_esp32s3_cp": BoardConfig(5, 80.0, board="feather_esp32s3_cp", port="circuitpython"),
}
NO_DEVICE = {"feather_esp32s3": 19, "xiao_esp32s3": 19, "pico_w": 5}
I2C = {
    "feather_esp32s3": "I2C(0, sda=Pin(3), scl=Pin(4))",
    "xiao_esp32s3": "I2C(0, sda=Pin(5), scl=Pin(6))",
    "pico_w": "I2C(0, sda=Pin(4), scl=Pin(5))",
}
EVERYWHERE = ("Pin(-1)", "Pin(60)", "Pin('nowhere')", "Pin(None)", "Pin(1.0)", "I2C(-1)", "I2C(2)")
MICROPYTHON = {
    "feather_esp32s3": {
        "refused": ("Pin(19)", "Pin(22)", "Pin(27)", "ADC(Pin(36))", "ADC(21)", "ADC(8).atten(4)"),
        "taken": ("Pin(36)", "Pin(46)", "ADC(Pin(8))", "ADC(20 - 2)", "I2C(1)"),
    },
    "xiao_esp32s3": {"refused": ("Pin(33)", "Pin(36)"), "taken": ("Pin(38)",)},
    "pico_w": {
        "refused": (
            *("Pin(30)", "ADC(Pin(25))", "ADC(16)", "WDT(timeout=8389)"),
            *("I2C(0, sda=Pin(5), scl=Pin(4))", "I2C(1, sda=Pin(4), scl=Pin(5))"),
        ),
        "taken": ("Pin(29)", "ADC(Pin(26))", "I2C(1, sda=Pin(2), scl=Pin(3))"),
    },
}
CIRCUITPYTHON = {
    "digitalio.DigitalInOut(board.D3)": "AttributeError",  # no such pin on this module
    "analogio.AnalogIn(board.D9)": "ValueError",  # no ADC there
    "twice(digitalio.DigitalInOut, board.D5)": "ValueError",
    "twice(analogio.AnalogIn, board.A0)": "ValueError",
    "busio.I2C(board.SDA, board.SCL)": "RuntimeError",  # the wrong way round: no pull-ups
    "busio.I2C(board.SCL, board.SCL)": "ValueError",
    "microcontroller.watchdog.feed()": "ValueError",
    "microcontroller.nvm[8192]": "IndexError",
    "struct.pack('<H', 65536)": "OverflowError",  # MicroPython's takes the low bits
    "struct.pack('<BhI3s', 1, -32769, 0, b'abc')": "OverflowError",
    "struct.pack_into('<2B', bytearray(2), 0, 0, -1)": "OverflowError",
    "struct.pack('<2s2hQ', b'ab', -32768, 32767, 2**64 - 1)": "taken",
    "microcontroller.nvm.__setitem__(0, 256)": "ValueError",
    "time.sleep(-1)": "ValueError",
    "_bleio.adapter.start_advertising(b'')": "BluetoothError",  # it is not enabled yet
    "_bleio.adapter.start_advertising(b'', interval=0.01)": "ValueError",
    "characteristic(513)": "ValueError",
    "characteristic(4, initial_value=b'12345')": "ValueError",
}
TRY = """
def said(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "taken"
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bare")
    firmware = folder / "firmware"
    firmware.mkdir()
    for name in ("main.py", "code.py", "safemode.py"):
        (firmware / name).write_text("print('started')\n")
    config = BenchConfig(tuple(BOARDS.values()), firmware=str(firmware))
    async with launch(config, folder / "bench") as running:
        yield running


def port(bench: Bench, board: str) -> str:
    return bench.serial_ports[BOARDS[board].id]


@pytest.mark.parametrize("board", MICROPYTHON)
async def test_pins_and_buses_that_a_chip_does_not_have(bench, hands, board):
    async with hands.repl(port(bench, board)) as repl:
        await repl.exec(f"from machine import ADC, I2C, Pin, WDT\n{TRY}")
        for call in (*EVERYWHERE, *MICROPYTHON[board]["refused"]):
            assert await repl.exec(f"print(said(lambda: {call}))") == "ValueError", call
        for call in MICROPYTHON[board]["taken"]:
            assert await repl.exec(f"print(said(lambda: {call}))") == "taken", call


@pytest.mark.parametrize("board", MICROPYTHON)
async def test_an_address_that_nobody_acknowledges_is_the_chips_own_error(bench, hands, board):
    async with hands.repl(port(bench, board)) as repl:
        await repl.exec(f"from machine import I2C, Pin\nbus = {I2C[board]}")
        tried = (
            "try:\n    bus.writeto(0x50, b'x')\nexcept OSError as error:\n    print(error.errno)"
        )
        assert int(await repl.exec(tried)) == NO_DEVICE[board]


async def test_an_adc_of_an_esp32_under_circuitpython_is_corrected_and_ends_at_its_range(
    bench, hands
):
    number = BOARDS["feather_esp32s3_cp"].id
    read = "print(ntc.value * 3300 // 65535)"
    async with hands.repl(port(bench, "feather_esp32s3_cp")) as repl:
        await repl.exec("import analogio, board\nntc = analogio.AnalogIn(board.A5)")
        assert int(await repl.exec(read)) == pytest.approx(1650, rel=0.015)
        await bench.control.fault("sensor", number)
        assert int(await repl.exec(read)) == pytest.approx(3100, abs=2)
        await bench.control.fault("sensor", number, on=False)


async def test_an_adc_of_an_esp32_ends_at_its_attenuation(bench, hands):
    async with hands.repl(port(bench, "feather_esp32s3")) as repl:
        await repl.exec("from machine import ADC, Pin\nntc = ADC(Pin(8))")
        assert int(await repl.exec("print(ntc.read_uv())")) == 950_000, "1.65 V is too much"
        await repl.exec("ntc.atten(ADC.ATTN_11DB)")
        read = "print(ntc.read_uv())"
        assert int(await repl.exec(read)) == pytest.approx(1.65e6, rel=0.015)


async def test_circuitpythons_errors(bench, hands):
    async with hands.repl(port(bench, "feather_nrf52840")) as repl:
        await repl.exec(
            "import _bleio, analogio, board, busio, digitalio\n"
            "import microcontroller, struct, supervisor, time\n"
            "def characteristic(size, **more):\n"
            "    service = _bleio.Service(_bleio.UUID(0x1234))\n"
            "    uuid = _bleio.UUID(0x1235)\n"
            "    _bleio.Characteristic.add_to_service(service, uuid, max_length=size, **more)\n"
            f"{TRY}\ndef twice(kind, pin):\n    first = kind(pin)\n"
            "    try:\n        kind(pin)\n    finally:\n        first.deinit()"
        )
        for call, error in CIRCUITPYTHON.items():
            assert await repl.exec(f"print(said(lambda: {call}))") == error, call
        ticks_ms = int(await repl.exec("print(supervisor.ticks_ms())"))
        assert ticks_ms > 2**29 - 70_000 or ticks_ms < 600_000, "they wrap soon after a start"


async def test_a_bus_without_pull_ups_and_one_that_comes_off(bench, hands):
    number = BOARDS["feather_nrf52840"].id
    make = "i2c = busio.I2C(board.SCL, board.SDA)"
    read = "i2c.try_lock(); i2c.readfrom_into(64, bytearray(2))"
    async with hands.repl(port(bench, "feather_nrf52840")) as repl:
        await repl.exec(f"import board, busio\n{make}\n{read}")
        await bench.control.fault("bus-open", number)
        tried = f"try:\n    {read}\nexcept OSError as error:\n    print(error.errno)"
        assert await repl.exec(tried) == "19"
        tried = f"i2c.deinit()\ntry:\n    {make}\nexcept RuntimeError as error:\n    print(error)"
        assert "No pull up" in await repl.exec(tried)
        await bench.control.fault("bus-open", number, on=False)
        assert await repl.exec(f"{make}\n{read}\nprint('answers')\ni2c.deinit()") == "answers"


async def test_data_that_a_chip_does_not_acknowledge(bench, hands):
    """The gauge resets before it can acknowledge that: 5 on an nRF52840, 19 on an ESP32."""
    command = "0x36, b'\\xfe\\x54\\x00'"
    say = "except OSError as error:\n    print(error.errno)"
    async with hands.repl(port(bench, "feather_nrf52840")) as repl:
        await repl.exec(
            "import board, busio\ni2c = busio.I2C(board.SCL, board.SDA)\ni2c.try_lock()"
        )
        assert await repl.exec(f"try:\n    i2c.writeto({command})\n{say}") == "5"
    async with hands.repl(port(bench, "feather_esp32s3")) as repl:
        await repl.exec(
            "from machine import I2C, Pin\nPin(7, Pin.OUT, value=1)\n"
            f"bus = {I2C['feather_esp32s3']}"
        )
        assert await repl.exec(f"try:\n    bus.writeto({command})\n{say}") == "19"


async def test_each_write_to_nvm_erases_its_page_also_when_nothing_changes(bench, hands):
    number = BOARDS["feather_nrf52840"].id

    async def erases() -> int:
        return (await bench.control.board(number))["flash_erases"]

    before = await erases()
    async with hands.repl(port(bench, "feather_nrf52840")) as repl:
        await repl.exec(
            "import microcontroller\nfor _ in range(3):\n    microcontroller.nvm[9] = 1"
        )
        assert await erases() - before == 3
        await repl.exec("microcontroller.nvm[4094:4098] = b'over'")
    assert await erases() - before == 5


SAFE = "import supervisor; print(supervisor.runtime.safe_mode_reason.rpartition('.')[2])"
REASON = "import microcontroller; print(microcontroller.cpu.reset_reason.rpartition('.')[2])"


@pytest.mark.parametrize(
    ("board", "fault", "cable", "safe_mode", "reason"),
    [
        ("feather_nrf52840", "reset", False, "NONE", "RESET_PIN"),
        ("feather_nrf52840", "brown-out", False, "BROWNOUT", "SOFTWARE"),
        ("feather_nrf52840", "watchdog", False, "NONE", "WATCHDOG"),
        ("feather_nrf52840", "watchdog", True, "WATCHDOG", "WATCHDOG"),
        ("feather_nrf52840", "crash", False, "HARD_FAULT", "SOFTWARE"),
        ("feather_esp32s3_cp", "reset", False, "NONE", "POWER_ON"),
        ("feather_esp32s3_cp", "brown-out", False, "BROWNOUT", "BROWNOUT"),
        ("feather_esp32s3_cp", "watchdog", True, "NONE", "WATCHDOG"),
        ("feather_esp32s3_cp", "crash", False, "HARD_FAULT", "SOFTWARE"),
    ],
)
async def test_a_chip_enters_safe_mode_as_its_port_does(
    bench, hands, board, fault, cable, safe_mode, reason
):
    number = BOARDS[board].id
    await bench.control.fault("cable", number, on=cable)
    boots = (await bench.control.board(number))["boots"]
    async with hands.repl(port(bench, board)) as repl:
        if fault == "watchdog":
            await repl.exec(armed(0.3))
        elif fault == "crash":
            await repl.without_answer("import os\nos.system('kill -SEGV $PPID')")
        else:
            await bench.control.fault(fault, number)
        await hands.until_board(
            bench.control, number, lambda board: board["boots"] > boots and board["running"]
        )
    async with hands.repl(port(bench, board)) as repl:
        assert await repl.exec(SAFE) == safe_mode
        assert await repl.exec(REASON) == reason
    await bench.control.fault("reset", number)  # only a person's hand ends a hard fault's
    async with hands.repl(port(bench, board)) as repl:
        assert await repl.exec(SAFE) == "NONE"


def armed(time_s: float) -> str:
    return (
        f"import microcontroller, watchdog\nmicrocontroller.watchdog.timeout = {time_s}\n"
        "microcontroller.watchdog.mode = watchdog.WatchDogMode.RESET"
    )


@pytest.mark.parametrize(
    ("board", "goes_on"), [("feather_nrf52840", True), ("feather_esp32s3_cp", False)]
)
async def test_a_watchdog_and_a_soft_reload(bench, hands, board, goes_on):
    """On an nRF52840 it outlasts the program, and refuses another time."""
    number = BOARDS[board].id
    boots = (await bench.control.board(number))["boots"]
    async with hands.repl(port(bench, board)) as repl:
        await repl.exec(armed(3.0))
        await repl.enter(soft_reset=True)
        await repl.exec(f"import microcontroller\n{TRY}")
        again = "setattr(microcontroller.watchdog, 'timeout', 4.0)"
        said = await repl.exec(f"print(said(lambda: {again}), microcontroller.watchdog.mode)")
        assert said.split() == (
            ["RuntimeError", "watchdog.WatchDogMode.RESET"] if goes_on else ["taken", "None"]
        )
        await asyncio.sleep(4.0)
        restarts = (await bench.control.board(number))["boots"] - boots
    assert restarts == 1 + goes_on, "the soft reload, and the watchdog"


@pytest.mark.parametrize("after_bytes", [1, 8191, 8192, 16383])
async def test_a_write_to_an_esp32s3s_nvm_is_all_or_nothing_left(bench, hands, after_bytes):
    number = BOARDS["feather_esp32s3_cp"].id
    async with hands.repl(port(bench, "feather_esp32s3_cp")) as repl:
        await repl.exec("import microcontroller\nmicrocontroller.nvm[0:3] = b'old'")
        boots = (await bench.control.board(number))["boots"]
        await bench.control.fault("torn-write", number, after_bytes=after_bytes)
        await repl.without_answer("microcontroller.nvm[8000] = 7")
        await hands.until_board(
            bench.control, number, lambda board: board["boots"] > boots and board["running"]
        )
    async with hands.repl(port(bench, "feather_esp32s3_cp")) as repl:
        read = "import microcontroller; print(microcontroller.nvm[0:3], microcontroller.nvm[8000])"
        assert await repl.exec(read) == "bytearray(b'\\x00\\x00\\x00') 0"
