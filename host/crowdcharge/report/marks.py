# SPDX-License-Identifier: MIT
"""PURE: colours and marks of every plot and page, for light and for dark.

A board has a hue and a shape, which together tell thirty boards apart, and its number. Six hues
are as many as people tell apart, also those who see fewer. The smallest distance of two hues is
7.6 on light and 10.1 on dark (OKLab x 100, over normal and three colour-blind views).
"""

HUES = ("#4f5fd0", "#982d0c", "#6a1777", "#035d5e", "#7d6e33", "#272f3f")
_HUES_DARK = ("#5c8ef8", "#ed9370", "#c07aa1", "#51d5ce", "#e5d265", "#eff0fb")
SHAPES = ("o", "s", "^", "D", "v")  # as matplotlib names them
INK, SOFT, GRID, CARD, RED = "#13201a", "#54625b", "#dfe5de", "#fefefe", "#a81e1e"

# name of the CSS variable -> colour on light, colour on dark
TOKENS = {
    **{f"mark-{i}": pair for i, pair in enumerate(zip(HUES, _HUES_DARK, strict=True))},
    "ink": (INK, "#e9f1ed"),
    "soft": (SOFT, "#a1b3aa"),
    "grid": (GRID, "#2f3b36"),
    "card": (CARD, "#151d1a"),
    "ground": ("#f4f6f3", "#0d1311"),
    "good": ("#00735a", "#45ddae"),
    "red": (RED, "#ff9a92"),
}


def hue(board_id: int) -> str:
    return HUES[(board_id - 1) % len(HUES)]


def shape(board_id: int) -> str:
    return SHAPES[(board_id - 1) % len(SHAPES)]


def css() -> str:
    """Return the variables of a page; a screen that asks for dark gets the dark ones."""
    light = "".join(f"--{name}:{pair[0]};" for name, pair in TOKENS.items())
    dark = "".join(f"--{name}:{pair[1]};" for name, pair in TOKENS.items())
    return f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"


def themed(svg: str) -> str:
    """Return a drawing in which each colour is that of the page around it."""
    for name, (light, _) in TOKENS.items():
        svg = svg.replace(light, f"var(--{name})")
    return svg
