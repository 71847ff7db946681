# SPDX-License-Identifier: MIT
"""An owner's words and files, and what is refused of them."""

import hashlib
import io

import pytest
from click.testing import CliRunner

from crowdcharge.boards import mandates
from crowdcharge.cli.owner import owner
from crowdcharge.errors import InputError
from wptcore import mandate

OWNER = bytes(range(1, 33))


def test_a_board_reads_what_an_owner_signs():
    words = mandates.MandateTerms(7, 99, mandates.whom("crowd,friends"), 5000, friends=(3, 4))
    key = mandates.board_key(OWNER, 7)
    found = mandate.verified(hashlib.sha256, key, 7, words.signed(OWNER))
    assert (found.number, found.gives_to, found.day_max_mJ, found.friends) == (
        99,
        10,
        5000,
        (3, 4),
    )
    assert mandate.verified(hashlib.sha256, key, 8, words.signed(OWNER)) is None
    assert mandate.verified(hashlib.sha256, key, 7, words.signed(bytes(32))) is None


def test_only_the_boards_own_proof_counts():
    signed = mandates.MandateTerms(7, 99).signed(OWNER)
    key = mandates.board_key(OWNER, 7)
    assert mandates.proves(OWNER, signed, mandate.taken_tag(hashlib.sha256, key, 7, 99))
    assert not mandates.proves(OWNER, signed, mandate.taken_tag(hashlib.sha256, key, 7, 98))
    assert not mandates.proves(OWNER, signed, bytes(16))


@pytest.mark.parametrize("text", ["", "22:00", "22:00-22:00", "24:00-1:00", "1:60-2:00", "a-b"])
def test_what_are_no_hours_is_refused(text):
    with pytest.raises(InputError, match="--hours"):
        mandates.hours(text)
    assert mandates.hours("22:00-6:30") == (1320, 390)


@pytest.mark.parametrize(
    "words",
    [
        mandates.MandateTerms(1, 1, friends=tuple(range(1, 10))),
        mandates.MandateTerms(1, 1, day_max_mJ=1 << 32),
        mandates.MandateTerms(1, 1, wants_mJ=1 << 32),
    ],
)
def test_what_has_no_room_is_refused(words):
    with pytest.raises(InputError):
        words.signed(OWNER)


def test_files(tmp_path):
    path = tmp_path / "owner.toml"
    key = mandates.create(path)
    assert mandates.load(path) == key and path.stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="already"):
        mandates.create(path)
    words = tmp_path / "mandate"
    words.write_text(mandates.MandateTerms(7, 99).signed(key).hex() + "\n")
    assert mandates.read(words) == mandates.MandateTerms(7, 99).signed(key)
    for text in ("", "zz", "00" * 60, "01" * 59, "1" * 2000):
        words.write_text(text)
        with pytest.raises(InputError, match="mandate"):
            mandates.read(words)
    path.write_text('key = "ab"\n')
    with pytest.raises(InputError, match="64 hexadecimal") as refused:
        mandates.load(path)
    assert 'ab"' not in str(refused.value)


def test_an_unknown_asker_is_refused():
    assert mandates.whom("nobody") == 0
    with pytest.raises(InputError, match="--gives-to"):
        mandates.whom("everybody")


def test_a_code_brings_the_key_in_what_no_server_sees(tmp_path):
    segno = pytest.importorskip("segno")
    path = tmp_path / "owner.toml"
    key = mandates.create(path)
    said = CliRunner().invoke(owner, ["qr", str(path), "https://desk.example/owner", "--id", "7"])
    expected = io.StringIO()
    link = f"https://desk.example/owner#owner={key.hex()}&board=7"
    segno.make(link, micro=False).terminal(expected, compact=True)
    assert (said.exit_code, said.output) == (0, expected.getvalue())


@pytest.mark.parametrize("url", ["http://desk/owner", "desk/owner", "https://", "https://a/b#c"])
def test_a_code_is_for_a_page_that_signs(tmp_path, url):
    path = tmp_path / "owner.toml"
    mandates.create(path)
    refused = CliRunner().invoke(owner, ["qr", str(path), url]).exception
    assert isinstance(refused, InputError) and "https://HOST/owner" in str(refused)
