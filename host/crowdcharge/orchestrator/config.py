# SPDX-License-Identifier: MIT
"""The configuration of a run: a TOML file, checked against the dataclasses below.

A key that is unknown, of the wrong type or out of range is an InputError that names the line.
`docs/reference/config.md` explains each key; a test keeps both in step.
"""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from crowdcharge.boards.pool import SLOTS
from crowdcharge.errors import InputError
from crowdcharge.files import read_text
from crowdcharge.ledger.kinds import Reward, SiteRow
from crowdcharge.ledger.numbers import SITE_MAX
from crowdcharge.ledger.place import SITE_NAME, BooksUrl, is_site_name, is_url
from crowdcharge.orchestrator import outlets
from crowdcharge.orchestrator.contacts import ContactSchedule, Pair
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.profiles.naming import profile_names
from crowdcharge.radio.base import Proxy, is_host, is_noise_key
from crowdcharge.toml_table import Range, Table
from crowdcharge.units import J_to_mJ
from wptcore import wire


@dataclass(frozen=True, slots=True)
class RunSection:
    """`out`: folder for the ledger and what is made of it. `policy_options` go to the policy as
    they are. `duration_s` 0: until stopped. `site` is what a service calls this place;
    `site_number` is in the numbers of its transfers, 0: it is the only site. `ledger`: the
    database that gets the rows of the ledger in `out`, None: no other place.
    """

    policy: str
    keys: Path
    out: Path
    seed: int = 0
    duration_s: float = 0.0
    policy_options: dict[str, Any] = field(default_factory=dict)
    site: str = ""
    site_number: int = 0
    ledger: BooksUrl | None = None

    @property
    def numbered_site(self) -> SiteRow | None:
        """What the ledger says of the site, if it is one of several."""
        return SiteRow(self.site, self.site_number) if self.site_number else None


@dataclass(frozen=True, slots=True)
class RadioSection:
    """`transport` "": the platform's own Bluetooth. `speed`: how fast the boards' clocks run.

    `adapters` None: the one that `transport` or `adapter` names, else the first.
    """

    transport: str = ""
    adapter: str = ""
    slots: int = SLOTS
    speed: float = 1.0
    adapters: tuple[str, ...] | None = None
    proxies: tuple[Proxy, ...] = ()

    @property
    def local(self) -> tuple[str, ...]:
        """The radios that are no proxies, as `open_radios` takes them."""
        return (self.transport or self.adapter,) if self.adapters is None else self.adapters

    @property
    def names(self) -> tuple[str, ...]:
        """All radios, as a person reads them."""
        local = (name or "the first adapter" for name in self.local)
        return (*local, *(proxy.name for proxy in self.proxies))


@dataclass(frozen=True, slots=True)
class TransferSection:
    """`power_max_mW` 0: what the boards allow. `group`: how a pad's budget is shared among all
    that lie on it, "": pairs only; `group_budget_J` 0: bounded only by the pad's floor.
    """

    lease_ms: int = 2000
    power_max_mW: int = 0
    duration_max_s: float = 3600.0
    floor_pct: int = 20
    group: Literal["", "equal", "need", "first-come"] = ""
    group_budget_J: float = 0.0

    def terms(self) -> TransferTerms:
        return TransferTerms(
            self.lease_ms,
            self.power_max_mW,
            int(self.duration_max_s * 1000),
            self.floor_pct,
            group=self.group,
            group_budget_mJ=J_to_mJ(self.group_budget_J),
        )


@dataclass(frozen=True, slots=True)
class ContactsSection:
    """`slots[i]`: the pairs of board numbers that meet in slot i; the slots repeat for ever.

    `control`: for source "bench", its control socket; "" for the one that has `transport`.
    """

    source: Literal["declared", "ping", "bench"] = "declared"
    control: str = ""
    slot_s: float = 60.0
    slots: tuple[tuple[Pair, ...], ...] = ()

    def schedule(self) -> ContactSchedule:
        return ContactSchedule(self.slot_s, self.slots)


@dataclass(frozen=True, slots=True)
class CrowdSection:
    """What giving earns in this run. `name`: whose accounts; `rule` "none": nothing is earned.

    `allowance_J`: what a board that never gave may take.
    """

    name: str = ""
    rule: Literal["none", "received"] = "none"
    allowance_J: float = 0.0

    @property
    def reward(self) -> Reward | None:
        """What the ledger says of the rule, if the section is there."""
        return Reward(self.name, self.rule, J_to_mJ(self.allowance_J)) if self.name else None


@dataclass(frozen=True, slots=True)
class ServeSection:
    """The live service of this run. `http_port` 0: any that is free.

    `allowed_hosts`: the names under which a reverse proxy is reached. `start`: whether a service
    that starts begins transfers by itself.
    """

    http_port: int = 8722
    host: str = "127.0.0.1"
    allowed_hosts: list[str] = field(default_factory=list)
    start: Literal["paused", "running"] = "paused"


@dataclass(frozen=True, slots=True)
class BoardsSection:
    """One of `[[boards]]`. `profile`: the profiles whose rules the host keeps for this board."""

    id: int
    profile: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunConfig:
    run: RunSection
    radio: RadioSection = field(default_factory=RadioSection)
    transfer: TransferSection = field(default_factory=TransferSection)
    contacts: ContactsSection = field(default_factory=ContactsSection)
    mqtt: outlets.MqttSection = field(default_factory=outlets.MqttSection)
    notify: outlets.NotifySection = field(default_factory=outlets.NotifySection)
    traces: outlets.TracesSection = field(default_factory=outlets.TracesSection)
    serve: ServeSection = field(default_factory=ServeSection)
    crowd: CrowdSection = field(default_factory=CrowdSection)
    boards: tuple[BoardsSection, ...] = ()

    @property
    def profiles(self) -> dict[int, tuple[str, ...]]:
        return {board.id: board.profile for board in self.boards}


_RANGES: dict[str, dict[str, Range]] = {
    "run": {"seed": (0, 2**63 - 1), "duration_s": (0, 1e9), "site_number": (0, SITE_MAX)},
    "radio": {"slots": (2, 1000), "speed": (0.01, 1000)},
    "transfer": {
        "lease_ms": (1, wire.LEASE_MAX_ms),
        "power_max_mW": (0, 0xFFFFFFFF),
        "duration_max_s": (0.001, 4_000_000),
        "floor_pct": (0, 90),
        "group_budget_J": (0, 1_000_000),
    },
    "contacts": {"slot_s": (0.001, 1e9)},
    "crowd": {"allowance_J": (0, 1_000_000)},
    "serve": {"http_port": (0, 65535)},
    "boards": {"id": (1, wire.BOARD_ID_MAX)},
}


def load(path: Path) -> RunConfig:
    """Read a run's file; paths in it are relative to it."""
    return parse(read_text(path), path)


def parse(text: str, path: Path) -> RunConfig:
    top = Table.parse(text, str(path))
    top.only([section.name for section in fields(RunConfig)])
    run = _run(top.table("run"), path.parent)
    return RunConfig(
        run=replace(run, keys=path.parent / run.keys, out=path.parent / run.out),
        radio=_radio(top.table("radio")),
        transfer=top.table("transfer").record(TransferSection, _RANGES["transfer"]),
        contacts=_contacts(top.table("contacts")),
        mqtt=outlets.mqtt(top.table("mqtt"), path.parent),
        notify=outlets.notify(top.table("notify"), path.parent),
        traces=outlets.traces(top.table("traces")),
        serve=top.table("serve").record(ServeSection, _RANGES["serve"]),
        crowd=_crowd(top),
        boards=_boards(top),
    )


def _run(table: Table, folder: Path) -> RunSection:
    books = _books(table, folder) if "ledger" in table else None
    section = table.record(RunSection, _RANGES["run"], ledger=books)
    if not is_site_name(section.site):
        raise table.fail("site", f"is no name of a site: {SITE_NAME}")
    if section.site_number and not section.site:
        raise table.fail("site_number", "needs run.site as well, the name that others see")
    return section


def _books(table: Table, folder: Path) -> BooksUrl:
    """Return the database of the site's ledger. A URL is never quoted: it may hold a password."""
    text, site = table.raw("ledger"), table.string("site", "")
    if not isinstance(text, str) or not is_url(text):
        raise table.fail("ledger", "must be the URL of a database: postgresql://...")
    try:
        books = BooksUrl(text, folder)
        books = books.of_site(site) if site else books
    except InputError as error:
        raise table.fail("ledger", str(error)) from None
    if not books.site:
        raise table.fail("ledger", "needs run.site as well: a database has one chain a site")
    return books


def _boards(top: Table) -> tuple[BoardsSection, ...]:
    boards: dict[int, BoardsSection] = {}
    for table in top.tables("boards"):
        profile = profile_names(table, "profile", table.raw("profile", []))
        board = table.record(BoardsSection, _RANGES["boards"], profile=profile)
        if board.id in boards:
            raise table.fail("id", f"board {board.id} is there twice")
        boards[board.id] = board
    return tuple(boards.values())


def _crowd(top: Table) -> CrowdSection:
    table = top.table("crowd")
    section = table.record(CrowdSection, _RANGES["crowd"])
    if "crowd" in top and not (section.name and section.name.isprintable()):
        raise table.fail("name", "must say whose accounts these are, in printable characters")
    return section


def _radio(table: Table) -> RadioSection:
    proxies = tuple(_proxy(each) for each in table.tables("proxies"))
    adapters = _adapters(table) if "adapters" in table else None
    if adapters == () and not proxies:
        raise table.fail("adapters", "there is no radio: name an adapter, or a proxy")
    return table.record(RadioSection, _RANGES["radio"], adapters=adapters, proxies=proxies)


def _adapters(table: Table) -> tuple[str, ...]:
    names = table.raw("adapters")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise table.fail("adapters", 'must be a list of names: ["hci0", "hci1"]')
    for other in ("adapter", "transport"):
        if other in table:
            raise table.fail("adapters", f"takes the place of {other}: leave one of them out")
    if len(set(names)) < len(names):
        raise table.fail("adapters", "names an adapter twice")
    return tuple(names)


def _proxy(table: Table) -> Proxy:
    proxy = table.record(Proxy, {"port": (1, 65535)})
    if not is_host(proxy.host):
        raise table.fail("host", "must be a name or an address; a port is a key of its own")
    if proxy.key and not is_noise_key(proxy.key):
        raise table.fail("key", "must be 32 bytes in base64, as the proxy's encryption key is")
    return proxy


def _contacts(table: Table) -> ContactsSection:
    slots = table.slots("slots") if "slots" in table else []
    section = table.record(ContactsSection, _RANGES["contacts"], slots=tuple(map(_slot, slots)))
    if section.source == "declared" and not section.slots:
        raise table.fail("slots", 'is missing: [[[a, b], ...], ...]; or source = "ping"')
    return section


def _slot(pairs: list[Table]) -> tuple[Pair, ...]:
    for pair in pairs:
        pair.only(("boards",))
        if not all(0 < board_id <= wire.BOARD_ID_MAX for board_id in pair.pair()):
            raise pair.fail("", f"a board's number is 1 to {wire.BOARD_ID_MAX}")
    return tuple(pair.pair() for pair in pairs)
