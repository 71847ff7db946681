# SPDX-License-Identifier: MIT
"""The folder of a bench's run, which begins with an empty ledger and replaces its own results.

It replaces only a folder that the same command made and in which nothing was changed since: no
row of another run in the ledger, no key of a real board in the keys file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crowdcharge.errors import InputError, WptError
from crowdcharge.files import locked, marker
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.run_folder import LEDGER, RunFolder

_LEDGER_FILES = (LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm", f"{LEDGER}-journal")


@contextmanager
def own_folder(path: Path, made_by: str) -> Iterator[RunFolder]:
    """Hold the folder, emptied of the results of the same command, while the block runs.

    InputError, and nothing is touched, if it holds anything else or another process has it.
    """
    folder = RunFolder(path)
    with locked(path / marker.NAME):
        with locked(path / LEDGER):
            if why := _foreign(path, made_by):
                raise InputError(f"{path} {why}; name another folder: --out {_free(path)}")
            marker.Marker(path).claim(made_by)
            for name in _LEDGER_FILES:
                (path / name).unlink(missing_ok=True)
        yield folder


def _foreign(path: Path, made_by: str) -> str:
    """Why the folder is not this command's to replace, or an empty string."""
    mark = marker.Marker(path)
    locks = {f"{marker.NAME}.lock", f"{LEDGER}.lock"}
    names = sorted(each.name for each in path.iterdir() if each.name not in locks)
    if mark.made_by != made_by:
        return f"holds what {made_by} did not make ({names[0]})" if names else ""
    if (path / LEDGER).exists() and not _is_only(path / LEDGER, mark.first_hash):
        return f"holds a ledger that {made_by} did not make alone"
    changed = (name for name in mark.names() if (path / name).exists() and not mark.is_ours(name))
    name = next(changed, None)
    return f"holds {name}, which was changed after {made_by} made it" if name else ""


def _is_only(ledger: Path, first_hash: str | None) -> bool:
    """Tell whether a ledger holds the one run that begins with a row of that hash, or nothing."""
    try:
        with Store.read(ledger) as store:
            first = next(store.rows(), None)
            return first is None or (first.hash == first_hash and len(store.load().runs) == 1)
    except WptError:
        return False


def _free(path: Path) -> Path:
    number = 2
    while (other := path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return other
