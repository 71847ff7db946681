# SPDX-License-Identifier: MIT
"""`crowdcharge passport` as its user and an outsider see it."""

import json
import re
import stat
import subprocess
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crowdcharge.passport
from crowdcharge.boards import keys as key_file
from crowdcharge.errors import InputError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from crowdcharge.passport.document import CONTEXT, TITLES
from crowdcharge.passport.signing import public_key

from .year import BOARD, KEYS

SCHEMA = json.loads((Path(crowdcharge.passport.__file__).parent / "schema.json").read_text())


@pytest.mark.parametrize("layout", ["json-ld", "json"])
def test_a_passport_fits_the_schema_and_verifies(passport, ledger, tmp_path, layout):
    out = tmp_path / "passport.json"
    code, told, err = passport(BOARD, "--ledger", ledger, "--format", layout, "--out", out)
    assert (code, err) == (0, "")
    assert "passport-key.pem" in told
    document = json.loads(out.read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document.get("@context") == (CONTEXT if layout == "json-ld" else None)
    assert list(document["figures"]) == sorted(TITLES)
    assert stat.S_IMODE(Path("passport-key.pem").stat().st_mode) == 0o600
    code, told, _ = passport("--verify", out)
    assert code == 0
    assert document["proof"]["public_key"] in told


def test_the_key_is_made_once(passport, ledger):
    made = [json.loads(passport(BOARD, "--ledger", ledger)[1]) for _ in range(2)]
    assert made[0] == made[1]


def test_receipts_are_checked_with_the_boards_keys(passport, ledger, tmp_path):
    key_file.save(tmp_path / "keys.toml", KEYS)
    code, out, _ = passport(BOARD, "--ledger", ledger, "--keys", "keys.toml")
    assert code == 0
    assert json.loads(out)["ledger"]["receipts"] == "signatures checked"
    key_file.save(tmp_path / "keys.toml", {**KEYS, BOARD: bytes(32)})
    code, _, err = passport(BOARD, "--ledger", ledger, "--keys", "keys.toml")
    assert code == 1
    assert "is not signed by board 1" in err


@pytest.mark.program("openssl", "openssl")
def test_an_outsider_checks_it_with_openssl(passport, ledger, tmp_path):
    document = json.loads(passport(BOARD, "--ledger", ledger)[1])
    proof = document["proof"]
    signature = bytes.fromhex(proof.pop("signature"))
    prefix = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: an Ed25519 public key in DER
    (tmp_path / "key.der").write_bytes(prefix + bytes.fromhex(proof["public_key"]))
    (tmp_path / "signature").write_bytes(signature)
    text = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    command = (
        "openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in text"
        " -sigfile signature"
    )
    for said, code in ((text, 0), (text.replace(b"mJ", b"MJ", 1), 1)):
        (tmp_path / "text").write_bytes(said)
        done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == code


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda made: made["figures"]["fade"].update(value=0), "was altered"),
        (lambda made: made["proof"].update(public_key="00" * 32), "was altered"),
        (lambda made: made["proof"].pop("signature"), "not a signed passport"),
        (lambda made: made["proof"].update(algorithm="none"), "not a signed passport"),
        (lambda made: made.update(format="other"), "not a signed passport"),
        (lambda made: made.update(board_id=float("nan")), "not a signed passport"),
        (lambda made: made["proof"].update(signature="zz"), "not a signed passport"),
        (lambda made: made.update(proof=[]), "not a signed passport"),
    ],
)
def test_an_altered_passport_is_one_line(passport, ledger, tmp_path, change, said):
    document = json.loads(passport(BOARD, "--ledger", ledger)[1])
    change(document)
    (tmp_path / "altered.json").write_text(json.dumps(document))
    code, _, err = passport("--verify", "altered.json")
    assert code == 2
    assert said in err
    assert err.startswith("crowdcharge: altered.json, line ") and err.count("\n") == 1


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=70)
PROOF = {"algorithm": "Ed25519", "public_key": "ab" * 32, "signature": "cd" * 64}


@given(
    st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
    | st.fixed_dictionaries(
        {
            "format": st.just("crowdcharge-passport") | PLAIN,
            "proof": st.fixed_dictionaries(
                {key: st.just(good) | PLAIN for key, good in PROOF.items()}
            ),
        }
    )
)
@settings(max_examples=200, deadline=None)
def test_whatever_the_file_holds_nothing_is_taken_for_a_passport(document):
    with pytest.raises(InputError):
        public_key(document)


def test_the_page_holds_every_figure_and_no_other_file(passport, ledger):
    code, page, _ = passport(BOARD, "--ledger", ledger, "--format", "html")
    assert code == 0
    for title in TITLES.values():
        assert title in page
    assert "no battery passport of any regulation" in page
    assert "prefers-color-scheme:dark" in page and "width=device-width" in page
    assert "<svg" in page
    assert not re.search(r"(src|href)=", page)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give a BOARD and --ledger FILE"),
        ((1,), "give a BOARD and --ledger FILE"),
        ((1, "--ledger", "nowhere.sqlite"), "no ledger at nowhere.sqlite"),
        ((0, "--ledger", "x"), "0 is not in the range"),
        ((1, "--verify", "x"), "takes neither"),
        (("--verify", "nowhere.json"), "nowhere.json: No such file"),
    ],
)
def test_mistakes_are_one_line(passport, arguments, said):
    code, _, err = passport(*arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert said in err


def test_a_board_that_is_not_in_the_ledger(passport, ledger):
    code, _, err = passport(9, "--ledger", ledger)
    assert (code, err) == (2, f"crowdcharge: {ledger}: no row is about board 9\n")


@pytest.mark.parametrize(("mode", "content"), [(0o600, "no key"), (0o644, "")])
def test_a_key_that_is_none_or_open_to_others_is_refused(passport, ledger, mode, content):
    path = Path("passport-key.pem")
    path.write_text(content)
    path.chmod(mode)
    code, _, err = passport(BOARD, "--ledger", ledger)
    assert code == 2
    assert ("not an Ed25519 key" if mode == 0o600 else "open to others") in err
    assert path.read_text() == content


def test_a_short_ledger_gives_reasons_and_no_numbers(passport, tmp_path):
    path = tmp_path / "short.sqlite"
    with Store.create(path) as store:
        store.append([kinds.Run("p", 1, None), kinds.Reading(3, 1, None, 0, 0, 100, t_ms=1)])
    document = json.loads(passport(3, "--ledger", path)[1])
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    figures = document["figures"]
    assert figures["capacity_rated"]["value"] == 100
    for name in ("capacity_remaining", "resistance", "full_cycles", "coil_lowest", "fade"):
        assert figures[name]["value"] is None
        assert figures[name]["how"]
