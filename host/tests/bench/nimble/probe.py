# SPDX-License-Identifier: MIT
# ruff: noqa: UP031 - the dialect of the boards' VMs
"""Firmware that asks every question of `bluetooth` whose answer NimBLE gave (recorded.txt).

It prints one line a call or event. The central of test_air_nimble.py writes the commands.
"""

import asyncio
import sys

import bluetooth
from bluetooth import UUID

READ, NO_RESPONSE, WRITE, NOTIFY, INDICATE = 2, 4, 8, 16, 32
TEXT = "6e40000%d-b5a3-f393-e0a9-e50e24dcca9e"
FLAGS = b"\x02\x01\x06"
CONNECTED, GONE = b"<connected>", b"<gone>"
PATTERN = bytes(i & 255 for i in range(408))
ble = bluetooth.BLE()
late = []  # (what, link), for the loop
state = {"reads": 0, "refusal": 0}


def say(name, value):
    if type(value) is bytes and len(value) > 40 and not any(value):
        sys.stdout.write("%s = %d zero bytes\n" % (name, len(value)))
    else:
        sys.stdout.write("%s = %r\n" % (name, value))


def ask(name, function, *args, **kwargs):
    try:
        result = function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - the error is the answer
        say(name, "%s%r" % (type(error).__name__, error.args))
        return None
    say(name, result)
    return result


def ask_while_off():
    say("singleton", bluetooth.BLE() is ble)
    flags = [name for name in sorted(dir(bluetooth)) if name.startswith("FLAG")]
    say("consts", [(name, getattr(bluetooth, name)) for name in flags])
    ask("inactive.active", ble.active)
    ask("inactive.advertise", ble.gap_advertise, 100_000)
    ask("inactive.advertise_none", ble.gap_advertise, None)
    ask("inactive.register", ble.gatts_register_services, ())
    ask("inactive.gatts_read", ble.gatts_read, 9)
    ask("inactive.gatts_write", ble.gatts_write, 9, b"")
    ask("inactive.notify", ble.gatts_notify, 0, 9)
    ask("inactive.disconnect", ble.gap_disconnect, 0)
    ask("inactive.config_mac", ble.config, "mac")
    ask("inactive.config_mtu", ble.config, "mtu")
    ask("inactive.config_set_mtu", ble.config, mtu=100)
    ask("inactive.irq_bad", ble.irq, 5)


def ask_settings():
    ask("active", ble.active, True)
    ask("mac", ble.config, "mac")
    ask("default mtu", ble.config, "mtu")
    ask("default gap_name", ble.config, "gap_name")
    ask("get rxbuf", ble.config, "rxbuf")
    ask("set rxbuf", ble.config, rxbuf=512)
    for mtu in (10, 600, 247):
        ask("mtu %d" % mtu, ble.config, mtu=mtu)
    ask("mtu get", ble.config, "mtu")
    ask("gap_name long", ble.config, gap_name="x" * 40)
    ask("gap_name bytes", ble.config, gap_name=b"probe")
    ask("gap_name get", ble.config, "gap_name")
    ask("addr_mode 7", ble.config, addr_mode=7)
    ask("config none", ble.config)
    ask("config both", ble.config, "mtu", mtu=247)
    ask("config bond", ble.config, bond=True)


def ask_uuids():
    ask("uuid short", UUID, "abc")
    ask("uuid badchar", UUID, TEXT[:-4] % 1 + "caXX")
    ask("uuid big", UUID, 0x10000)
    ask("uuid neg", UUID, -1)
    ask("uuid 3", UUID, b"123")
    ask("uuid 32 bit", UUID, b"1234")
    ask("uuid memoryview", lambda: bytes(memoryview(UUID(0x180F))))
    ask("uuid len", lambda: len(UUID(0x180F)))
    ask("uuid <", lambda: UUID(0x1800) < UUID(0x1801))
    ask("uuid ==str", lambda: UUID(0x1800) == 5)


def services():
    own = (
        (UUID(TEXT % 2), READ | WRITE | NO_RESPONSE, ((UUID(0x2901), READ),)),
        (UUID(TEXT % 3), READ | NOTIFY | INDICATE),
        (UUID(TEXT % 4), WRITE),
        (UUID(TEXT % 5), READ),
        (UUID(TEXT % 6), READ | WRITE),
    )
    battery = (UUID(0x180F), ((UUID(0x2A19), READ | NOTIFY),))
    return (battery, (UUID(TEXT % 1), own))


def ask_values(val, desc, ntf, cmd, longv, app):
    ask("read empty", ble.gatts_read, val)
    ask("read unknown", ble.gatts_read, 9999)
    ask("write unknown", ble.gatts_write, 9999, b"a")
    ask("write returns", ble.gatts_write, val, b"hello")
    ask("write str", ble.gatts_write, val, "text")
    ask("write list", ble.gatts_write, val, [1, 2])
    ask("write 600", ble.gatts_write, val, bytes(600))
    ask("read 600 len", lambda: len(ble.gatts_read(val)))
    ask("set_buffer", ble.gatts_set_buffer, val, 10)
    ask("read after set_buffer", ble.gatts_read, val)
    ask("set_buffer unknown", ble.gatts_set_buffer, 9999, 10)
    ask("set_buffer append", ble.gatts_set_buffer, app, 12, True)
    ask("set_buffer cmd", ble.gatts_set_buffer, cmd, 128)
    ask("local write append buf", ble.gatts_write, app, b"12")
    ask("read append", ble.gatts_read, app)
    ask("read append again", ble.gatts_read, app)
    ask("write longv", ble.gatts_write, longv, PATTERN)
    ask("write desc", ble.gatts_write, desc, b"describes")
    ask("notify no link", ble.gatts_notify, 0, ntf, b"x")
    ask("notify no link handle 64", ble.gatts_notify, 64, ntf, b"x")
    ask("notify no link no data", ble.gatts_notify, 0, ntf)
    ask("indicate no link", ble.gatts_indicate, 0, ntf, b"x")
    ask("exchange mtu no link", ble.gattc_exchange_mtu, 0)
    ask("disconnect no link", ble.gap_disconnect, 0)
    ask("write update no link", ble.gatts_write, ntf, b"v", True)


def ask_adverts():
    ask("adv 32", ble.gap_advertise, 100_000, bytes(32))
    ask("rsp 32", ble.gap_advertise, 100_000, FLAGS, resp_data=bytes(32))
    ask("adv 1ms", ble.gap_advertise, 1_000, FLAGS)
    ask("adv 20s", ble.gap_advertise, 20_000_000, FLAGS)
    ask("adv 0", ble.gap_advertise, 0, FLAGS)
    ask("adv noarg", ble.gap_advertise)
    ask("adv stop", ble.gap_advertise, None)
    ask("adv nonconn", ble.gap_advertise, 100_000, FLAGS, connectable=False)
    ask("register while advertising", ble.gatts_register_services, services())
    ask("adv stop", ble.gap_advertise, None)


def advertise(tag):
    ask("adv " + tag, ble.gap_advertise, 50_000, FLAGS, resp_data=b"\x06\x09probe")


ask_while_off()
ask_settings()
ask_uuids()
first = ask("register", ble.gatts_register_services, services())
ask_values(*first[1])
ask_adverts()
(lvl,), (val, desc, ntf, cmd, longv, app) = ask(
    "register again", ble.gatts_register_services, services()
)
names = {val: "val", desc: "desc", ntf: "ntf", cmd: "cmd", longv: "longv", app: "app", lvl: "lvl"}
ble.gatts_write(lvl, b"\x2a")
ble.gatts_write(desc, b"describes")
ble.gatts_write(longv, PATTERN)
ble.gatts_set_buffer(cmd, 128)
ble.gatts_set_buffer(app, 12, True)
ble.gatts_set_buffer(val, 40)
ble.gatts_write(ntf, b"n0")


def irq(event, data):
    copied = [bytes(each) if isinstance(each, memoryview) else each for each in data]
    if event in (3, 4):
        copied[1] = names.get(copied[1], copied[1])
    say("irq", (event, tuple(copied)))
    if event == 1:
        late.append((CONNECTED, data[0]))
    elif event == 2:
        ask("in-irq notify to gone", ble.gatts_notify, data[0], ntf, b"late")
        ask("in-irq disconnect of gone", ble.gap_disconnect, data[0])
        late.append((GONE, data[0]))
    elif event == 4:
        return on_read(data[1])
    elif event == 3 and data[1] == cmd:
        on_command(data[0], ble.gatts_read(cmd))
    return None


def on_read(handle):
    if handle == ntf:
        state["reads"] += 1
        ble.gatts_write(ntf, b"read %d" % state["reads"])
    return state["refusal"] if handle == val else None


def on_command(link, command):
    if command == b"raise":
        raise ValueError("in irq")
    if command == b"notify in irq":
        ask("notify in irq", ble.gatts_notify, link, ntf, b"from irq")
    else:
        late.append((command, link))


def connected(link):
    say("addr later", 6)
    ask("register while linked", ble.gatts_register_services, services())
    ask("set_buffer linked", ble.gatts_set_buffer, app, 12, True)
    advertise("again while linked")


def gone(link):
    ask("notify gone", ble.gatts_notify, link, ntf, b"x")
    advertise("after gone")


def burst(link):
    sent, error = 0, None
    try:
        while sent < 200:
            ble.gatts_notify(link, ntf, b"%03d" % sent + bytes(200))
            sent += 1
    except OSError as raised:
        error = raised.args
    say("burst ok, err", (sent if error is None else "<200", error))
    say("burst count", sent)


def refuse(status):
    state["refusal"] = status


def disconnect(link):
    ask("disconnect", ble.gap_disconnect, link)
    ask("disconnect again", ble.gap_disconnect, link)
    ask("notify after disconnect call", ble.gatts_notify, link, ntf, b"x")


def indicate(link):
    ask("indicate", ble.gatts_indicate, link, ntf, b"sure")
    ask("indicate 2nd at once", ble.gatts_indicate, link, ntf, b"sure2")


def app_read(_link):
    ask("appread", ble.gatts_read, app)
    ask("appread", ble.gatts_read, app)


COMMANDS = {
    CONNECTED: connected,
    GONE: gone,
    b"notify": lambda link: ask("notify", ble.gatts_notify, link, ntf, b"note"),
    b"notify none": lambda link: ask("notify none", ble.gatts_notify, link, ntf),
    b"notify big": lambda link: ask("notify big", ble.gatts_notify, link, ntf, bytes(400)),
    b"notify unknown": lambda link: ask("notify unknown", ble.gatts_notify, link, 9999, b"x"),
    b"notify nonotify": lambda link: ask("notify nonotify", ble.gatts_notify, link, val, b"x"),
    b"update": lambda link: ask("update", ble.gatts_write, ntf, b"upd", True),
    b"update big": lambda link: ask(
        "update big", ble.gatts_write, ntf, bytes(range(250)) + bytes(50), True
    ),
    b"burst": burst,
    b"indicate": indicate,
    b"mtu": lambda link: ask("exchange_mtu", ble.gattc_exchange_mtu, link),
    b"refuse": lambda link: refuse(0x0E),
    b"norefuse": lambda link: refuse(0),
    b"disconnect": disconnect,
    b"appread": app_read,
}


async def main():
    ask("irq", ble.irq, irq)
    advertise("start")
    while True:
        await asyncio.sleep_ms(100)
        while late:
            what, link = late.pop(0)
            command = COMMANDS.get(what)
            if what is CONNECTED:
                await asyncio.sleep_ms(300)  # until the central has exchanged the MTU
            if command:
                command(link)
            else:
                say("cmd", what)


asyncio.run(main())
