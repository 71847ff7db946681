# SPDX-License-Identifier: MIT
"""The documents as a site: built without a warning, whole, and without anything from elsewhere."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import crowdcharge

DOCS = Path(__file__).parents[3] / "docs"
FETCHED = re.compile(r'<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="(?:https?:)?//[^"]*"')
IMPORTED = re.compile(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)]*")

pytestmark = [
    pytest.mark.program("sphinx-build", "crowdcharge[docs]"),
    pytest.mark.slow,
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def build(program_path: Callable[[str], str]) -> Callable[[Path, Path], str]:
    """Return what builds the site of a folder, and returns what the generator warns of."""

    def built(docs: Path, out: Path) -> str:
        warned = out.with_suffix(".warnings")
        command = [program_path("sphinx-build"), "-E", "-q", "-w", warned, docs, out]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return warned.read_text(encoding="utf-8")

    return built


@pytest.fixture(scope="module")
def site(build: Callable[[Path, Path], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    assert build(DOCS, out) == ""  # links within the site and every notebook are part of it
    return out


def test_every_page_and_every_name_is_there(site: Path) -> None:
    for page in (*DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")):
        assert (site / page.relative_to(DOCS).with_suffix(".html")).is_file()
    names = (site / "reference" / "python-names.html").read_text(encoding="utf-8")
    missing = [name for name in crowdcharge.__all__ if f'id="crowdcharge.{name}"' not in names]
    assert missing == []


def test_notebooks_were_executed_and_are_kept_without_results(site: Path) -> None:
    notebooks = list((DOCS / "notebooks").glob("*.ipynb"))
    assert len(notebooks) >= 2
    for notebook in notebooks:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        assert not any(cell.get("outputs") for cell in cells)
        page = (site / "notebooks" / f"{notebook.stem}.html").read_text(encoding="utf-8")
        assert "cell_output" in page
        assert page.count("<img") > 0


def test_a_reader_can_search_it(site: Path) -> None:
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert (site / "search.html").is_file()
    assert all(f'"{page}"' in index for page in ("howto/backup", "tutorials/operator"))
    assert '"odomet' in index or "odomet:" in index


def test_it_fetches_nothing_from_elsewhere(site: Path) -> None:
    pages = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    assert {
        str(page): found for page, text in pages.items() if (found := FETCHED.findall(text))
    } == {}
    styles = [style.read_text(encoding="utf-8") for style in site.rglob("*.css")]
    assert [IMPORTED.findall(text) for text in styles if IMPORTED.findall(text)] == []


def test_a_broken_link_is_found(build: Callable[[Path, Path], str], tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "conf.py").write_bytes((DOCS / "conf.py").read_bytes())
    (docs / "_toc.yml").write_text("root: index\nentries:\n  - file: other\n", encoding="utf-8")
    (docs / "other.md").write_text("# Other\n\n## There\n", encoding="utf-8")
    links = "# Here\n\n[a](other.md#there) [b](other.md#nowhere) [c](none.md)\n"
    (docs / "index.md").write_text(links, encoding="utf-8")
    said = build(docs, tmp_path / "out")
    assert "nowhere" in said
    assert "none.md" in said
    assert "#there" not in said
