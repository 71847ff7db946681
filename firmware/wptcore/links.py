# SPDX-License-Identifier: MIT
"""The open connections and the authenticated session of each.

A link that does nothing does not keep its place. It is dropped when it fails too often, when it
has not said Hello in time, or when it has said it and is silent for two leases. A transmitter of
AirFuel's profile cannot say it; it may stay while there is room and it goes on reading. While all
links are taken, the oldest without Hello goes after HELLO_CROWDED_ms, so that the next comer gets
its turn. There is no lock-out over all links: a stranger could use it to keep the real host out,
and guessing a 128-bit tag needs no slowing down.
"""

from wptcore import auth, ept, wire
from wptcore.compat import const

LINKS_MAX = const(3)
# Linux reads all services first: 30 round trips before the host can say Hello.
HELLO_MAX_ms = const(15000)
HELLO_CROWDED_ms = const(3000)  # while all links are taken
SILENT_MAX_ms = const(10000)  # two leases without a fresh command
FAILURES_MAX = const(5)


class Link:
    def __init__(self, handle: int, nonce: bytes):
        self.handle = handle
        self.nonce = nonce
        self.key = b""  # session key; empty until Hello
        self.peer = 0  # the board that has said PEER_HELLO; 0: a host
        self.crowd = 0
        self.pair_key = b""  # the key with which it said PEER_HELLO
        self.share_mJ = -1  # what the policy gives it, which sees each meeting once
        self.offer_mJ = 0  # what was offered to it, for one grant
        self.is_transmitter = False  # it has registered as AirFuel's profile asks
        self.counter = 0
        self.failures = 0
        self.age_ms = 0
        self.silent_ms = 0  # since the last command that was authentic and not expired


class Links:
    """`links_max`: how many the radio holds at once; `peers`: peer_desk.PeerDesk or None."""

    def __init__(self, key: bytes, sha256, links_max: int = LINKS_MAX, peers=None):
        self._key = key
        self._sha256 = sha256
        self._links_max = links_max
        self._peers = peers
        self._links = []  # a list: iterating a dict allocates in the loop

    def open(self, handle: int, nonce: bytes) -> None:
        """Note a new connection and the nonce that the port drew for its challenge."""
        self.close(handle)
        self._links.append(Link(handle, nonce))

    def close(self, handle: int) -> None:
        link = self._find(handle)
        if link is not None:
            self._links.remove(link)

    def elapse(self, dt_ms: int) -> None:
        for link in self._links:
            link.age_ms += dt_ms
            link.silent_ms += dt_ms

    def unwelcome(self) -> int:
        """Return the handle of a link to drop, or -1. The oldest link comes first."""
        crowded = len(self._links) >= self._links_max
        hello_max_ms = HELLO_CROWDED_ms if crowded else HELLO_MAX_ms
        for link in self._links:
            if link.failures >= FAILURES_MAX:
                return link.handle
            if link.key or (link.is_transmitter and not crowded):
                if link.silent_ms > SILENT_MAX_ms:
                    return link.handle
            elif link.age_ms > hello_max_ms:
                return link.handle
        return -1

    def register_transmitter(self, handle: int) -> None:
        link = self._find(handle)
        if link is not None:
            link.is_transmitter = True
            self.hear_transmitter(handle)

    def hear_transmitter(self, handle: int) -> bool:
        """Note a sign of life of a transmitter; False if this link has not registered as one.

        The link of a host stays only as long as the host sends commands.
        """
        link = self._find(handle)
        if link is None or not link.is_transmitter:
            return False
        if not link.key:
            link.silent_ms = 0
        return True

    def peer_link(self, handle: int):
        """Return the Link of another board that has said hello, or None."""
        link = self._find(handle)
        return link if link is not None and link.peer else None

    @property
    def host_present(self) -> bool:
        return any(link.key and not link.peer for link in self._links)

    def _find(self, handle: int):
        for link in self._links:
            if link.handle == handle:
                return link
        return None

    def malformed(self, handle: int) -> None:
        """Count a failure, because what came on this link was no frame."""
        link = self._find(handle)
        if link is not None:
            link.failures += 1

    def check(self, handle: int, frame: bytes, now_ms: int) -> int:
        """Return NONE if the frame is authentic, new on this link and in time, else why not.

        `now_ms`: board time. An expired command changes nothing, but it is not a failure.
        """
        link = self._find(handle)
        if link is None:
            return ept.NO_SESSION
        if link.failures >= FAILURES_MAX:
            return ept.LOCKED_OUT
        code = self._verify(link, frame, now_ms)
        if code != ept.NONE and code != ept.EXPIRED:
            link.failures += 1
        return code

    def _verify(self, link: Link, frame: bytes, now_ms: int) -> int:
        _, frame_type, counter, expires_ms = wire.unpack_header(frame)
        key = link.key
        hello = frame_type == wire.HELLO or frame_type == wire.PEER_HELLO
        if hello:
            key = self._hello_key(link, frame_type, wire.unpack_body(frame))
        if not key:
            return ept.NO_SESSION
        split = len(frame) - auth.TAG_SIZE
        expected = auth.tag(self._sha256, key, auth.FROM_HOST, frame[:split])
        if not auth.equal(expected, frame[split:]):
            return ept.BAD_TAG
        if counter <= link.counter:
            return ept.REPLAYED
        link.counter = counter
        if hello:
            if frame_type == wire.PEER_HELLO:
                link.crowd, link.peer = wire.unpack_body(frame)[:2]
                link.pair_key = self._peers.key_of(link.crowd, link.peer)
            self._greet(link, key)
            return ept.NONE
        if not 0 < wire.time_left_ms(expires_ms, now_ms) <= wire.EXPIRY_MAX_ms:
            return ept.EXPIRED
        link.failures = 0
        link.silent_ms = 0
        return ept.NONE

    def _hello_key(self, link: Link, frame_type: int, fields: tuple) -> bytes:
        """Return the key of the session that a hello begins; empty where none may begin.

        A link is a host's or a board's for its whole life.
        """
        if frame_type == wire.HELLO:
            key = b"" if link.peer else self._key
        elif self._peers is None or (link.key and not link.peer):
            key = b""
        else:
            key = self._peers.key_of(*fields[:2])
        return auth.session_key(self._sha256, key, link.nonce, fields[-1]) if key else b""

    def _greet(self, link: Link, key: bytes) -> None:
        """Begin the session. Hello has no expiry, so saying it again does not keep the link."""
        if not link.key:
            link.silent_ms = 0
        link.key = key
        link.failures = 0

    def seal(self, handle: int, reply: bytes) -> bytes:
        """Return the reply with its tag; without a session it is all zero and proves nothing."""
        link = self._find(handle)
        if link is None or not link.key:
            return reply + bytes(auth.TAG_SIZE)
        return reply + auth.tag(self._sha256, link.key, auth.FROM_BOARD, reply)
