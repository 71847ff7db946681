# SPDX-License-Identifier: MIT
"""`--hil-report DIR`: one page of a HIL session, with what the instruments showed in each test."""

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
        """Keep the worst phase of a test, else its call."""
        known = self._outcomes.get(report.nodeid)
        if known is None or (_rank(report), report.when != "call") < (
            _rank(known),
            known.when != "call",
        ):
            self._outcomes[report.nodeid] = report

    def pytest_sessionfinish(self) -> None:
        from crowdcharge.report import markup

        self._folder.mkdir(parents=True, exist_ok=True)
        reports = sorted(self._outcomes.values(), key=_rank)
        counts = [
            f"{sum(each.outcome == outcome for each in reports)} {outcome}"
            for outcome in _WORST_FIRST
        ]
        bench = markup.escape(self._config.getoption("--bench"))
        body = f"<h1>Bench {bench}</h1><p>{', '.join(counts)}.</p>"
        body += "".join(map(self._section, reports))
        page = markup.page("HIL report", body)
        (self._folder / "index.html").write_text(page, encoding="utf-8")

    def _section(self, report: pytest.TestReport) -> str:
        from crowdcharge.report.markup import Text, escape, table

        notes = table((), ((Text(name), value) for name, value in report.user_properties))
        why = "" if report.passed else escape(report.longreprtext or report.longrepr or "")
        logs = "".join(
            f"<h3>{escape(name)}</h3><pre>{escape(text)}</pre>"
            for name, text in report.sections
            if report.failed
        )
        plots = "".join(map(plot, self._config.stash[SERIES].get(report.nodeid, ())))
        return (
            f"<h2>{escape(report.outcome)}: {escape(report.nodeid)}</h2>"
            f"<p>{report.duration:.1f} s</p>{notes}"
            f"{f'<pre>{why}</pre>' if why else ''}{plots}{logs}"
        )


def _rank(report: pytest.TestReport) -> int:
    return _WORST_FIRST[report.outcome]


def plot(series: "Series") -> str:
    from matplotlib.figure import Figure

    from crowdcharge.report import markup

    times_s, sent_W, received_W = zip(*series.points, strict=True)
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(times_s, sent_W, label="sent")
    axes.plot(times_s, received_W, ":", label="received")
    axes.set(title=f"pair {series.pair}", xlabel="bench time, s", ylabel="W")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return markup.figure(figure)
