# SPDX-License-Identifier: MIT
"""Several runs in one ledger: real time, gaps, a page each; readable in the dark; hostile text."""

import itertools
import math
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from crowdcharge.report import marks, plots
from crowdcharge.report.page import write_report
from crowdcharge.report.story import tell
from wptcore import wire

HOUR_s = 3600


def reading(board_id: int, soc_permille: int, t_ms: int) -> kinds.Reading:
    return kinds.Reading(board_id, 1, soc_permille, 0, 0, 100_000, t_ms)


def one_run(
    number: int, started_unix_s: int | None, policy: str = "p", name: str = "FLOOR"
) -> list[kinds.Content]:
    transfer = 100 * number
    return [
        kinds.Run(policy, 1, None, started_unix_s),
        reading(1, 900, 200),
        kinds.Open(transfer, ptx=1, prx=2, energy_max_mJ=9, power_max_mW=9, t_ms=300),
        kinds.Refusal(transfer, 2, 0x91, name, 400),
        kinds.Sample(transfer, 1, wire.PTX, 500, 3900, 0, soc_permille=890, coil_dC=300),
        kinds.Sample(transfer, 2, wire.PRX, 700, 2500, 0, soc_permille=60, coil_dC=300),
        reading(1, 880, 10_200),
    ]


def one_sale(number: int) -> list[kinds.Content]:
    """Return a run that holds a market, with one transfer sold and paid."""
    transfer = 100 * number
    return [
        kinds.Run("market", 1, None, 1_790_000_000 + number * HOUR_s),
        kinds.MarketRow(number, "00", 1, 9, True, (kinds.MarketTake(2, -5, "ab"),), "", t_ms=200),
        kinds.Open(transfer, ptx=1, prx=2, energy_max_mJ=9, power_max_mW=9, t_ms=300),
        kinds.Bargain(number, transfer, 1, 2, 9, 5),
        kinds.Payment(transfer, 2, 1, received_mJ=5, amount_u=7),
    ]


def written(folder: Path, *runs: list[kinds.Content]) -> Path:
    path = folder / "ledger.sqlite"
    with Store.create(path) as store:
        for run in runs:
            store.append(run)
    return path


def told(path: Path):
    with Store.read(path) as store:
        return tell(store.rows())


def test_runs_stand_where_the_clock_had_them(tmp_path: Path) -> None:
    start = 1_790_000_000
    story = told(written(tmp_path, one_run(1, start), one_run(2, start + 2 * HOUR_s)))
    times_s = [time_s for time_s, _ in story.soc_pct[1]]
    assert times_s == sorted(times_s)
    assert story.begins_unix_s == start
    assert [period.begins_s for period in story.periods] == [0.0, 2 * HOUR_s]
    (gap,) = [time_s for time_s, value in story.soc_pct[1] if math.isnan(value)]
    assert 10 < gap < 2 * HOUR_s


@pytest.mark.parametrize(
    "starts",
    [(None, None), (1_790_000_000, 1_780_000_000), (1_790_000_000, None), (5, 6), (0, 10**18)],
)
def test_time_never_runs_back(tmp_path: Path, starts: tuple[int | None, int | None]) -> None:
    story = told(written(tmp_path, one_run(1, starts[0]), one_run(2, starts[1])))
    for series in (*story.soc_pct.values(), *story.sent_W.values()):
        times_s = [time_s for time_s, _ in series]
        assert times_s == sorted(times_s)
    assert story.periods[1].begins_s > story.periods[0].ends_s
    plots.soc(story).canvas.draw()


def test_a_run_of_the_story_is_as_if_it_were_alone(tmp_path: Path) -> None:
    alone = told(written(tmp_path, one_run(2, 1_790_000_000)))
    (tmp_path / "both").mkdir()
    both = told(written(tmp_path / "both", one_run(1, 1_780_000_000), one_run(2, 1_790_000_000)))
    part = both.of(both.periods[1])
    for name in ("soc_pct", "sent_W", "received_W"):
        expected, got = getattr(alone, name), getattr(part, name)
        assert expected.keys() == got.keys()
        for key, series in expected.items():
            assert got[key] == [pytest.approx(entry) for entry in series]
    assert part.book.transfers.keys() == alone.book.transfers.keys()
    assert part.book.first_reading == alone.book.first_reading
    assert part.book.refusals == alone.book.refusals == 1
    assert [entry[1:] for entry in part.refusals] == [entry[1:] for entry in alone.refusals]


def test_the_payments_of_a_run_are_those_of_its_transfers(tmp_path: Path) -> None:
    path = written(tmp_path, one_sale(1), one_sale(2))
    story = told(path)
    for number, period in enumerate(story.periods, 1):
        part = story.of(period)
        assert [payment.transfer_id for payment in part.book.payments] == [100 * number]
    assert len(write_report(path, tmp_path)) > 2


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("one-sided", "receipt is missing"),
        ("disputed", "contradict"),
        ("<b>", "not a state of ours"),
    ],
)
def test_a_page_says_what_is_in_no_efficiency_and_why(
    tmp_path: Path, state: str, why: str
) -> None:
    booked = [
        kinds.Entry(100, "board:1", -31_000),
        kinds.Entry(100, "board:2", 20_000),
        kinds.Entry(100, "loss", 11_000),
        kinds.State(100, state, 5, None),
    ]
    page = write_report(written(tmp_path, one_run(1, None) + booked), tmp_path)[0].read_text()
    said = re.search("<p>Not settled.*?</p>", page)[0]
    assert f"1 {escape(state)} (" in said
    assert why in said
    assert "31.000 J sent and 20.000 J received" in said
    assert "64.5 %" not in page
    (tmp_path / "settled").mkdir()
    booked[-1] = kinds.State(100, "settled", 5, 5)
    page = write_report(
        written(tmp_path / "settled", one_run(1, None) + booked), tmp_path / "settled"
    )[0].read_text()
    assert "Not settled" not in page
    assert "64.5 %" in page


def test_each_run_has_a_page_and_the_whole_links_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crowdcharge.report.page._PAGES_MAX", 2)
    starts = [1_790_000_000 + number * HOUR_s for number in range(4)]
    path = written(tmp_path, *(one_run(number, start) for number, start in enumerate(starts, 1)))
    made = write_report(path, tmp_path)
    pages = [each for each in made if each.suffix == ".html"]
    assert pages[0].name == "report.html"
    assert len(pages) == 1 + 2
    whole = pages[0].read_text()
    assert all(f"href={each.name}" in whole for each in pages[1:])
    assert "2 older runs" in whole
    assert re.search(r"started 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", whole)
    assert "href=report.html" in pages[1].read_text()


def test_power_is_drawn_in_steps_from_every_sample(tmp_path: Path) -> None:
    story = told(written(tmp_path, one_run(1, None)))
    (axes,) = plots.power(story).axes
    drawn = [line for line in axes.lines if len(line.get_xdata())]
    assert {line.get_drawstyle() for line in drawn} == {"steps-post"}
    counts = [len(series) for series in (*story.sent_W.values(), *story.received_W.values())]
    assert sorted(len(line.get_xdata()) for line in drawn) == sorted(counts)


def test_thirty_boards_are_told_apart_by_hue_and_shape() -> None:
    looks = [(marks.hue(board_id), marks.shape(board_id)) for board_id in range(1, 31)]
    assert len(set(looks)) == 30
    for one, next_one in itertools.pairwise(looks):
        assert one[0] != next_one[0]
        assert one[1] != next_one[1]


def test_no_text_stands_within_the_axes_of_a_curve(tmp_path: Path) -> None:
    story = told(written(tmp_path, one_run(1, None)))
    for draw in (plots.soc, plots.power, plots.efficiency):
        figure = draw(story)
        for axes in figure.axes:
            assert not axes.texts
            assert axes.get_legend() is None


def test_a_page_follows_the_reader_into_the_dark_and_onto_a_phone(tmp_path: Path) -> None:
    page = write_report(written(tmp_path, one_run(1, None)), tmp_path)[0].read_text()
    assert "width=device-width" in page
    assert "prefers-color-scheme:dark" in page
    style, _, rest = page.partition("</style>")
    assert all(f"--{name}:" in style for name in marks.TOKENS)
    left = set(re.findall(r"#[0-9a-f]{6}\b", rest)) - {"#000000"}
    assert not left, "colours that stay as they are in the dark"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)


HOSTILE = (
    "<script>alert(1)</script>", "'><img src=x onerror=alert(1)>", "\x1b[31mred\x07",
    "\udcff lone", "\u202egnp.exe", "&lt;b&gt;",
)  # fmt: skip


def test_hostile_text_is_only_text(tmp_path: Path) -> None:
    text = " ".join(HOSTILE)
    path = written(tmp_path, one_run(1, None, text, text), one_run(2, None, text))
    for page in write_report(path, tmp_path):
        if page.suffix == ".html":
            content = page.read_text(encoding="utf-8")
            tags = Tags()
            tags.feed(content)
            assert not tags.seen & {"script", "img"}
            assert not any(each in content for each in "\x1b\x07\u202e")
            assert "&amp;lt;b&amp;gt;" in content
