# SPDX-License-Identifier: MIT
"""Draw the committed pictures of the wires with WireViz, which needs Graphviz.

A picture carries the hash of its source, because its bytes depend on the version and the fonts
of Graphviz. It is fresh if the hash is that of the present source.
"""

import hashlib
import io
import shutil
import tempfile
from pathlib import Path

from generator.outputs import Texts
from generator.source import HardwareError

IMAGES = "docs/reference/boards/img"
MARK = "source sha256: "


def pictures(texts: Texts) -> dict[str, str]:
    """Path of each picture -> path of its source among `texts`."""
    wanted = {}
    for path in texts:
        name = Path(path).stem
        if path.endswith(".yml"):
            wanted[f"{IMAGES}/{name}-wiring.svg"] = path
            wanted[f"hardware/wiring/{name}.png"] = path
    return wanted


def stale(root: Path, texts: Texts) -> list[str]:
    """Pictures that are missing or drawn from another source."""
    return [
        picture
        for picture, source in pictures(texts).items()
        if _mark(texts[source]).encode() not in _content(root / picture)
    ]


def draw(root: Path, texts: Texts, paths: list[str]) -> None:
    """HardwareError when Graphviz is not installed; all texts are written by then."""
    if paths and shutil.which("dot") is None:
        raise HardwareError(
            [f"{len(paths)} pictures are not drawn: they need Graphviz, package graphviz"]
        )
    wanted = pictures(texts)
    for source in sorted({wanted[path] for path in paths}):
        drawn = _wireviz(texts[source])
        for path in paths:
            if wanted[path] == source:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                marked = MARKERS[Path(path).suffix](drawn[Path(path).suffix], _mark(texts[source]))
                (root / path).write_bytes(marked)


def _wireviz(text: str) -> dict[str, bytes]:
    from wireviz import wireviz  # noqa: PLC0415 (an extra that only drawing needs)

    with tempfile.TemporaryDirectory() as folder:
        wireviz.parse(text, output_formats=("svg", "png"), output_dir=folder, output_name="w")
        return {suffix: (Path(folder) / f"w{suffix}").read_bytes() for suffix in (".svg", ".png")}


def _mark(text: str) -> str:
    return MARK + hashlib.sha256(text.encode()).hexdigest()


def _marked_svg(picture: bytes, mark: str) -> bytes:
    return picture + f"<!-- {mark} -->\n".encode()


def _marked_png(picture: bytes, mark: str) -> bytes:
    """Return a PNG of half the size with 64 colours: a tenth of the bytes, still legible."""
    from PIL import Image, PngImagePlugin  # noqa: PLC0415 (an extra that only drawing needs)

    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", mark)
    target = io.BytesIO()
    image.quantize(64).save(target, "PNG", optimize=True, pnginfo=text)
    return target.getvalue()


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


MARKERS = {".svg": _marked_svg, ".png": _marked_png}
