# SPDX-License-Identifier: MIT
"""Every decoder that reads what a stranger, a damaged file or a person's slip may have made.

A target takes bytes and may raise what it declares, nothing else. Boards' decoders (`ON_VM`) use
nothing that MicroPython lacks, so that the same inputs run there.
"""

import binascii
import contextlib
import hashlib
import os
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "firmware"), str(ROOT / "firmware" / "tests")]

from bthome_ble import BTHomeBluetoothDeviceData  # noqa: E402 - after the path of the boards' tests
from habluetooth import BluetoothServiceInfoBleak  # noqa: E402

from crowdcharge.bench import config as bench_config  # noqa: E402
from crowdcharge.boards import keys  # noqa: E402
from crowdcharge.boards.aliases import Aliases  # noqa: E402
from crowdcharge.boards.mandates import MandateTerms, board_key  # noqa: E402
from crowdcharge.boards.models import Beacon, unpack_receipts  # noqa: E402
from crowdcharge.boards.session import Session, UnprovenRefusalError  # noqa: E402
from crowdcharge.errors import RemoteProtocolError, WptError  # noqa: E402
from crowdcharge.flash import serial_line  # noqa: E402
from crowdcharge.ledger import kinds  # noqa: E402
from crowdcharge.ledger.book import Book  # noqa: E402
from crowdcharge.ledger.rows import FIRST_HASH, Row, chained, row_hash  # noqa: E402
from crowdcharge.ledger.settlement import settlement  # noqa: E402
from crowdcharge.ledger.store import Store  # noqa: E402
from crowdcharge.ledger.verify import verify  # noqa: E402
from crowdcharge.orchestrator import config  # noqa: E402
from support import HOST_NONCE, LINK, Host, make_board  # noqa: E402
from test_console import Line, MemoryBackend  # noqa: E402
from wptcore import alias, bthome, journal, mandate, wire  # noqa: E402
from wptcore.console import unframe  # noqa: E402

KEY = bytes(range(32))
SCRATCH = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/tmp")


@dataclass(frozen=True)
class Target:
    """`seeds`: well-formed inputs to start from; `on_vm`: the board has this decoder too."""

    decode: Callable[[bytes], object]
    allowed: tuple[type[Exception], ...]
    seeds: Callable[[], list[bytes]]
    on_vm: bool = False


# -- the air, seen by the host ------------------------------------------------------------------


def _beacon_bytes() -> bytes:
    buffer = bytearray(wire.BEACON_SIZE)
    make_board().pack_beacon_into(buffer, 0)
    return bytes(buffer)


def _receipts() -> bytes:
    host = Host(make_board()).hello()
    for transfer_id in range(1, 4):
        host.grant(transfer_id=transfer_id)
        host.send(wire.STOP, transfer_id)
    return bytes(host.board.receipts)


def _acks() -> list[bytes]:
    board = make_board()
    host = Host(board)
    frames = [host.frame(wire.HELLO, HOST_NONCE), host.frame(wire.STOP, 5), bytes(30)]
    frames += [host.frame(wire.ASK, what) for what in (1, 2, 3)]
    replies = []
    for frame in frames:
        board.on_command(LINK, frame)
        replies.append(board.pop_reply()[1])
    return replies


def _session_open(data: bytes) -> object:
    session = Session(KEY, make_challenge(), bytes(16), int)
    return session.open(data)


def make_challenge() -> bytes:
    return wire.pack_challenge(3, 1, wire.CARRIED, 240, bytes(range(100, 116)))


# -- the air, seen by a board ------------------------------------------------------------------


def _frames() -> list[bytes]:
    """One of each type, authentic for the board of `_command`."""
    host = Host(make_board())
    hello = host.frame(wire.HELLO, HOST_NONCE)
    return [
        hello,
        host.frame(wire.GRANT, 1, wire.PTX, 9, 0, 0, 5000, 50_000, 60_000, 20, 1000, 0),
        host.frame(wire.RENEW, 1, 1000, 800, 0),
        host.frame(wire.STOP, 1),
        host.frame(wire.CLEAR, 0x82),
        host.frame(wire.CONFIGURE, 1, 30),
        host.frame(wire.PING, 2, 500),
        host.frame(wire.ASK, wire.ASK_FAULTS),
    ]


_HELLO = _frames()[0]


class _CommandTarget:
    """A board with a session: every input is a command; it must answer, and grant nothing."""

    def __init__(self) -> None:
        self._authentic = frozenset(_frames())
        self._fresh()

    def _fresh(self) -> None:
        self._board = make_board()
        self._host = Host(self._board)
        self._board.on_command(LINK, _HELLO)
        self._board.pop_reply()

    def __call__(self, data: bytes) -> None:
        self._board.on_command(LINK, data)
        link, reply = self._board.pop_reply()
        assert link == LINK
        if data[:1] == b"\x01" and reply[:1] == b"\x01":  # a refusal in the layout of version 1
            assert reply[1] == wire.ACK
            assert reply[-16:] == bytes(16)
            return
        assert wire.unpack_body(reply)
        assert not self._board.coil_on or data in self._authentic, "a forged grant"
        if self._board.unwelcome_link >= 0 or data in self._authentic:
            self._fresh()


# -- BTHome: whatever the values, the public parser reads what was packed ------------------------


def _bthome(data: bytes) -> None:
    """Parse values; `data` gives them, since we read no BTHome ourselves."""
    padded = (data + bytes(20))[:20]
    word = [int.from_bytes(padded[i : i + 4], "little", signed=True) for i in range(0, 20, 4)]
    buffer = bytearray(31)
    end = bthome.pack_into(
        buffer, 0, padded[0], padded[1] * 8, word[0], word[1], word[2] >> 4, word[3],
        bool(padded[2]), bool(padded[3]),
    )  # fmt: skip
    assert end <= 24
    update = BTHomeBluetoothDeviceData().update(_service_info(bytes(buffer[:end])))
    keys = {key.key for key in update.entity_values}
    assert {"voltage", "temperature", "power", "current"} <= keys
    assert ("battery" in keys) == (padded[1] * 8 <= 1000)


def _service_info(payload: bytes) -> BluetoothServiceInfoBleak:
    return BluetoothServiceInfoBleak(
        name="wpt-3", address="C0:DE:00:00:00:03", rssi=-50, manufacturer_data={},
        service_data={"0000fcd2-0000-1000-8000-00805f9b34fb": payload},
        service_uuids=["0000fcd2-0000-1000-8000-00805f9b34fb"], source="fuzz", device=None,
        advertisement=None, connectable=True, time=0.0, tx_power=None,
    )  # fmt: skip


# -- the serial console ------------------------------------------------------------------------


class _ConsoleTarget:
    """A board's console with everything behind it, in and out of maintenance."""

    def __init__(self) -> None:
        self._count = 0
        self._fresh()

    def _fresh(self) -> None:
        self._line = Line(backend=MemoryBackend(maintenance=self._count // 100 % 2 == 1))

    def __call__(self, data: bytes) -> None:
        self._count += 1
        if self._count % 100 == 0:
            self._fresh()
        self._line.console.feed(data + b"\n")
        self._line.console.step()
        for line in iter(self._line.console.pop_line, None):
            assert line.endswith(b"\r\n")
            assert len(line) < 4096  # what the host listens to
        assert not self._line.board.coil_on


def _answer(data: bytes) -> object:
    """Return what the host makes of a line from a board."""
    text = unframe(data.decode("ascii", "replace").strip(), binascii.crc32)
    return serial_line._ANSWER.fullmatch(text)


def _console_lines() -> list[bytes]:
    plain = ["help", "version", "status", "selftest", "meter tx 3", "configure capacity_mJ 5000"]
    plain += ["calibrate tx 100 -20", "calibrate curve 250 1350 50 400", "maintenance on"]
    plain += ["provision 7 " + "5a" * 32]
    framed = [f"wpt1 {number} {text}" for number, text in enumerate(plain, 1)]
    crc = [f"{text} *{binascii.crc32(text.encode()):08x}" for text in framed]
    return [line.encode() for line in (*plain, *crc)]


# -- files -------------------------------------------------------------------------------------


def _text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode("utf-8", "replace"))


def _keys(data: bytes) -> object:
    path = SCRATCH / f"fuzz-keys-{_tag()}.toml"
    path.write_bytes(data)
    path.chmod(0o600)
    return keys.load(path)


def _tag() -> str:
    return str(os.getpid())


_RUN = b"""[run]
policy = "oblivious-share"
keys = "keys.toml"
out = "out"
duration_s = 60
seed = 3
[radio]
transport = "tcp-client:127.0.0.1:9000"
speed = 2.0
slots = 5
[transfer]
lease_ms = 2000
floor_pct = 25
[contacts]
source = "declared"
slot_s = 5.0
slots = [[[1, 2], [3, 4]], [[2, 3]]]
"""


_BENCH = b"""speed = 2.0
hosts = 2
[link]
power_W = 2.5
[contacts]
slot_s = 5.0
cycle = [[[1, 2]], [{ boards = [1, 2], gap_mm = 3.0, offset_mm = 0.0 }]]
[[boards]]
id = 1
soc_pct = 90
key = ""
[[boards]]
id = 2
soc_pct = 5.5
storage = "littlefs"
"""


def _ledger_rows() -> list[Row]:
    receipts = unpack_receipts(_receipts())[::-1]
    contents: list[kinds.Content] = [kinds.Run("p", seed=1, vm=None, started_unix_s=1)]
    book = Book()
    contents += [kinds.Open(each.transfer_id, 3, 9, 5, 5, t_ms=1) for each in receipts]
    contents += book.admit(receipts)
    rows: list[Row] = []
    previous = FIRST_HASH
    for content in contents:
        rows.append(chained(len(rows) + 1, previous, content))
        previous = rows[-1].hash
        book.apply(rows[-1])
    for transfer in list(book.transfers.values()):
        sent = book.receipt(transfer, wire.PTX)
        for content in settlement(transfer, sent, None):
            rows.append(chained(len(rows) + 1, previous, content))
            previous = rows[-1].hash
            book.apply(rows[-1])
    return rows


def _rows_text() -> bytes:
    return b"\n".join(
        "\t".join((str(row.seq), row.kind, row.body, row.hash)).encode() for row in _ledger_rows()
    )


def _ledger_rows_target(data: bytes) -> None:
    """Check the rows that a damaged ledger may give: findings, never an exception."""
    rows = []
    for number, line in enumerate(data.split(b"\n"), 1):
        parts = line.decode("utf-8", "surrogateescape").split("\t")
        kind, body, row_hash = ([*parts[1:], "", "", ""])[:3]
        rows.append(Row(number, kind, body, row_hash))
    good = verify(rows, {3: KEY})
    assert all(isinstance(str(finding), str) for finding in good)
    previous = FIRST_HASH  # and with a chain that a forger has made anew
    forged = []
    for row in rows:
        forged.append(Row(row.seq, row.kind, row.body, _hash(previous, row)))
        previous = forged[-1].hash
    verify(forged, {3: KEY})


def _hash(previous: str, row: Row) -> str:
    return row_hash(previous, row.seq, row.kind, row.body)


def _ledger_file_seed() -> bytes:
    path = SCRATCH / f"fuzz-seed-{_tag()}.sqlite"
    path.unlink(missing_ok=True)
    with Store.create(path) as store:
        store.append([row.content() for row in _ledger_rows()])
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA journal_mode = DELETE")
    data = path.read_bytes()
    path.unlink()
    return data


def _ledger_file(data: bytes) -> None:
    path = SCRATCH / f"fuzz-{_tag()}.sqlite"
    path.write_bytes(data)
    with Store.read(path) as store:
        store.damage()
        verify(store.rows(), {3: KEY})
        store.load()


def _journal(data: bytes) -> None:
    found = journal.Journal([data, b""], lambda _: 0)  # a CRC that a forger can make
    make_board(saved=found.saved)


def _journal_seed() -> bytes:
    host = Host(make_board()).hello()
    host.grant()
    record: bytes = journal.pack_record(7, host.board.pop_save(), lambda _: 0)
    return record


def _mandate(data: bytes) -> None:
    mandate.verified(hashlib.sha256, board_key(KEY, 3), 3, data)
    mandate.board_of(data)


def _alias(data: bytes) -> None:
    alias.read(hashlib.sha256, KEY, data)
    Aliases({3: KEY}).beacon(data)


def _alias_bytes() -> bytes:
    host = alias.host_key(hashlib.sha256, KEY)
    packed: bytes = alias.pack(hashlib.sha256, host, KEY, bytes(6), 3, 0, 50)
    return packed


TARGETS: dict[str, Target] = {
    "alias": Target(_alias, (ValueError,), lambda: [_alias_bytes()], True),
    "mandate": Target(_mandate, (ValueError,), lambda: [MandateTerms(3, 1).signed(KEY)], True),
    "beacon": Target(Beacon.unpack, (ValueError,), lambda: [_beacon_bytes()], True),
    "challenge": Target(wire.unpack_challenge, (ValueError,), lambda: [make_challenge()], True),
    "old-beacon": Target(Beacon.unpack_1, (ValueError,), lambda: [bytes((1, 7)) + bytes(21)]),
    "receipts": Target(unpack_receipts, (ValueError,), lambda: [_receipts()], True),
    "ack": Target(_session_open, (RemoteProtocolError, UnprovenRefusalError), _acks),
    "command": Target(_CommandTarget(), (), _frames, True),
    "journal": Target(_journal, (), lambda: [_journal_seed()], True),
    "bthome": Target(_bthome, (), lambda: [bytes(20)], True),
    "console": Target(_ConsoleTarget(), (), _console_lines, True),
    "answer": Target(_answer, (ValueError,), _console_lines),
    "config": Target(
        _text(lambda text: config.parse(text, Path("run.toml"))), (WptError,), lambda: [_RUN]
    ),
    "bench-config": Target(_text(bench_config.parse), (WptError,), lambda: [_BENCH]),
    "keys": Target(_keys, (WptError,), lambda: [b'[keys]\n3 = "' + b"5a" * 32 + b'"\n']),
    "ledger-rows": Target(_ledger_rows_target, (), lambda: [_rows_text()]),
    "ledger-file": Target(_ledger_file, (WptError,), lambda: [_ledger_file_seed()]),
}
