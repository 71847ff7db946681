# SPDX-License-Identifier: MIT
"""`crowdcharge trade --bench`: what a user can get wrong is one line; a small market as a user."""

import json
import sys

import pytest

from crowdcharge import cli
from crowdcharge.boards import keys as key_file

from ..command import run_command

RUN = """
[run]
policy = "online-average"
keys = "keys.toml"
out = "out"
[contacts]
source = "ping"
"""


def _named(text, named):
    first, slash, rest = text.partition("/")
    return named.get(first, first) + slash + rest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give one of these: a market file, --bench N, --run RUN.toml"),
        (("market.json", "--bench", "3"), "give one of these"),
        (("--run", "absent.toml", "--lane", "1"), "absent.toml: No such file"),
        (("--run", "run.toml"), "--run RUN.toml and --lane ID belong together"),
        (("--run", "RUN", "--lane", "9"), "--lane 9: the keys file"),
        (("--bench", "1"), "--bench must be 2 to 40 boards, not 1"),
        (("--bench", "3", "--speed", "100"), "--speed must be 0.1 to 10, not 100"),
        (("--bench", "x"), "not a valid integer"),
        (("--bench", "3", "--out", "FILE/out"), "cannot write into"),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    file = tmp_path / "FILE"
    file.write_text("")
    run = tmp_path / "run.toml"
    run.write_text(RUN)
    key_file.save(tmp_path / "keys.toml", {1: bytes(32), 2: bytes(32), 3: bytes(32)})
    named = {"FILE": str(file), "RUN": str(run)}
    words = ["crowdcharge", "trade", *(_named(each, named) for each in arguments)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.bench
@pytest.mark.vm
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_two_boards_and_a_hub(tmp_path):
    out = tmp_path / "out"
    result = run_command("trade", "--bench", "2", "--json", "--out", out, timeout_s=200)
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    (market,) = summary["markets"]
    assert market["confirmed"]
    assert abs(sum(market["accounts"].values())) < 1e-9
    assert [each["outcome"] for each in market["bargains"]] == ["paid", "paid"]
    assert json.loads((out / "summary.json").read_text()) == summary
    assert "<h2>Market 1</h2>" in (out / "report.html").read_text()
    keyed = ("--keys", str(out / "keys.toml"))
    result = run_command("ledger", "verify", str(out / "ledger.sqlite"), *keyed)
    assert result.returncode == 0, result.stderr
    result = run_command("ledger", "show", str(out / "ledger.sqlite"))
    assert "credits/Wh, lane 1" in result.stdout
