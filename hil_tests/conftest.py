# SPDX-License-Identifier: MIT
"""`--bench virtual` (default) or `--bench FILE.toml`; `--require-bench`; docs/howto/hil.md.

Its imports are few on purpose: `-m mocked` needs neither VM nor bench, so what does is imported in
the fixture that needs it.
"""

from collections.abc import AsyncIterator, Callable, Generator
from typing import TYPE_CHECKING, Literal

import pytest
import pytest_asyncio
from hil_tests import benchfile, report

from crowdcharge.errors import InputError

if TYPE_CHECKING:
    from hil_tests.dut import Couple, Dut
    from hil_tests.open_bench import OpenBench


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hil", "hardware in the loop")
    group.addoption("--bench", default="virtual", help='"virtual", or a bench file')
    group.addoption("--require-bench", action="store_true", help="an absent bench fails a test")
    group.addoption("--hil-report", metavar="DIR", help="write an HTML page with plots to DIR")
    group.addoption("--endurance-s", type=float, default=3600.0, help="length of the long test")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "donors: one pair for each donor is enough")
    config.addinivalue_line("markers", "feature(*names): what the bench must have")
    try:
        config.stash[_BENCH] = benchfile.load(config.getoption("--bench"))
    except InputError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[report.SERIES] = {}
    if folder := config.getoption("--hil-report"):
        config.pluginmanager.register(report.Page(folder, config))


_BENCH = pytest.StashKey[benchfile.BenchFile]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize the tests over the pairs, or the boards, of the given bench."""
    bench = metafunc.config.stash[_BENCH]
    if "couple" in metafunc.fixturenames:
        pairs = list(bench.pairs)
        if metafunc.definition.get_closest_marker("donors") is not None:
            pairs = list({pair.donor: pair for pair in reversed(pairs)}.values())
        names = [pair.name for pair in pairs]
        metafunc.parametrize("couple", names, indirect=True, scope="function")
    elif "dut" in metafunc.fixturenames:
        ids = [board.id for board in bench.boards]
        metafunc.parametrize(
            "dut", ids, indirect=True, scope="function", ids=[_label(bench, each) for each in ids]
        )


def _label(bench: benchfile.BenchFile, board_id: int) -> str:
    return f"{bench.board(board_id).board}-{board_id}"


def _uses_our_bench(item: pytest.Item) -> bool:
    """Tell whether a test uses our fixture, and not another folder's of the same name."""
    info = getattr(item, "_fixtureinfo", None)
    found = info.name2fixturedefs.get("open_bench") if info else None
    return bool(found) and found[-1].func.__code__.co_filename == __file__


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test that uses the bench the bench's event loop and markers."""
    markers = [pytest.mark.hil, pytest.mark.timeout(600)]
    if config.stash[_BENCH].kind == "virtual":
        markers += [pytest.mark.bench, pytest.mark.vm]
    for item in items:  # items of the whole session, not only of this folder
        if _uses_our_bench(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            for marker in markers:
                item.add_marker(marker)  # added last, so that the test's own timeout counts


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str, object], None]:
    """Record a figure for the reports; the last one of a name counts."""
    properties = request.node.user_properties

    def noted(name: str, value: object) -> None:
        properties[:] = [each for each in properties if each[0] != name]
        properties.append((name, value))

    return noted


@pytest.fixture(scope="session")
def bench(pytestconfig: pytest.Config) -> benchfile.BenchFile:
    return pytestconfig.stash[_BENCH]


def _bench_scope(fixture_name: str, config: pytest.Config) -> Literal["session", "module"]:
    """Real boards stay open; a virtual bench that idles takes the processor from other tests."""
    return "module" if config.stash[_BENCH].kind == "virtual" else "session"


@pytest_asyncio.fixture(scope=_bench_scope, loop_scope="session")
async def open_bench(
    bench: benchfile.BenchFile, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator["OpenBench"]:
    from hil_tests.open_bench import opened

    async with opened(bench, tmp_path_factory.mktemp("bench")) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def couple(request: pytest.FixtureRequest, open_bench: "OpenBench") -> "Couple":
    """Yield a pair of the bench, at rest and without faults."""
    pair = open_bench.file.pair(request.param)
    _need(request, open_bench, *pair.boards)
    return await open_bench.couple(pair)


@pytest_asyncio.fixture(loop_scope="session")
async def dut(request: pytest.FixtureRequest, open_bench: "OpenBench") -> "Dut":
    _need(request, open_bench, request.param)
    return await open_bench.ready(request.param)


def _need(request: pytest.FixtureRequest, open_bench: "OpenBench", *boards: int) -> None:
    """Skip a test that lacks something; an absent board fails it with --require-bench."""
    absent = next(filter(None, map(open_bench.missing, boards)), "")
    if absent and request.config.getoption("--require-bench"):
        pytest.fail(absent)
    needed = [name for marker in request.node.iter_markers("feature") for name in marker.args]
    lacking = [name for name in needed if name not in open_bench.instruments.features]
    if absent or lacking:
        pytest.skip(absent or f"bench {open_bench.file.name} lacks the feature {lacking[0]}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the last lines of the boards' consoles to every failure."""
    found = yield
    open_bench = getattr(item, "funcargs", {}).get("open_bench")
    if open_bench is not None and found.failed:
        for board_id in open_bench.present:
            tail = open_bench.instruments.console_tail(board_id)
            found.sections.append((f"console of board {board_id}", tail))
    if open_bench is not None and call.when == "call":
        item.config.stash[report.SERIES][item.nodeid] = open_bench.taken()
    return found
