# SPDX-License-Identifier: MIT
"""`--hil-report DIR`: one page of a HIL session, with what the instruments showed in each test."""

import io
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hil_tests.series import Series

SERIES = pytest.StashKey[dict[str, "list[Series]"]]()  # test -> what was recorded in it
_WORST_FIRST = {"failed": 0, "skipped": 1, "passed": 2}


class Page:
    """A pytest plugin: collects the outcomes and writes `index.html` at the end."""

    def __init__(self, folder: str, config: pytest.Config) -> None:
        self._folder = Path(folder)
        self._config = config
        self._outcomes: dict[str, pytest.TestReport] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test is what its worst phase was, else its call."""
        known = self._outcomes.get(report.nodeid)
        if known is None or (_rank(report), report.when != "call") < (
            _rank(known),
            known.when != "call",
        ):
            self._outcomes[report.nodeid] = report

    def pytest_sessionfinish(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        reports = sorted(self._outcomes.values(), key=_rank)
        style = (files("crowdcharge.report") / "style.css").read_text(encoding="utf-8")
        counts = [
            f"{sum(each.outcome == outcome for each in reports)} {outcome}"
            for outcome in _WORST_FIRST
        ]
        bench = escape(self._config.getoption("--bench"))
        (self._folder / "index.html").write_text(
            "<!doctype html><html lang=en><meta charset=utf-8><title>HIL report</title>"
            f"<style>{style}</style><main><h1>Bench {bench}</h1><p>{', '.join(counts)}.</p>"
            f"{''.join(map(self._section, reports))}</main></html>",
            encoding="utf-8",
        )

    def _section(self, report: pytest.TestReport) -> str:
        told = "".join(
            f"<tr><td class=text>{escape(name)}<td>{escape(str(value))}"
            for name, value in report.user_properties
        )
        why = (
            escape(report.longreprtext or str(report.longrepr or "")) if not report.passed else ""
        )
        logs = "".join(
            f"<h3>{escape(name)}</h3><pre>{escape(text)}</pre>"
            for name, text in report.sections
            if report.failed
        )
        plots = "".join(map(plot, self._config.stash[SERIES].get(report.nodeid, ())))
        return (
            f"<h2>{escape(report.outcome)}: {escape(report.nodeid)}</h2>"
            f"<p>{report.duration:.1f} s</p><table>{told}</table>"
            f"{f'<pre>{why}</pre>' if why else ''}{plots}{logs}"
        )


def _rank(report: pytest.TestReport) -> int:
    return _WORST_FIRST[report.outcome]


def plot(series: "Series") -> str:
    from matplotlib.figure import Figure

    times_s, sent_W, received_W = zip(*series.points, strict=True)
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(times_s, sent_W, label="sent")
    axes.plot(times_s, received_W, ":", label="received")
    axes.set(title=f"pair {series.pair}", xlabel="bench time, s", ylabel="W")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    vector = io.StringIO()
    figure.savefig(vector, format="svg", metadata={"Date": None})
    drawing = vector.getvalue().split('dtd">', 1)[-1]
    return f"<figure>{drawing}</figure>"
