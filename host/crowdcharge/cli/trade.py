# SPDX-License-Identifier: MIT
"""`crowdcharge trade`: clear a market file by one of the schemes."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import InputError
from crowdcharge.files import naming, read_json_as

if TYPE_CHECKING:
    from crowdcharge.cli.live import LiveView
    from crowdcharge.market import Market
    from crowdcharge.orchestrator.config import RunConfig
    from crowdcharge.report.summary import Summary

_SCHEMES = ("closed-form", "consensus", "masked", "two-round", "shared", "homomorphic")


@click.command()
@click.argument("market_json", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--scheme", type=click.Choice(_SCHEMES), default="closed-form", show_default=True)
@click.option(
    "--tolerance",
    type=options.Number(min=0, min_open=True),
    default=1e-6,
    show_default=True,
    help="Bound on the price error of consensus and masked.",
)
@click.option("--seed", type=options.SEED, help="Seed of the masking noise of masked.")
@click.option(
    "--bench", "boards", type=int, metavar="N", help="N boards and a hub trade over BLE."
)
@click.option("--run", "config", type=click.Path(path_type=Path), metavar="RUN.toml",
              help="The boards of its keys file trade.")  # fmt: skip
@click.option("--lane", type=int, metavar="ID", help="With --run: the board that is the hub.")
@click.option(
    "--speed",
    default=3.0,
    show_default=True,
    type=options.Number(),
    help="Board time per real time, at most 10.",
)
@click.option("--out", default="out", show_default=True, type=Path, help="Folder for the results.")
@click.option(
    "--algorithm-1",
    "negotiated",
    is_flag=True,
    help="The file has batteries and prices; all terms are found by the paper's Algorithm 1.",
)
@click.option("--market", "found", type=click.Path(dir_okay=False, path_type=Path),
              help="With --algorithm-1: write the terms as a market file.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def trade(
    market_json: Path | None,
    scheme: str,
    tolerance: float,
    seed: int | None,
    boards: int | None,
    config: Path | None,
    lane: int | None,
    speed: float,
    out: Path,
    negotiated: bool,
    found: Path | None,
    as_json: bool,
) -> None:
    """Clear the market of MARKET_JSON: price, energies, and who had to reveal what.

    With --bench N, boards on a virtual bench that keep their terms to themselves agree with a
    hub by the shared scheme, transfer what they sold, and pay for what was received.

    \b
    {"evs": [{"a": 0.2, "b": 28, "e_max": 15}, ...],
     "lane": {"a": 0.0009, "b": 30, "e_min": -700}, "mode": "charge"}
    """
    if (negotiated or found is not None) and (not negotiated or boards or config):
        raise InputError("--algorithm-1 takes a file of wishes, and --market belongs to it")
    if [boards, market_json, config].count(None) != 2:
        raise InputError("give one of these: a market file, --bench N, --run RUN.toml")
    if (config is None) != (lane is None):
        raise InputError("--run RUN.toml and --lane ID belong together")
    if negotiated and market_json is not None:
        _negotiate(market_json, 1 if seed is None else seed, found, as_json)
    elif config is not None and lane is not None:
        _on_boards(config, lane, as_json)
    elif boards is not None:
        _on_bench(boards, speed, 1 if seed is None else seed, out, as_json)
    elif market_json is not None:
        _clear(market_json, scheme, tolerance, seed, as_json)


def _on_bench(boards: int, speed: float, seed: int, out: Path, as_json: bool) -> None:
    import asyncio

    from crowdcharge.bench.runs import market
    from crowdcharge.cli.live import LiveView

    market_demo = market.MarketDemo(boards, speed, seed)
    view = LiveView(
        output.console(stderr=True), f"crowdcharge trade: {boards} boards, a hub", as_json
    )
    with view.show():
        summary = asyncio.run(market.run(market_demo, out, view.on_event))
    _say(summary, out, as_json)


def _on_boards(path: Path, lane: int, as_json: bool) -> None:
    """Print lines instead of a live picture, because a person may be asked to move boards."""
    import asyncio

    from crowdcharge.cli.live import LiveView
    from crowdcharge.orchestrator.config import load
    from crowdcharge.orchestrator.run_folder import RunFolder

    config = load(path)
    view = LiveView(output.console(stderr=True, live=False), "crowdcharge trade", as_json)
    summary = asyncio.run(_trade(config, lane, view))
    RunFolder(config.run.out).write_report()
    _say(summary, config.run.out, as_json)


async def _trade(config: "RunConfig", lane: int, view: "LiveView") -> "Summary":
    from crowdcharge.cli.run import bench_control
    from crowdcharge.orchestrator import runner

    if config.contacts.source != "bench":
        return await runner.trade(config, lane, _by_hand, view.on_event)
    async with bench_control(config) as control:

        async def together(seller: int, buyer: int) -> None:
            await control.call("hold", pairs=[[seller, buyer]])

        vm = (await control.status())["vm"]
        return await runner.trade(config, lane, together, view.on_event, vm)


async def _by_hand(seller: int, buyer: int) -> None:
    import asyncio

    click.echo(f"Lay boards {seller} (sells) and {buyer} (buys) together, then Enter.", err=True)
    try:
        await asyncio.to_thread(input)
    except EOFError:
        raise InputError(
            'nobody is there to move boards; on a virtual bench: [contacts] source = "bench"'
        ) from None


def _say(summary: "Summary", out: Path, as_json: bool) -> None:
    if as_json:
        output.document(summary, indent=2)
    else:
        click.echo(_closing(summary, out))


def _closing(summary: dict[str, Any], out: Path) -> str:
    market = summary["markets"][-1]
    outcomes = [bargain["outcome"] for bargain in market["bargains"]]
    counts = ", ".join(f"{outcomes.count(name)} {name}" for name in sorted(set(outcomes)))
    return (
        f"Cleared at {market['price_per_Wh']:.6g} credits/Wh; {len(outcomes)} bargains: {counts}\n"
        f"Open {out / 'report.html'}; accounts: crowdcharge ledger show {out / 'ledger.sqlite'}"
    )


def _clear(
    market_json: Path, scheme: str, tolerance: float, seed: int | None, as_json: bool
) -> None:
    import numpy as np

    from crowdcharge import market

    parsed = read_json_as(market_json, _tradable)
    means = market.Means(tolerance, np.random.default_rng(seed), secrets.token_bytes)
    doing = f"negotiating with {len(parsed.a)} EVs ({scheme}) ..."
    with naming(market_json), output.console(stderr=True).status(doing):
        deal = market.trade(parsed, scheme, means)
    document = _document(scheme, deal, market.bounds_hit(parsed, deal.clearing))
    if as_json:
        output.document(document)
    else:
        click.echo(_text(document))


def _tradable(document: object) -> "Market":
    from crowdcharge.market.problem import parse_market, refuse_without_trade

    market = parse_market(document)
    refuse_without_trade(market)
    return market


def _negotiate(path: Path, seed: int, found: Path | None, as_json: bool) -> None:
    """Find everybody's terms by Algorithm 1, and set its price beside the exact one."""
    import numpy as np

    from crowdcharge import market
    from crowdcharge.files import write_whole
    from crowdcharge.market.lane import algorithm_1
    from crowdcharge.market.problem import check_market
    from crowdcharge.market.wishes import market_document, parse_wishes

    wishes = read_json_as(path, parse_wishes)
    doing = f"negotiating with {len(wishes.e_max)} EVs ..."
    with naming(path), output.console(stderr=True).status(doing):
        run = algorithm_1(wishes, np.random.default_rng(seed))
        check_market(run.market)
        exact = market.clear(run.market)
    terms = market_document(run)
    document = {
        "price": run.clearing.price,
        "exact_price": exact.price,
        "price_low": run.prices.low,
        "price_high": run.prices.high,
        "rounds": len(run.range_rounds) + len(run.price_rounds) - 2,
        "evs": run.clearing.energies.tolist(),
        "lane": run.clearing.lane_energy,
        "market": terms,
    }
    if found is not None:
        write_whole(found, f"{output.text_of(terms, indent=1)}\n".encode())
    if as_json:
        output.document(document)
        return
    click.echo(
        f"price range    {run.prices.low:.6g} to {run.prices.high:.6g}\n"
        f"price          {run.clearing.price:.9g} (exact {exact.price:.9g})\n"
        f"lane           {run.clearing.lane_energy:.6g}\n"
        f"evs            {_few([f'{energy:.6g}' for energy in document['evs']])}\n"
        f"rounds         {document['rounds']}"
    )


def _document(scheme: str, deal: Any, bounds: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "scheme": scheme,
        "price": deal.clearing.price,
        "price_bound": deal.price_bound,
        "evs": deal.clearing.energies.tolist(),
        "lane": deal.clearing.lane_energy,
        "rounds": deal.rounds,
        "messages": deal.messages,
        "exposed": list(deal.exposed),
        "active_bounds": [{"peer": peer, "bound": bound} for peer, bound in bounds],
    }


def _text(document: dict[str, Any]) -> str:
    exposed = document["exposed"]
    bounds = [f"{each['peer']} {each['bound']}" for each in document["active_bounds"]]
    evs = document["evs"]
    return "\n".join(
        (
            f"price          {document['price']:.9g} (+- {document['price_bound']:.1g})",
            f"lane           {document['lane']:.6g}",
            f"evs            {_few([f'{energy:.6g}' for energy in evs])}",
            f"scheme         {document['scheme']}: {document['rounds']} rounds, "
            f"{document['messages']} messages",
            f"exposed        {_few(exposed) or 'nobody'}",
            f"active bounds  {_few(bounds) or 'none'}",
        )
    )


def _few(items: list[str], most: int = 8) -> str:
    more = f", ... ({len(items)} in all)" if len(items) > most else ""
    return ", ".join(items[:most]) + more
