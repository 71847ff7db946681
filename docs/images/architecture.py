# SPDX-License-Identifier: MIT
"""Draws architecture.svg anew: `python docs/images/architecture.py`."""

from html import escape
from pathlib import Path

WIDTH, HEIGHT = 920, 470
# x, y, width, height, heading, lines, kind
BOXES = [
    (
        20,
        20,
        270,
        190,
        "You",
        [
            "crowdcharge demo, run, serve",
            "simulate, plan, trade, dataset",
            "import crowdcharge",
            "the live page",
        ],
        "edge",
    ),
    (
        330,
        20,
        270,
        190,
        "Host",
        [
            "orchestrator: grants, renews, settles",
            "policies: who gives how much",
            "ledger: both meters, every joule",
            "radio: bleak, many adapters",
        ],
        "ours",
    ),
    (
        640,
        20,
        260,
        190,
        "Outside",
        ["MQTT, Home Assistant", "Prometheus, Grafana, traces", "PostgreSQL", "notifications"],
        "edge",
    ),
    (
        330,
        260,
        270,
        190,
        "Board",
        [
            "port: MicroPython, CircuitPython",
            "core wptcore: decides, no I/O",
            "INA219 twice, fuel gauge",
            "two breaks, coil, receiver",
        ],
        "ours",
    ),
    (
        640,
        260,
        260,
        190,
        "Another board",
        ["the same", "charges, or is charged", "without a host, up to 1 W"],
        "ours",
    ),
    (
        20,
        260,
        270,
        190,
        "In the place of silicon",
        [
            "virtual bench: real VM, real BLE stack",
            "modelled chips, cells, coils, air",
            "virtual time: core and host only",
        ],
        "model",
    ),
]
ARROWS = [
    ((290, 115), (330, 115), ""),
    ((600, 115), (640, 115), ""),
    ((465, 210), (465, 260), "BLE: signed grants, receipts"),
    ((600, 355), (640, 355), "energy"),
    ((290, 355), (330, 355), ""),
]
FILLS = {"ours": "#dbe9f6", "edge": "#f1f1ee", "model": "#fbeed5"}


def text(x: int, y: int, size: int, line: str, weight: str = "normal") -> str:
    """Write one line."""
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}">{escape(line)}</text>'


def box(x: int, y: int, width: int, height: int, heading: str, lines: list[str], kind: str) -> str:
    """Draw one part with its heading and what is in it."""
    frame = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8"'
    frame += f' fill="{FILLS[kind]}" stroke="#44505c"/>'
    written = [text(x + 16, y + 64 + 28 * at, 14, line) for at, line in enumerate(lines)]
    return "".join([frame, text(x + 16, y + 32, 17, heading, "bold"), *written])


def arrow(start: tuple[int, int], end: tuple[int, int], label: str) -> str:
    """Draw what goes both ways between two parts."""
    (x1, y1), (x2, y2) = start, end
    line = f'<path d="M{x1} {y1}L{x2} {y2}" stroke="#44505c" stroke-width="2"'
    line += ' marker-start="url(#tip)" marker-end="url(#tip)"/>'
    at = (x1 + 12, (y1 + y2) // 2 + 5) if x1 == x2 else (x1 - 4, y1 - 12)
    return line + text(*at, 13, label)


def main() -> None:
    """Write the picture beside this file."""
    tip = '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
    tip += ' orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="#44505c"/></marker>'
    parts = [box(*each) for each in BOXES] + [arrow(*each) for each in ARROWS]
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
    svg += ' font-family="sans-serif" fill="#1d242b"><title>The parts of crowdcharge</title>'
    svg += f'<defs>{tip}</defs><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    svg += "\n".join(parts) + "</svg>\n"
    (Path(__file__).parent / "architecture.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
