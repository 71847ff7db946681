# SPDX-License-Identifier: MIT
"""The bench file: TOML in, frozen records out. docs/reference/bench-config.md lists every key."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from crowdcharge.bench.board import wiring
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards.crowd import POLICIES
from crowdcharge.files import read_text
from crowdcharge.profiles.naming import profile_names
from crowdcharge.radio.base import is_noise_key
from crowdcharge.toml_table import Range, Table, written
from wptcore.attendance import ALWAYS_s, WINDOW_MAX_s
from wptcore.market_desk import A_MAX_u, A_MIN_u, B_MAX_u

_SCALARS = ("speed", "seed", "hosts", "firmware", "realism")


Port = Literal["micropython", "circuitpython"]
DEFAULT_BOARDS: dict[Port, str] = {"micropython": "virtual", "circuitpython": "feather_nrf52840"}


@dataclass(frozen=True, slots=True)
class BoardConfig:
    id: int
    soc_pct: float
    capacity_J: float = 100.0
    board: str = "virtual"  # module of firmware/boards
    port: Port = "micropython"
    radio: Literal["shim", "hci"] = "shim"
    links: int = 3  # connections that its radio holds at once; a Pico W: 1
    storage: Literal["folder", "littlefs"] = "folder"
    heap_kB: int = 2048
    gauge: bool = True
    resistance_Ohm: float = 0.1
    idle_W: float = 0.0
    ambient_C: float = 25.0
    vbus: bool = False  # a cable with 5 V is plugged in from the start
    attended_s: int = ALWAYS_s  # length of an attended window; -1: somebody is always near
    key: str = ""  # hex, 32 bytes; empty: not provisioned
    crowd_key: str = ""  # hex, 32 bytes; boards with the same key are of one crowd
    peer_policy: str = "oblivious-share"  # what it gives to a board of its crowd
    gives_to: str = "host"  # of host, crowd, agreed, strangers: to whom its owner lets it give
    give_day_J: float = 0.0  # and how much a day; 0: as much as asked
    airfuel: bool = False  # its owner lets transmitters of AirFuel's profile read it
    calibrated: bool = True  # the rig's loss curve is on the board, as `calibrate` leaves it
    market_a: float = 0.0  # the owner's terms in a market, credits/Wh^2; 0: it trades in none
    market_b: float = 0.0  # credits/Wh
    keep_pct: float = 50.0  # sells down to it
    target_pct: float = 80.0  # buys up to it
    profile: tuple[str, ...] = ()  # profiles whose rules the board keeps by itself
    replay: str = ""  # a recording whose readings its sensors show, instead of the plant's
    ticks_start_ms: int = 0  # where ticks_ms() begins: near 2**30 it wraps soon
    place_m: list[float] = field(default_factory=lambda: [0.0, 0.0])  # x, y; hosts are at 0, 0


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """An ESPHome Bluetooth proxy; it and a board farther away than `range_m` do not hear."""

    name: str = ""  # "": proxy-N
    place_m: list[float] = field(default_factory=lambda: [0.0, 0.0])
    range_m: float = 10.0
    slots: int = 3  # connections to boards at once
    host: str = ""  # "": 127.0.0.2 for the first, 127.0.0.3 for the second, ...
    port: int = 6053  # 0: any that is free
    key: str = ""  # of the encryption, base64; "": none


@dataclass(frozen=True, slots=True)
class ContactsConfig:
    """Slot `i` of `cycle` lasts `slot_s` bench seconds; one slot is a static arrangement.

    `pads`: boards on which several others may lie at once.
    """

    cycle: tuple[tuple[Placement, ...], ...] = ()
    slot_s: float = 10.0
    pads: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class BenchConfig:
    boards: tuple[BoardConfig, ...]
    link: CoilLink = field(default_factory=CoilLink)
    contacts: ContactsConfig = field(default_factory=ContactsConfig)
    speed: float = 1.0
    seed: int = 1
    hosts: int = 1  # radios offered to orchestrators
    proxies: tuple[ProxyConfig, ...] = ()
    firmware: str = ""  # a folder in place of firmware/ports/PORT; empty: the product's own
    realism: Literal["silicon", "kind"] = "silicon"  # kind: without most of the parts' errors


def _pairs(*slots: tuple[tuple[int, int], ...]) -> tuple[tuple[Placement, ...], ...]:
    return tuple(tuple(Placement(pair) for pair in slot) for slot in slots)


def default() -> BenchConfig:
    """Return the demo's bench: four 100 J boards; 3 and 2 meet early and twice."""
    socs_pct = (90.0, 5.0, 26.0, 88.0)
    cycle = _pairs(((3, 2), (1, 4)), ((1, 2), (3, 4)), ((3, 2),), ((1, 3), (2, 4)))
    return BenchConfig(
        boards=tuple(BoardConfig(index + 1, soc_pct) for index, soc_pct in enumerate(socs_pct)),
        contacts=ContactsConfig(cycle, slot_s=5.0),
    )


def load(path: Path) -> BenchConfig:
    """Read a bench file; InputError names file, line and key."""
    return parse(read_text(path), str(path))


def parse(text: str, name: str = "bench.toml") -> BenchConfig:
    top = Table.parse(text, name)
    boards = _boards(top)
    contacts = _contacts(top.table("contacts"), {board.id for board in boards})
    link = top.table("link").record(CoilLink)
    config = top.record(
        BenchConfig,
        _BENCH_RANGES,
        boards=boards,
        link=link,
        contacts=contacts,
        proxies=_proxies(top),
    )
    if config.firmware and not Path(config.firmware).is_dir():
        raise top.fail("firmware", f"{config.firmware} is no folder")
    return config


def _boards(top: Table) -> tuple[BoardConfig, ...]:
    tables = top.tables("boards")
    if not tables:
        raise top.fail("boards", "at least one [[boards]] table is needed")
    boards: dict[int, BoardConfig] = {}
    for table in tables:
        profile = profile_names(table, "profile", table.raw("profile") or [])
        board = table.record(BoardConfig, _BOARD_RANGES, profile=profile)
        for key, (allowed, what) in _BOARD_CHECKS.items():
            if not allowed(getattr(board, key)):
                raise table.fail(key, what)
        if "board" not in table:
            board = replace(board, board=DEFAULT_BOARDS[board.port])
        elif (vm := wiring.vm(board.board)) != board.port:
            raise table.fail("board", f"{board.board} runs {vm}, not the port {board.port}")
        _check_place(table, board.place_m)
        if board.id in boards:
            raise table.fail("id", f"board {board.id} is there twice")
        boards[board.id] = board
    return tuple(boards.values())


def _proxies(top: Table) -> tuple[ProxyConfig, ...]:
    proxies = []
    for number, table in enumerate(top.tables("proxies"), 1):
        proxy = table.record(ProxyConfig, _PROXY_RANGES)
        _check_place(table, proxy.place_m)
        if proxy.key and not is_noise_key(proxy.key):
            raise table.fail("key", "must be 32 bytes in base64")
        proxies.append(replace(proxy, name=proxy.name or f"proxy-{number}"))
    return tuple(proxies)


def _check_place(table: Table, place_m: list[float]) -> None:
    if len(place_m) != 2:
        raise table.fail("place_m", "must be two numbers, [x, y]")


def _contacts(table: Table, ids: set[int]) -> ContactsConfig:
    table.only(("slot_s", "cycle", "pairs", "pads"))
    pads = _pads(table, ids)
    slots: list[list[Table]] = []
    if "pairs" in table:
        slots = [table.pairs("pairs")]
    elif "cycle" in table:
        slots = table.slots("cycle")
    cycle = tuple(_slot(slot, ids, pads) for slot in slots)
    return ContactsConfig(cycle, table.number("slot_s", 10.0, least=1e-6), pads)


def _pads(table: Table, ids: set[int]) -> tuple[int, ...]:
    pads = table.raw("pads", [])
    if not isinstance(pads, list) or not all(type(each) is int and each in ids for each in pads):
        raise table.fail("pads", "must be a list of boards of this bench")
    return tuple(pads)


def _slot(pairs: list[Table], ids: set[int], pads: tuple[int, ...]) -> tuple[Placement, ...]:
    met: set[int] = set()
    for pair in pairs:
        for board_id in pair.pair():
            if board_id not in ids:
                raise pair.fail("", f"there is no board {board_id}")
            if board_id in met and board_id not in pads:
                raise pair.fail("", f"board {board_id} meets two at once, and is none of pads")
            met.add(board_id)
    return tuple(pair.record(Placement, boards=pair.pair()) for pair in pairs)


def dump(config: BenchConfig) -> str:
    """Return the bench file that `parse` reads back to the same config."""
    scalars = [f"{key} = {written(getattr(config, key))}" for key in _SCALARS]
    lines = [*scalars, "", "[link]", *_pairs_of(config.link), "", "[contacts]"]
    contacts = config.contacts
    lines += [f"slot_s = {contacts.slot_s!r}", f"pads = {list(contacts.pads)}"]
    lines += [f"cycle = {_cycle_of(contacts)}"]
    for proxy in config.proxies:
        lines += ["", "[[proxies]]", *_pairs_of(proxy)]
    for board in config.boards:
        lines += ["", "[[boards]]", *_pairs_of(board)]
    return "\n".join(lines) + "\n"


def _pairs_of(record: CoilLink | BoardConfig | ProxyConfig) -> list[str]:
    return [f"{item.name} = {written(getattr(record, item.name))}" for item in fields(record)]


def _cycle_of(contacts: ContactsConfig) -> str:
    slots = (
        ", ".join(
            f"{{ boards = [{contact.boards[0]}, {contact.boards[1]}], "
            f"gap_mm = {contact.gap_mm!r}, offset_mm = {contact.offset_mm!r} }}"
            for contact in slot
        )
        for slot in contacts.cycle
    )
    return "[" + ", ".join(f"[{slot}]" for slot in slots) + "]"


_BENCH_RANGES: dict[str, Range] = {"hosts": (1, 9), "speed": (0.01, 1000)}
_BOARD_RANGES: dict[str, Range] = {
    "id": (1, 0xFFFE),
    "soc_pct": (0, 100),
    "capacity_J": (1, 1_000_000),
    "links": (1, 4),
    "attended_s": (ALWAYS_s, WINDOW_MAX_s),
    "heap_kB": (32, 65_536),
    "resistance_Ohm": (0.001, 10),
    "idle_W": (0, 5),
    "market_b": (0, B_MAX_u / 1e6),
    "give_day_J": (0, 1_000_000),
    "keep_pct": (0, 100),
    "target_pct": (0, 100),
}
_PROXY_RANGES: dict[str, Range] = {"range_m": (0, 1000), "slots": (1, 9), "port": (0, 65535)}
_BOARD_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "market_a": (
        lambda value: value == 0 or A_MIN_u <= value * 1e6 <= A_MAX_u,
        f"must be {A_MIN_u / 1e6:g} to {A_MAX_u / 1e6:g}, or 0",
    ),
    "key": (
        lambda value: re.fullmatch(r"([0-9a-fA-F]{64})?", value) is not None,
        "must be 64 hex digits",
    ),
    "crowd_key": (
        lambda value: re.fullmatch(r"([0-9a-fA-F]{64})?", value) is not None,
        "must be 64 hex digits",
    ),
    "peer_policy": (lambda value: value in POLICIES, f"must be one of {', '.join(POLICIES)}"),
    "gives_to": (
        lambda value: {*value.split()} <= {"host", "crowd", "agreed", "strangers"},
        "must be of host, crowd, agreed, strangers, with spaces between",
    ),
    "board": (wiring.exists, "is no board of firmware/boards"),
    "replay": (lambda value: not value or Path(value).is_file(), "is no file"),
}
