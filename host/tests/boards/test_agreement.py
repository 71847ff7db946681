# SPDX-License-Identifier: MIT
"""Two crowds agree: what the sheets make of boards, and what is refused."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.boards import agreement, crowd_file
from crowdcharge.boards.agreement import Agreements, Sheet
from crowdcharge.cli.crowd import crowd as command
from crowdcharge.errors import InputError
from crowdcharge.toml_table import Table
from wptcore.peer_desk import Membership, PeerDesk

GIVERS, TAKERS = (1, 2), (7, 8)


class Owner:
    """The owner of a crowd, at a shell."""

    def __init__(self, path: Path, *boards: int) -> None:
        self.path = path
        crowd_file.create(path, "oblivious-share")
        for board in boards:
            self.join(board)

    def join(self, board: int) -> None:
        with crowd_file.changing(self.path) as crowd:
            crowd.add(board)
            crowd.note_written(board)

    @property
    def crowd(self) -> crowd_file.Crowd:
        return crowd_file.load(self.path)

    @property
    def number(self) -> str:
        return f"{self.crowd.id:08x}"

    def agree(self, *arguments: object) -> tuple[int, str]:
        """Return the exit code, and what was said."""
        done = CliRunner().invoke(command, ["agree", str(self.path), *map(str, arguments)])
        if isinstance(done.exception, InputError):  # main makes a line and a 2 of it
            return 2, str(done.exception)
        return done.exit_code, done.output

    def desk(self, board: int) -> PeerDesk:
        return PeerDesk(Membership(self.crowd.membership(board)), sha256)


@pytest.fixture
def owners(tmp_path: Path) -> tuple[Owner, Owner]:
    return Owner(tmp_path / "givers.toml", *GIVERS), Owner(tmp_path / "takers.toml", *TAKERS)


@pytest.fixture
def sheet(owners: tuple[Owner, Owner], tmp_path: Path) -> Path:
    givers, takers = owners
    found = tmp_path / "sheet.toml"
    code, said = givers.agree("--with", takers.number, "--boards", "7,8", "--sheet", found)
    assert code == 0, said
    assert "again for: 1, 2" in said
    return found


def test_each_taker_has_the_key_that_each_giver_computes(owners, sheet: Path) -> None:
    givers, takers = owners
    assert sheet.stat().st_mode & 0o077 == 0
    assert takers.agree("--take", sheet)[0] == 0
    keys = set()
    for taker in TAKERS:
        member = Membership(takers.crowd.membership(taker))
        for giver in GIVERS:
            key = member.key_to(giver)
            assert key == givers.desk(giver).key_of(takers.crowd.id, taker)
            keys.add(key)
    assert len(keys) == 4
    for giver in GIVERS:  # one direction is no other
        assert takers.desk(7).key_of(givers.crowd.id, giver) == b""


def test_boards_of_two_crowds_charge_each_other_until_it_ends(owners, sheet: Path) -> None:
    from peers import Node, Room  # noqa: PLC0415 - the firmware's own test room

    givers, takers = owners
    takers.agree("--take", sheet)

    def charges(**consent: int) -> bool:
        giver = Node(1, 900, crowd=givers.crowd.membership(1), **consent)
        room = Room(giver, Node(7, 300, crowd=takers.crowd.membership(7)))
        return bool(room.run(2000).nodes[0].board.coil_on)

    assert charges(gives_to=4)
    assert not charges(gives_to=2), "its owner consents to the own crowd only"
    code, said = givers.agree("--end", takers.number)
    assert code == 0 and "again for: 1, 2" in said
    assert not charges(gives_to=4)


def test_an_agreement_has_a_quota_until_it_ends(owners, sheet: Path, tmp_path: Path) -> None:
    givers, takers = owners
    crowd = takers.crowd.id

    def quota_mJ() -> dict[str, int]:
        return givers.crowd.membership(1)["quotas"]

    assert quota_mJ() == {}
    for board in GIVERS:
        givers.join(board)
    code, said = givers.agree("--with", takers.number, "--quota-wh", 0.5)
    assert code == 0 and "at most 0.5 Wh a day" in said and "again for: 1, 2" in said
    assert quota_mJ() == {str(crowd): 1_800_000}
    listed = CliRunner().invoke(command, ["list", str(givers.path)]).output
    assert f"crowd {takers.number} may ask, each of our boards for at most 0.5 Wh a day" in listed
    again = tmp_path / "again.toml"
    asked = ("--with", takers.number, "--boards", "7", "--sheet", again)
    assert givers.agree(*asked, "--quota-wh", 1)[0] == 0
    assert quota_mJ() == {str(crowd): 3_600_000}
    again.unlink()
    assert givers.agree(*asked)[0] == 0 and quota_mJ() == {}, "an agreement without one has none"
    givers.agree("--with", takers.number, "--quota-wh", 1)
    assert givers.agree("--end", takers.number)[0] == 0 and quota_mJ() == {}


def test_a_board_keeps_eight_quotas() -> None:
    found = Agreements()
    for crowd in range(2, 11):
        found.let_ask(1, {1: bytes(32)}, crowd, [7])
        if crowd < 10:
            found.bound(crowd, 5)
    with pytest.raises(InputError, match="at most 8"):
        found.bound(10, 5)
    assert len(found.quotas_mJ) == 8
    found.bound(9, 6)


def test_the_list_says_what_is_agreed(owners, sheet: Path) -> None:
    givers, takers = owners
    takers.agree("--take", sheet)

    def listed(owner: Owner) -> dict:
        done = CliRunner().invoke(command, ["list", str(owner.path), "--json"])
        return json.loads(done.output)

    assert listed(givers)["may_ask"] == [takers.number]
    assert listed(takers)["may_be_asked"] == [givers.number]
    assert {each["behind"] for each in listed(takers)["members"]} == {True}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--with", "GIVERS", "--boards", "7", "--sheet", "new"], "this crowd itself"),
        (["--with", "TAKERS", "--boards", "1", "--sheet", "new"], "both crowds have a board 1"),
        (["--with", "TAKERS", "--boards", "x", "--sheet", "new"], "must be numbers of boards"),
        (["--with", "TAKERS", "--boards", "7" * 5000, "--sheet", "new"], "numbers of boards"),
        (["--with", "5a", "--boards", "7", "--sheet", "new"], "no number of a crowd"),
        (["--with", "TAKERS", "--boards", "7", "--sheet", "SHEET"], "is there already"),
        (["--with", "TAKERS"], "one of"),
        (["--take", "SHEET", "--quota-wh", "1"], "one of"),
        (["--with", "TAKERS", "--quota-wh", "0"], "would be no limit"),
        (["--with", "0000005a", "--quota-wh", "1"], "crowd 0000005a may not ask"),
        (["--take", "SHEET"], "the sheet is for crowd"),
        (["--end", "0000005a"], "no agreement with crowd 0000005a"),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(owners, sheet, arguments, said) -> None:
    givers, takers = owners
    names = {"GIVERS": givers.number, "TAKERS": takers.number, "SHEET": str(sheet)}
    names["new"] = str(sheet.with_name("new.toml"))
    before = givers.path.read_bytes()
    code, told = givers.agree(*(names.get(each, each) for each in arguments))
    assert code == 2 and said in told
    assert givers.path.read_bytes() == before
    assert not sheet.with_name("new.toml").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "has no keys"),
        ("[keys.7]\n1 = 'ab'", "64 hexadecimal digits"),
        ("[keys.x]\n1 = 'ab'", "a board's number is 1 to 65534"),
        (f"[keys.{'7' * 5000}]\n1 = 'ab'", "a board's number is 1 to 65534"),
        ("[keys]\n7 = 1", "7"),
        ("other = 1", "other"),
    ],
)
def test_what_is_no_sheet_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "sheet.toml"
    path.write_text(f'giver = "0000005a"\ntaker = "0000005b"\n{line}\n')
    with pytest.raises(InputError, match=said):
        agreement.read_sheet(path)


BOARDS = st.integers(1, 65_534)
KEY = st.binary(min_size=32, max_size=32)
KEYS = st.dictionaries(
    BOARDS, st.dictionaries(BOARDS, KEY, min_size=1, max_size=3), min_size=1, max_size=3
)
CROWDS = st.integers(1, 2**32 - 1)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(CROWDS, st.integers(0, 2**32 - 1), max_size=3),
    st.dictionaries(CROWDS, KEYS, max_size=3),
)
def test_a_file_gives_back_what_it_got(quotas_mJ, keys) -> None:
    bound = {crowd: quota_mJ for crowd, quota_mJ in quotas_mJ.items() if quota_mJ}
    made = Agreements(sorted(quotas_mJ), keys, bound, changes=3)
    table = Table.parse("\n".join(made.lines()), "crowd.toml").table("agreements")
    assert Agreements.read(table) == made


def test_a_board_keeps_no_more_keys_than_it_can() -> None:
    members = range(1, 61)
    five = Sheet(1, 2, {1: {100 + n: bytes(32) for n in range(5)}})
    six = Sheet(3, 2, {1: {200 + n: bytes(32) for n in range(6)}})
    found = Agreements()
    found.take(five, 2, members)
    with pytest.raises(InputError, match="more than 64 keys"):
        found.take(six, 2, members)
    found.take(five, 2, members)  # the same crowd again takes the place of what it gave before
    assert len(found.keys_of(1)) == 5
