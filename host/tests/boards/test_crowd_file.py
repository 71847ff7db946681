# SPDX-License-Identifier: MIT
"""The owner's file of a crowd: what it makes for boards, and what it refuses."""

from pathlib import Path

import pytest

from crowdcharge.boards import crowd_file
from crowdcharge.errors import InputError
from wptcore.peer_desk import Membership, PeerDesk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "crowd.toml"
    crowd_file.create(found, "oblivious-share")
    return found


def joined(path: Path, *boards: int) -> None:
    for board in boards:
        with crowd_file.changing(path) as crowd:
            crowd.add(board)
            crowd.note_written(board)


def test_what_one_board_gets_is_what_another_computes(path: Path) -> None:
    from hashlib import sha256  # noqa: PLC0415 - as a board hands it in

    joined(path, 1, 2, 3)
    crowd = crowd_file.load(path)
    members = {board: Membership(crowd.membership(board)) for board in (1, 2, 3)}
    desks = {board: PeerDesk(members[board], sha256) for board in (1, 2, 3)}
    keys = set()
    for taker in (1, 2, 3):
        for giver in {1, 2, 3} - {taker}:
            key = members[taker].key_to(giver)
            assert key == desks[giver].key_of(crowd.id, taker)
            keys.add(key)
    assert len(keys) == 6  # each pair and direction has its own
    assert desks[1].key_of(crowd.id + 1, 2) == b""


def test_who_is_behind(path: Path) -> None:
    joined(path, 1, 2)
    crowd = crowd_file.load(path)
    assert [crowd.is_behind(board) for board in (1, 2)] == [True, False]
    joined(path, 1)
    with crowd_file.changing(path) as crowd:
        old = crowd.membership(1)
        crowd.remove(2)
    crowd = crowd_file.load(path)
    assert crowd.is_behind(1) and crowd.members == [1]
    assert crowd.membership(1)["root"] != old["root"]
    with pytest.raises(InputError, match="no member"):
        crowd.remove(2)


def test_a_crowds_key_is_never_overwritten_and_never_shown(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(InputError, match="already"):
        crowd_file.create(path, "oblivious-share")
    assert path.read_bytes() == before and path.stat().st_mode & 0o077 == 0
    secret = crowd_file.load(path).key.hex()
    path.write_text(path.read_text().replace(secret, secret[:-1]))
    with pytest.raises(InputError) as raised:
        crowd_file.load(path)
    assert secret[:8] not in str(raised.value)
    path.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        crowd_file.load(path)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("members = [0]", "members"),
        ("members = [1.5]", "members"),
        ("members = 7", "members"),
        ("epoch = -1", "epoch"),
        ('policy = "greedy"', "policy"),
        ("written = { 1 = [1] }", "written"),
        ("unknown = 1", "unknown"),
    ],
)
def test_what_is_no_crowd_is_one_line(tmp_path: Path, line: str, word: str) -> None:
    path = tmp_path / "crowd.toml"
    path.write_text(f'key = "{"ab" * 32}"\n{line}\n')
    path.chmod(0o600)
    with pytest.raises(InputError, match=word) as raised:
        crowd_file.load(path)
    assert "\n" not in str(raised.value)
