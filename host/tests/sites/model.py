# SPDX-License-Identifier: MIT
"""The hand-over of a board between sites (ADR 29) as a model, and all that can happen in it.

A board remembers a few receipts; each site has a chain, which survives a crash, and what it last
heard from the board, which does not. Grants may arrive late or never, boards may boot, sites may
crash or not see each other's chains, at any point and for any time. Nothing has a clock.
"""

from collections.abc import Iterator
from typing import NamedTuple


class Transfer(NamedTuple):
    opener: int
    count: int


NONE = Transfer(-1, 0)
Told = tuple[int, Transfer, bool]  # epoch, newest transfer since the boot, whether it runs


class Rules(NamedTuple):
    """Each is a part of the rule; False breaks it. `ring`: how many receipts a board remembers."""

    reads_before_granting: bool = True
    compares_epochs: bool = True
    only_the_opener_books: bool = True
    numbers_carry_the_site: bool = True
    opens_before_granting: bool = True
    ring: int = 3


class Board(NamedTuple):
    epoch: int = 0
    running: Transfer = NONE
    newest: Transfer = NONE
    ring: tuple[Transfer, ...] = ()
    metered: frozenset[Transfer] = frozenset()  # what has ever ended on it

    @property
    def told(self) -> Told:
        return self.epoch, self.newest, self.running != NONE


class Site(NamedTuple):
    number: int
    given: int = 0  # numbers given
    opened: frozenset[Transfer] = frozenset()  # on disk
    chain: frozenset[Transfer] = frozenset()  # receipts, on disk
    heard: Told | None = None  # when it last read the receipts; a crash forgets it
    air: Transfer = NONE  # a grant on its way


class State(NamedTuple):
    board: Board
    sites: tuple[Site, ...]

    def with_site(self, site: Site, board: Board | None = None) -> "State":
        sites = tuple(site if each.number == site.number else each for each in self.sites)
        return State(board or self.board, sites)


class Model:
    """`steps` yields every state that may follow; bounded by grants of a site, and by boots."""

    def __init__(self, rules: Rules, sites: int = 2, grants: int = 2, boots: int = 1) -> None:
        self.rules, self._grants, self._boots = rules, grants, boots
        self.first = State(Board(), tuple(map(Site, range(sites))))

    def steps(self, state: State) -> Iterator[State]:
        board = state.board
        if board.running != NONE:  # stopped, full, out of its lease: it does not matter
            yield state._replace(board=self._ended(board))
        if board.epoch < self._boots:
            ended = self._ended(board)
            yield state._replace(board=ended._replace(epoch=board.epoch + 1, newest=NONE))
        for site in state.sites:
            yield self._read(state, site)
            yield self._looked(state, site)
            yield state.with_site(site._replace(heard=None))  # a crash
            if site.air != NONE:
                yield state.with_site(site._replace(air=NONE))  # lost on its way
                yield self._arrived(state, site)
            elif site.given < self._grants and self._may_grant(board, site):
                given = Transfer(site.number, site.given + 1)
                opened = site.opened | {given} if self.rules.opens_before_granting else site.opened
                yield state.with_site(site._replace(given=given.count, opened=opened, air=given))

    def _may_grant(self, board: Board, site: Site) -> bool:
        if not self.rules.reads_before_granting:
            return True
        if site.heard is None:
            return False
        if self.rules.compares_epochs:
            return site.heard == board.told
        return site.heard[1:] == board.told[1:]

    def _arrived(self, state: State, site: Site) -> State:
        """Let the board start the transfer, unless it is busy or has ended it before."""
        board, granted = state.board, site.air
        known = {self._number(each) for each in board.ring}
        if board.running == NONE and self._number(granted) not in known:
            board = board._replace(running=granted, newest=granted)
        return state.with_site(site._replace(air=NONE), board)

    def _ended(self, board: Board) -> Board:
        if board.running == NONE:
            return board
        return board._replace(
            running=NONE,
            ring=(board.running, *board.ring)[: self.rules.ring],
            metered=board.metered | {board.running},
        )

    def _read(self, state: State, site: Site) -> State:
        board = state.board
        chain = site.chain.union(board.ring)
        return state.with_site(site._replace(chain=chain, heard=board.told))

    def _looked(self, state: State, site: Site) -> State:
        """Take from the chains of others what is this site's."""
        found = {each for other in state.sites for each in other.chain}
        ours = {each for each in found if self._is_own(site, each)}
        return state.with_site(site._replace(chain=site.chain | ours))

    def _is_own(self, site: Site, receipt: Transfer) -> bool:
        return self._number(receipt) in {self._number(each) for each in site.opened}

    def _number(self, transfer: Transfer) -> Transfer | int:
        return transfer if self.rules.numbers_carry_the_site else transfer.count

    # -- what must hold --

    def wrong(self, state: State) -> str:
        """Return what is wrong in a state, or an empty string."""
        for site in state.sites:
            if any(each.opener != site.number for each in self._booked(site)):
                return "booked by a site that did not open it"
        return "lost" if self._at_last(state) != state.board.metered else ""

    def _booked(self, site: Site) -> frozenset[Transfer]:
        """Return what a site books: it follows from its chain, so a crash changes nothing."""
        if not self.rules.only_the_opener_books:
            return site.chain
        return frozenset(each for each in site.chain if self._is_own(site, each))

    def _at_last(self, state: State) -> frozenset[Transfer]:
        """Return what is booked once the board is read and everyone has looked."""
        for site in state.sites:
            state = self._read(state, site)
        looked = (self._looked(state, site).sites[site.number] for site in state.sites)
        return frozenset().union(*map(self._booked, looked))


def explore(model: Model) -> tuple[int, list[State], str]:
    """Visit every state; return how many, and the shortest way to a wrong one with what it is."""
    before: dict[State, State | None] = {model.first: None}
    edge = [model.first]
    while edge:
        reached: list[State] = []
        for state in edge:
            if why := model.wrong(state):
                return len(before), _way(before, state), why
            for following in model.steps(state):
                if following not in before:
                    before[following] = state
                    reached.append(following)
        edge = reached
    return len(before), [], ""


def _way(before: dict[State, State | None], state: State | None) -> list[State]:
    way: list[State] = []
    while state is not None:
        way.append(state)
        state = before[state]
    return way[::-1]
