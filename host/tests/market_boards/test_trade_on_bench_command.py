# SPDX-License-Identifier: MIT
"""`crowdcharge trade --bench`: what a user can get wrong is one line; a small market as a user."""

import json
import subprocess
import sys

import pytest


def crowdcharge(*arguments):
    code = "from crowdcharge.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either a market file or --bench N"),
        (("market.json", "--bench", "3"), "give either a market file or --bench N"),
        (("--bench", "1"), "--bench must be 2 to 40 boards, not 1"),
        (("--bench", "3", "--speed", "100"), "--speed must be 0.1 to 10, not 100"),
        (("--bench", "x"), "not a valid integer"),
        (("--bench", "3", "--out", "FILE/out"), "cannot write into"),
    ],
)
def test_bad_input_is_one_line(tmp_path, arguments, said):
    file = tmp_path / "FILE"
    file.write_text("")
    result = crowdcharge("trade", *(each.replace("FILE", str(file)) for each in arguments))
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert said in result.stderr


@pytest.mark.bench
@pytest.mark.vm
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_two_boards_and_a_hub(tmp_path):
    out = tmp_path / "out"
    result = crowdcharge("trade", "--bench", "2", "--json", "--out", str(out))
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    (market,) = summary["markets"]
    assert market["confirmed"]
    assert abs(sum(market["accounts"].values())) < 1e-9
    assert [each["outcome"] for each in market["bargains"]] == ["paid", "paid"]
    assert json.loads((out / "summary.json").read_text()) == summary
    assert "<h2>Market 1</h2>" in (out / "report.html").read_text()
    keyed = ("--keys", str(out / "keys.toml"))
    result = crowdcharge("ledger", "verify", str(out / "ledger.sqlite"), *keyed)
    assert result.returncode == 0, result.stderr
    result = crowdcharge("ledger", "show", str(out / "ledger.sqlite"))
    assert "credits/Wh, lane 1" in result.stdout
