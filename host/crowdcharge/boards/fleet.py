# SPDX-License-Identifier: MIT
"""PURE: sightings in, one view of each board out.

Odometers make this simple: adverts may be lost, doubled or out of order and the energy is the
same, because only the first and the newest reading count. A board is followed per address, so a
stranger that advertises another's number cannot displace the one that has proved who it is. Boards
without a key are remembered for a while and up to a number, because anyone can advertise any.
"""

from collections.abc import Container
from dataclasses import dataclass, replace

from crowdcharge.boards.models import Beacon, Sighting

_STALE_INTERVALS = 12  # missed in a row
_STALE_MIN_s = 15.0  # Linux reports a board at least once in each scan of 10.24 s
_STALE_UNLEARNED_s = 30.0
_SMOOTHING = 0.2
_FORGET_s = 30.0  # an address of a board is forgotten after this silence while another speaks
_ADDRESSES_MAX = 16  # for one board; more suggests spoofing
STRANGERS_MAX = 64  # boards without a key
STRANGER_FORGET_s = 60.0


def odometer_rise_mJ(before_mJ: int, after_mJ: int) -> int:
    """Signed difference of two u32 readings that lie less than half a wrap apart."""
    return (after_mJ - before_mJ + (1 << 31)) % (1 << 32) - (1 << 31)


def is_newer(beacon: Beacon, than: Beacon) -> bool:
    """Compare by epoch, then by odometers, then by sequence, each across its wrap."""
    epochs = (beacon.epoch - than.epoch + 0x8000) % 0x10000 - 0x8000
    if epochs:
        return epochs > 0
    rise_mJ = odometer_rise_mJ(than.sent_mJ, beacon.sent_mJ)
    rise_mJ += odometer_rise_mJ(than.received_mJ, beacon.received_mJ)
    if rise_mJ:
        return rise_mJ > 0
    return 0 < (beacon.sequence - than.sequence) % 256 < 128


@dataclass(frozen=True, slots=True)
class BoardView:
    """What is known of a board at one address; `interval_s` None: not learned yet."""

    address: str
    oldest: Beacon
    newest: Beacon
    seen_s: float
    rssi_dBm: int
    heard: int = 1
    interval_s: float | None = None

    @property
    def board_id(self) -> int:
        return self.newest.board_id

    @property
    def sent_mJ(self) -> int:
        """Energy sent since the oldest beacon that was heard."""
        return odometer_rise_mJ(self.oldest.sent_mJ, self.newest.sent_mJ)

    @property
    def received_mJ(self) -> int:
        return odometer_rise_mJ(self.oldest.received_mJ, self.newest.received_mJ)

    def is_stale(self, now_s: float) -> bool:
        limit_s = _STALE_UNLEARNED_s
        if self.interval_s is not None:
            limit_s = max(_STALE_INTERVALS * self.interval_s, _STALE_MIN_s)
        return now_s - self.seen_s > limit_s


class Fleet:
    """Every board that was heard, by number and address; `known`: the numbers that have keys."""

    def __init__(self, known: Container[int] = ()) -> None:
        self._known = known
        self._strangers: dict[int, float] = {}  # when each was heard last, longest ago first
        self._views: dict[int, dict[str, BoardView]] = {}
        self._proven: dict[int, str] = {}
        self._doubts: dict[tuple[int, str], int] = {}

    def add(self, sighting: Sighting) -> BoardView:
        """Return the view of that board at that address, with the sighting added to it."""
        beacon, address = sighting.beacon, sighting.address
        if beacon.board_id not in self._known:
            self._meet_stranger(beacon.board_id, sighting.seen_s)
        views = self._views.setdefault(beacon.board_id, {})
        view = views.get(address)
        if view is None:
            self._make_room(beacon.board_id, views)
            view = BoardView(address, beacon, beacon, sighting.seen_s, sighting.rssi_dBm)
        else:
            view = _heard(view, sighting)
        views[address] = view
        return view

    def prove(self, board_id: int, address: str) -> None:
        """Note that the board at this address has authenticated itself."""
        self._proven[board_id] = address
        self._doubts.pop((board_id, address), None)

    def doubt(self, board_id: int, address: str) -> None:
        """Note that what is at this address did not authenticate; other addresses go first now."""
        self._doubts[board_id, address] = self._doubts.get((board_id, address), 0) + 1
        if self._proven.get(board_id) == address:
            del self._proven[board_id]

    def view(self, board_id: int) -> BoardView | None:
        """Return the board at its proven address, else where it was doubted least, then first."""
        views = self._views.get(board_id)
        if not views:
            return None
        latest_s = max(view.seen_s for view in views.values())
        heard = [view for view in views.values() if latest_s - view.seen_s < _FORGET_s]
        proven = self._proven.get(board_id)
        return min(
            heard,
            key=lambda view: (
                view.address != proven,
                self._doubts.get((board_id, view.address), 0),
            ),
        )

    def views(self) -> list[BoardView]:
        """One view of each board, by number."""
        found = (self.view(board_id) for board_id in sorted(self._views))
        return [view for view in found if view is not None]

    def forget_strangers(self, now_s: float) -> None:
        """Forget boards without a key that are silent for STRANGER_FORGET_s."""
        for board_id, seen_s in list(self._strangers.items()):
            if now_s - seen_s <= STRANGER_FORGET_s:
                return
            self._forget(board_id)

    def _meet_stranger(self, board_id: int, seen_s: float) -> None:
        self._strangers.pop(board_id, None)  # to the end of the dict
        self._strangers[board_id] = seen_s
        if len(self._strangers) > STRANGERS_MAX:
            self._forget(next(iter(self._strangers)))

    def _forget(self, board_id: int) -> None:
        del self._strangers[board_id]
        del self._views[board_id]
        self._proven.pop(board_id, None)
        for doubt in [doubt for doubt in self._doubts if doubt[0] == board_id]:
            del self._doubts[doubt]

    def _make_room(self, board_id: int, views: dict[str, BoardView]) -> None:
        """Drop the address that was silent the longest; a real board advertises all the time."""
        if len(views) < _ADDRESSES_MAX:
            return
        proven = self._proven.get(board_id)
        silent = min((view for view in views.values() if view.address != proven), key=_seen_s)
        del views[silent.address]
        self._doubts.pop((board_id, silent.address), None)


def _seen_s(view: BoardView) -> float:
    return view.seen_s


def _heard(view: BoardView, sighting: Sighting) -> BoardView:
    beacon = sighting.beacon
    fresh = is_newer(beacon, view.newest)
    gap_s = sighting.seen_s - view.seen_s
    return replace(
        view,
        oldest=beacon if is_newer(view.oldest, beacon) else view.oldest,
        newest=beacon if fresh else view.newest,
        seen_s=max(sighting.seen_s, view.seen_s),
        rssi_dBm=sighting.rssi_dBm,
        heard=view.heard + 1,
        interval_s=_learned(view.interval_s, gap_s) if fresh and gap_s > 0 else view.interval_s,
    )


def _learned(interval_s: float | None, gap_s: float) -> float:
    return gap_s if interval_s is None else interval_s + _SMOOTHING * (gap_s - interval_s)
