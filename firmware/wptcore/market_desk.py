# SPDX-License-Identifier: MIT
"""A board's side of a market: frames in, answers out; its terms never leave it.

The host that relays the frames holds this board's key, so it can ask; what it may learn is decided
here and in market.Peer. The slow part, one X25519 for each new partner, is done in slices: `step`.
"""

from wptcore import auth, ept, transfer, wire, x25519
from wptcore.compat import const
from wptcore.market import (
    FRACTION_BITS,
    PEERS_MIN,
    WORD_SIZE,
    EFFICIENCY_MIN_permille,
    Peer,
    Terms,
    divide,
    energy_mJ,
    energy_of_mJ,
    signed,
)

PEERS_MAX = const(64)  # the bits of a roster
PIN_SIZE = const(16)  # bytes of a public key; nobody can find another key that begins so
A_MIN_u = const(1_000)  # credits/Wh^2 in millionths: what 48 fraction bits carry well
A_MAX_u = const(1_000_000_000_000)
B_MAX_u = const(1_000_000_000_000)
_STEPS_A_PASS = const(16)
_u_PER_UNIT = const(1_000_000)
_NOT_IDLE = {transfer.FAULT: ept.LATCHED, transfer.MAINT: ept.MAINTENANCE}


def new_keys(random) -> "tuple[str, str]":
    """Draws a secret; returns it and its public key as they are stored."""
    secret = random(x25519.KEY_SIZE)
    return secret.hex(), x25519.public_key(secret).hex()


def pin(key: str) -> str:
    """Return what is stored of a partner's public key; ValueError unless it is 64 hex digits."""
    try:
        raw = bytes.fromhex(key)
    except ValueError:
        raw = b""
    if len(raw) != x25519.KEY_SIZE:
        raise ValueError("range: a key has 64 hexadecimal digits")
    return raw[:PIN_SIZE].hex()


class Settings:
    """What the owner has provisioned; a dict as the port stores it.

    `market`: [a in micro-credits/Wh^2, b in micro-credits/Wh, keep_pct, target_pct];
    `market_secret`, `market_key`: X25519 in hex; `market_trusted`: first half of each partner's
    public key in hex, or nothing: then anybody's key is accepted.
    """

    def __init__(self, identity: dict):
        self.a_u, self.b_u, self.keep_pct, self.target_pct = identity.get("market", (0, 0, 0, 0))
        self.secret = bytes.fromhex(identity.get("market_secret", ""))
        self.public_key = bytes.fromhex(identity.get("market_key", ""))
        self.trusted = [bytes.fromhex(pin) for pin in identity.get("market_trusted", ())]

    def trusts(self, key: bytes) -> bool:
        return not self.trusted or key[:PIN_SIZE] in self.trusted

    def terms(self, limits: tuple, soc_permille: int):
        """Return the terms for this charge, or None when terms or charge are unknown.

        `limits`: the fields of wire.INFO_LIMITS. The market clears energy at the buyer, so a
        seller offers less than it can send.
        """
        if not self.a_u or soc_permille > 1000:
            return None
        capacity_mJ, floor_pct, resume_pct, roles = (limits[3],) + limits[5:8]
        sell_mJ = buy_mJ = 0
        if roles & wire.PTX and soc_permille >= resume_pct * 10:
            spare_permille = max(soc_permille - max(self.keep_pct, floor_pct) * 10, 0)
            sell_mJ = capacity_mJ * spare_permille * EFFICIENCY_MIN_permille // 1_000_000
        if roles & wire.PRX:
            buy_mJ = capacity_mJ * max(self.target_pct * 10 - soc_permille, 0) // 1000
        return Terms(
            _of_u(self.a_u), _of_u(self.b_u), -energy_of_mJ(buy_mJ), energy_of_mJ(sell_mJ)
        )


class MarketDesk:
    """`key`: the board key; `random(n)`: n bytes that nobody can guess."""

    def __init__(self, settings: Settings, key: bytes, sha256, random):
        self._settings = settings
        self._key = key
        self._sha256 = sha256
        self._random = random
        self.public_key = settings.public_key
        self._shared = {}  # partner's key: shared secret, None if invalid; kept between markets
        self._due: "list[bytes]" = []  # keys whose shared secret is not computed yet
        self._ladder: "x25519.Ladder | None" = None
        self._opened: tuple = ()  # session, number of peers, own index
        self._answered: tuple = ()  # the newest question that had a whole reply
        self._answer: tuple = ()
        self._board_id = 0
        self._terms: "Terms | None" = None
        self._peer: "Peer | None" = None
        self._keys: "list[bytes]" = []
        self._nonces: "list[bytes]" = []
        self._handlers = {
            wire.MARKET_KEY: self._take_key,
            wire.MARKET_SEAT: self._seat,
            wire.MARKET_ASK: self._ask,
            wire.MARKET_PRESENT: self._present,
            wire.MARKET_PRICE: self._price,
        }

    @property
    def is_working(self) -> bool:
        """Has `step` something to do?"""
        return self._ladder is not None

    def step(self) -> None:
        """Compute a slice of the pending key agreement; allocate nothing when there is none."""
        ladder = self._ladder
        if ladder is None:
            return
        try:
            for _ in range(_STEPS_A_PASS):
                if ladder.step():
                    self._agreed(ladder.result)
                    return
        except ValueError:
            self._agreed(None)

    def on_frame(self, board, frame_type: int, fields: tuple):
        """Return a code for the Ack, or a whole reply: (its type, its fields...)."""
        if board.is_running:
            return ept.BUSY
        if frame_type == wire.MARKET_OPEN:
            return self._open(board, *fields)
        if (frame_type, fields) == self._answered:
            return self._answer  # the first answer was lost on its way
        try:
            answer = self._handlers[frame_type](*fields)
        except ValueError:
            return ept.MARKET_RULES
        if isinstance(answer, tuple):
            self._answered = (frame_type, fields)
            self._answer = answer
        return answer

    # -- questions --

    def _open(self, board, session: bytes, peers: int, index: int):
        """Open a market with the bounds of this moment; a repeated question changes nothing."""
        if (session, peers, index) != self._opened:
            if not PEERS_MIN <= peers <= PEERS_MAX or index >= peers:
                return ept.OUT_OF_RANGE
            if board.state in _NOT_IDLE:
                return _NOT_IDLE[board.state]
            self._close()
            self._terms = self._settings.terms(board.limits, board.soc_permille)
            if self._terms is None:
                return ept.NO_TERMS
            self._board_id = board.board_id
            self._opened = (session, peers, index)
            self._keys = [b""] * peers
            self._nonces = [b""] * peers
            self._keys[index] = self.public_key
            self._nonces[index] = self._random(auth.NONCE_SIZE)
        return (wire.MARKET_PUBLIC, self.public_key, self._nonces[index])

    def _take_key(self, index: int, key: bytes, nonce: bytes) -> int:
        if index >= len(self._keys) or not self._settings.trusts(key):
            raise ValueError("no such peer")
        if self._keys[index] not in (b"", key) or self._nonces[index] not in (b"", nonce):
            raise ValueError("another peer has this place")
        self._keys[index] = key
        self._nonces[index] = nonce
        if key not in self._shared and key not in self._due and key != self.public_key:
            self._due.append(key)
            self._begin_next()
        return ept.NONE

    def _seat(self, roster: int) -> int:
        """`roster`: bits of the indexes; it may shrink until a sum was opened."""
        if b"" in self._keys or self._terms is None:
            raise ValueError("keys are missing")
        if self._due:
            return ept.MARKET_WAIT
        if self._peer is None:
            session = self._sha256(self._opened[0] + b"".join(self._nonces)).digest()
            self._peer = Peer(self._sha256, self._random, self._terms, session, None, self)
        keys = self._named(roster)
        if tuple(sorted(keys)) != self._peer.roster:
            self._peer.join(keys)
        return ept.NONE

    def _ask(self, round_no: int, has_price: int, price: bytes):
        asked = signed(int.from_bytes(price, "little")) if has_price else None
        c, s = self._seated().answer(round_no, asked)
        return (wire.MARKET_ANSWER, round_no, _packed(c), _packed(s))

    def _present(self, round_no: int, present: int):
        words = self._seated().open(round_no, self._named(present))
        if words is None:
            return ept.NONE  # this round is never opened
        return (wire.MARKET_OPENING, round_no, _packed(words[0]), _packed(words[1]))

    def _price(self, price: bytes):
        take_mJ = energy_mJ(self._seated().commit(signed(int.from_bytes(price, "little"))))
        body = wire.pack_take(self._board_id, self._opened[0], price, take_mJ)
        return (wire.MARKET_TAKE, take_mJ, auth.take_tag(self._sha256, self._key, body))

    # -- key agreement; market.Peer calls shared_secret --

    def shared_secret(self, key: bytes) -> bytes:
        shared = self._shared.get(key)
        if shared is None:
            raise ValueError("no key")
        return shared

    def _begin_next(self) -> None:
        if self._ladder is None and self._due:
            self._ladder = x25519.Ladder(self._settings.secret, self._due[0])

    def _agreed(self, shared) -> None:
        self._shared[self._due.pop(0)] = shared
        self._ladder = None
        self._begin_next()

    def _close(self) -> None:
        if len(self._shared) > PEERS_MAX:
            self._shared.clear()
        self._due = []
        self._ladder = None
        self._opened = ()
        self._answered = ()
        self._answer = ()
        self._terms = None
        self._peer = None
        self._keys = []
        self._nonces = []

    def _seated(self):
        if self._peer is None:
            raise ValueError("no market, or no roster yet")
        return self._peer

    def _named(self, bits: int) -> list:
        if bits >> len(self._keys):
            raise ValueError("no such peer")
        return [key for i, key in enumerate(self._keys) if (bits >> i) & 1]


def _of_u(value_u: int) -> int:
    return divide(value_u << FRACTION_BITS, _u_PER_UNIT)


def _packed(word: int) -> bytes:
    return word.to_bytes(WORD_SIZE, "little")
