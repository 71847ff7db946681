# SPDX-License-Identifier: MIT
"""Published figures and tables, drawn from our own code with the paper's numbers beside.

Every entry of `FIGURES` is `module:function`, imported only when it is asked for. A figure
function is

    def table3(out: Path, quick: bool, parts: Parts) -> Result

`out` is an existing folder that takes the PNG files, `quick` asks for a small sample (seconds, not
minutes), and what takes long goes through `parts`. It returns a JSON-able dict with the keys
`ours` and `paper` (same shape where the paper gives numbers), `rows` (see `reproduce.rows`) and,
where useful, `note`. `learning` has no paper: it compares what is learned with what is published.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crowdcharge.reproduce.parts import Parts

Result = dict[str, Any]
Figure = Callable[[Path, bool, Parts], Result]

FIGURES = {
    "table1": "mobispace:table1",
    "table2": "mobispace:table2",
    "table3": "mobispace:table3",
    "table4": "mobispace:table4",
    "table5": "mobispace:table5",
    "fig3": "mobispace:fig3",
    "fig4": "mobispace:fig4",
    "fig5": "mobispace:fig5",
    "fig6": "mobispace:fig6",
    "fig7": "mobispace:fig7",
    "protocols": "protocols:over_interactions",
    "protocols-beta": "protocols:over_beta",
    "formation": "protocols:formation",
    "ageing": "phones:ageing",
    "charging-skip": "phones:skips",
    "lane-fig2": "market:fig2",
    "lane-fig3": "market:fig3",
    "lane-fig4": "market:fig4",
    "lane-fig5": "market:fig5",
    "lane-fig6": "market:fig6",
    "lane-attack": "market:attack",
    "learning": "learning:learning",
}


def figure(name: str) -> Figure:
    """Load the function behind a name of `FIGURES`; KeyError if there is none."""
    module, function = FIGURES[name].split(":")
    loaded: Figure = getattr(importlib.import_module(f"crowdcharge.reproduce.{module}"), function)
    return loaded
