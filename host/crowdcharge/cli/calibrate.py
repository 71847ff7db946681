# SPDX-License-Identifier: MIT
"""`crowdcharge calibrate`: a board's meters and a rig's loss curve."""

from dataclasses import asdict
from pathlib import Path

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import InputError
from crowdcharge.ledger.place import Place

_out = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("calibration.json"),
    show_default=True,
    help="File for the measured points and results.",
)


@click.group()
def calibrate() -> None:
    """Calibrate a board: `meter` against a reference, `curve` for finding foreign objects."""


@calibrate.command()
@options.port
@click.option("--side", type=click.Choice(["tx", "rx"]), required=True, help="Which meter.")
@click.option(
    "--reference",
    "references",
    type=options.Number(),
    multiple=True,
    help="The reference's value, in mA, or in mV with --quantity bus.",
)
@click.option(
    "--quantity",
    type=click.Choice(["current", "bus"]),
    default="current",
    show_default=True,
    help="What the reference measures: the lead's current or its voltage.",
)
@click.option(
    "--instrument",
    help="Program that takes a point's number, sets the load and prints the reference's value.",
)
@click.option("--points", type=click.IntRange(2, 20), default=5, show_default=True)
@click.option(
    "--reference-ppm",
    type=options.Number(),
    default=1000.0,
    show_default=True,
    help="Uncertainty of the reference (k=1).",
)
@click.option("--restart", is_flag=True, help="Forget the points measured before.")
@_out
@options.as_json
def meter(
    port: str,
    side: str,
    references: tuple[float, ...],
    quantity: str,
    instrument: str | None,
    points: int,
    reference_ppm: float,
    restart: bool,
    out: Path,
    as_json: bool,
) -> None:
    """Find gain and offset of one meter: set a load, give the reference's value; then another."""
    from crowdcharge.flash import calibrate as work
    from crowdcharge.flash.records import named
    from crowdcharge.flash.serial_line import SerialLine

    if bool(references) == bool(instrument):
        raise InputError(
            "calibration needs a reference: --reference MA (what a multimeter in the same lead"
            " shows now) or --instrument PROGRAM"
        )
    if len(references) > 1:
        raise InputError("one --reference a call: set the load, call; set the next load, call")
    values = work.from_instrument(instrument, points) if instrument else references
    with SerialLine(port) as line:
        measured, found = work.calibrate_meter(
            line, side, values, reference_ppm, out, restart, quantity
        )
        waits = line.ask("status")["maintenance"] == "1"
    if as_json:
        entry = side + work.QUANTITIES[quantity].suffix
        result = named(found, entry) if found else None
        points_found = [named(point, entry) for point in measured]
        output.document({"points": points_found, "correction": result})
        return
    unit = work.QUANTITIES[quantity].unit
    for point in measured:
        output.say(f"  {point.reference:9.2f} {unit} reads {point.raw:9.2f} {unit}")
    if found:
        output.say(
            f"{side} {quantity}: gain {found.gain_ppm} ppm (u {found.u_gain_ppm:.0f}), offset"
            f" {found.offset / 1000:.2f} {unit} (u {found.u_offset / 1000:.2f}); stored on the"
            f" board and in {out}"
        )
    else:
        span = f"{work.QUANTITIES[quantity].span_min:.0f} {unit}"
        output.say(f"Set another load, at least {span} away, and call again; the board waits for")
        output.say("it in maintenance.")
    if found and waits:
        output.say("A load still flows, so the board stays in maintenance: when it is off, run")
        output.say(f"  crowdcharge console --port {port} maintenance off")


@calibrate.command()
@options.port
@click.option("--loss-mw", default=2500, show_default=True, help="The most the rig may lose.")
def trial(port: str, loss_mw: int) -> None:
    """Let a rig without a curve transmit for ten minutes, or until it reboots."""
    from crowdcharge.flash.serial_line import SerialLine

    with SerialLine(port) as line:
        line.hello()
        line.ask("calibrate", "trial", loss_mw)
    output.say(f"{port}: transfers may lose up to {loss_mw} mW for ten minutes. Stay with it.")


@calibrate.command()
@options.port
@options.ledgers("Ledger of transfers from this board; one for each gap.")
@click.option(
    "--with",
    "receiver",
    type=options.BOARD,
    help="Only of its pair with this receiver: what they may do without a host goes by it.",
)
@_out
@options.as_json
def curve(
    port: str, ledgers: tuple[Place, ...], receiver: int | None, out: Path, as_json: bool
) -> None:
    """Fit sent to received power over all gaps, and store the curve on the board."""
    from crowdcharge.flash.calibrate import calibrate_curve
    from crowdcharge.flash.serial_line import SerialLine

    with SerialLine(port) as line:
        found, curve_hash = calibrate_curve(line, list(ledgers), out, receiver)
    if as_json:
        output.document({"hash": curve_hash, **asdict(found)})
        return
    output.say(
        f"P_sent = {found.offset_mW} mW (u {found.u_offset_mW:.0f})"
        f" + {found.linear_permille / 1000:.3f} (u {found.u_linear_permille / 1000:.3f}) P"
        f" + {found.square_permille_per_W / 1000:.3f} / W"
        f" (u {found.u_square_permille_per_W / 1000:.3f}) P^2"
    )
    output.say(
        f"  from {found.pairs} pairs, {found.received_min_mW:.0f} to {found.received_max_mW:.0f}"
        f" mW; residual {found.residual_mW:.0f} mW, threshold {found.threshold_mW} mW"
    )
    output.say(f"  stored on the board and in {out}, hash {curve_hash}")
