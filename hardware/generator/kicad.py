# SPDX-License-Identifier: MIT
"""Turn a circuit into a KiCad netlist (export version E), for Pcbnew's File, Import, Netlist."""

from generator.circuit import Circuit


def netlist(circuit: Circuit) -> str:
    """Return the netlist; without date or machine names, so that it is always the same."""
    lines = [
        '(export (version "E")',
        "  (design",
        f'    (source "hardware/boards/{circuit.board}.toml")',
        '    (tool "hardware/generate.py"))',
        "  (components",
    ]
    for ref, part in circuit.parts.items():
        lines += [
            f"    (comp (ref {_quoted(ref)})",
            f"      (value {_quoted(part.value)})",
            f"      (footprint {_quoted(part.footprint)})",
            f"      (fields (field (name {_quoted('Order')}) {_quoted(part.order)})))",
        ]
    lines[-1] += ")"
    lines.append("  (nets")
    for code, (name, pins) in enumerate(circuit.nets.items(), 1):
        lines.append(f"    (net (code {_quoted(str(code))}) (name {_quoted(name)})")
        for ref, pin in pins:
            part = circuit.parts[ref]
            lines.append(
                f"      (node (ref {_quoted(ref)}) (pin {_quoted(part.numbers[pin])}) "
                f"(pinfunction {_quoted(pin)}) (pintype {_quoted(part.pins[pin])}))"
            )
        lines[-1] += ")"
    lines[-1] += "))"
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "'") + '"'
