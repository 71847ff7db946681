# SPDX-License-Identifier: MIT
"""Admits or refuses each frame, hands it to the board and answers it exactly once."""

from wptcore import ept, wire
from wptcore.auth import TAG_SIZE
from wptcore.compat import const
from wptcore.links import LINKS_MAX, Links

_REPLIES_MAX = const(2)  # replies of one link that wait for the radio
_PING_MAX_mW = const(1000)
_PING_ENERGY_mJ = const(3000)
_NO_TAG = bytes(TAG_SIZE)
_PING_LEASE_ms = const(1000)  # added to the ping, so that it does not end as a lost lease


class Commands:
    """`board`: board.Board, which decides what a command does; this class judges its frame.

    `market`: market_desk.MarketDesk, or None if its owner has given no terms; `peers`:
    peer_desk.PeerDesk, or None if it belongs to no crowd.
    """

    def __init__(self, board, key: bytes, sha256, market=None, links_max=LINKS_MAX, peers=None):
        self._board = board
        self._market = market
        self._peers = peers
        self._provisioned = bool(key)
        self.links_max = links_max
        self._links = Links(key, sha256, links_max, peers)
        self._replies = []
        self._handlers = {
            wire.HELLO: self._hello,
            wire.GRANT: self._grant,
            wire.RENEW: board.renew,
            wire.STOP: board.stop,
            wire.CLEAR: board.clear,
            wire.CONFIGURE: board.configure,
            wire.PING: self._ping,
            wire.ASK: self._ask,
            wire.COLLECTED: board.collected,
            wire.MANDATE: board.take_mandate,
            wire.GROUP_RENEW: board.renew_group,
        }

    def on_link(self, handle: int, nonce: bytes) -> None:
        """Open a link with its nonce; an empty nonce closes it."""
        if nonce:
            self._links.open(handle, nonce)
        else:
            self._links.close(handle)

    def on_elapsed(self, dt_ms: int) -> None:
        self._links.elapse(dt_ms)

    def on_frame(self, handle: int, frame: bytes) -> None:
        """Answer a frame, whatever its bytes are."""
        version = wire.VERSION
        counter = 0
        frame_type = 0
        fields = None
        try:
            version, frame_type, counter, _ = wire.unpack_header(frame)
            if version != wire.VERSION:
                code = ept.BAD_VERSION
            elif not wire.frame_size(frame_type) or frame_type >= wire.ACK:
                code = ept.BAD_TYPE
            else:
                fields = wire.unpack_body(frame)
        except ValueError:
            code = ept.BAD_LENGTH
        if fields is None:
            self._links.malformed(handle)
        elif frame_type == wire.MANDATE:
            code = self._take_mandate(handle, fields[0])
        elif frame_type == wire.STRANGER_KEY:
            code = self._take_key(*fields)
        else:
            code = self._admit(handle, frame)
            if code == ept.NONE:
                code = self._carry_out(handle, frame_type, fields)
        self._reply(handle, version, frame_type, counter, code)

    def pop_reply(self):
        """Return (link handle, frame) to notify, or None."""
        return self._replies.pop(0) if self._replies else None

    @property
    def links(self):
        return self._links

    @property
    def host_present(self) -> bool:
        """Does a host have a session?"""
        return self._links.host_present

    def unwelcome(self) -> int:
        """Return the handle of a link to disconnect, or -1."""
        return self._links.unwelcome()

    def _admit(self, handle: int, frame: bytes) -> int:
        if not self._provisioned:
            return ept.NOT_PROVISIONED
        return self._links.check(handle, frame, self._board.now_ms)

    def _take_mandate(self, handle: int, signed: bytes):
        """Anybody may bring one, with a session or without; who brings false ones is dropped."""
        answer = self._board.take_mandate(signed)
        if answer == ept.BAD_TAG:
            self._links.malformed(handle)
        return answer

    def _take_key(self, other: int, public: bytes):
        """Anybody may bring one: it is worth something while this board's press lasts."""
        if not self._provisioned:
            return ept.NOT_PROVISIONED
        if self._board.press is None:
            return ept.NO_FEATURE
        return self._peers.take_key(self._board, other, public)

    def _carry_out(self, handle: int, frame_type: int, fields: tuple):
        """Return a code for the Ack, or a whole reply: (its type, its fields...)."""
        peer_link = self._links.peer_link(handle)
        if peer_link is not None:
            return self._peers.carry_out(self._board, peer_link, frame_type, fields)
        if _is_peer(frame_type):
            return ept.NO_FEATURE
        if not _is_market(frame_type):
            return self._handlers[frame_type](*fields)
        if not self._board.features & wire.MARKET:
            return ept.NO_FEATURE
        if self._market is None:
            return ept.NO_TERMS
        return self._market.on_frame(self._board, frame_type, fields)

    def _hello(self, _host_nonce: bytes) -> int:
        return ept.NONE  # Links.check has made the session already

    def _grant(self, *grant) -> int:
        return self._unknown_feature(grant) or self._board.grant(grant)

    def _unknown_feature(self, grant: tuple) -> int:
        """Refuse a grant that needs what this board does not carry, or NONE."""
        group, flags = grant[3], grant[10]
        features = self._board.features
        if flags:  # a host that calls itself a board
            return ept.NO_FEATURE
        if group and not features & wire.GROUP:
            return ept.NO_FEATURE
        return ept.NONE

    def _ask(self, what: int):
        board = self._board
        if what == wire.ASK_LIMITS:
            return (wire.INFO_LIMITS,) + board.limits
        if what == wire.ASK_FAULTS:
            codes = board.faults[: wire.FAULTS_MAX]
            return wire.INFO_FAULTS, len(codes), codes + bytes(wire.FAULTS_MAX - len(codes))
        if what == wire.ASK_STATUS:
            beacon = bytearray(wire.BEACON_SIZE)
            board.pack_beacon_into(beacon, 0)
            return wire.INFO_STATUS, bytes(beacon)
        if what == wire.ASK_CONSENT:
            return (wire.INFO_CONSENT,) + board.consent_fields
        return ept.OUT_OF_RANGE

    def _ping(self, transfer_id: int, duration_ms: int) -> int:
        """Grant a short field without a peer, to find which board lies on this one."""
        if not 0 < duration_ms <= wire.PING_MAX_ms:
            return ept.OUT_OF_RANGE
        lease_ms = duration_ms + _PING_LEASE_ms
        limits = (_PING_MAX_mW, _PING_ENERGY_mJ, duration_ms, 0, lease_ms, 0)
        return self._board.grant((transfer_id, wire.PTX, 0, 0, 0) + limits)

    def _reply(self, handle: int, version: int, frame_type: int, counter: int, answer) -> None:
        if sum(1 for reply in self._replies if reply[0] == handle) >= _REPLIES_MAX:
            return  # a flood on one link must not take the replies of another
        board = self._board
        if isinstance(answer, tuple):
            reply = wire.pack_frame(answer[0], counter, board.now_ms, *answer[1:])
        else:
            fields = (frame_type, answer) + board.ack_fields()
            if version == 1:  # in its own layout, so that an old host can say what is wrong
                self._replies.append((handle, wire.pack_ack_1(counter, *fields) + _NO_TAG))
                return
            reply = wire.pack_frame(wire.ACK, counter, board.now_ms, *fields)
        self._replies.append((handle, self._links.seal(handle, reply)))


def _is_peer(frame_type: int) -> bool:
    return frame_type == wire.PEER_HELLO or frame_type == wire.PEER_WISH


def _is_market(frame_type: int) -> bool:
    return wire.MARKET_OPEN <= frame_type <= wire.MARKET_PRICE
