# SPDX-License-Identifier: MIT
"""What an owner signs, on the owner's side: the key's file, the words, and the text that travels.

The key is no host's: whoever runs a crowd can carry a mandate and cannot make one. The text is one
line of 120 hexadecimal digits, and no secret.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from crowdcharge.boards.keys import key_of, read_private
from crowdcharge.errors import InputError
from crowdcharge.files import locked, read_text, write_whole
from wptcore import auth, consent, mandate

WHOM = {
    "host": consent.HOST,
    "crowd": consent.CROWD,
    "agreed": consent.AGREED,
    "friends": consent.FRIENDS,
    "strangers": consent.STRANGERS,
}
_TEXT_MAX = 1000
_U32_MAX = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class MandateTerms:
    """The fields of wptcore.mandate.Mandate in their order, and the friends behind them."""

    board_id: int
    number: int
    gives_to: int = consent.HOST
    day_max_mJ: int = 0
    floor_pct: int = 0
    flags: int = 0
    now_min: int = 0
    from_min: int = 0
    to_min: int = 0
    wants_mJ: int = 0
    wants_permille: int = 1000
    wants_min: int = 0
    friends: tuple[int, ...] = ()

    def signed(self, owner_key: bytes) -> bytes:
        """Pack and sign it; InputError if a value has no room in it."""
        if len(self.friends) > mandate.FRIENDS_MAX:
            raise InputError(f"at most {mandate.FRIENDS_MAX} friends have room in a mandate")
        if max(self.number, self.day_max_mJ, self.wants_mJ) > _U32_MAX:
            raise InputError("an energy of more than 1193 Wh has no room in a mandate")
        fields = (
            *(self.board_id, self.number, self.gives_to, self.day_max_mJ, self.floor_pct),
            *(self.flags, self.now_min, self.from_min, self.to_min),
            *(self.wants_mJ, self.wants_permille, self.wants_min),
            *self.friends,
        )
        packed: bytes = mandate.pack(sha256, board_key(owner_key, self.board_id), fields)
        return packed


def board_key(owner_key: bytes, board_id: int) -> bytes:
    """Return what a board shares with its owner."""
    key: bytes = mandate.board_key(sha256, owner_key, board_id)
    return key


def proves(owner_key: bytes, signed: bytes, proof: bytes) -> bool:
    """Whether the board that the mandate is for says itself that it stands."""
    board_id, number = mandate.board_of(signed), int.from_bytes(signed[3:7], "little")
    expected = mandate.taken_tag(sha256, board_key(owner_key, board_id), board_id, number)
    return bool(auth.equal(expected, proof))


def whom(text: str, known: Collection[str] = WHOM) -> int:
    """Read names of WHOM with commas or `nobody` as a mask; InputError on what is not known."""
    names = [] if text == "nobody" else text.split(",")
    if not {*names} <= {*known}:
        raise InputError(f"--gives-to must be of {', '.join(known)}, or nobody, not {text!r}")
    return sum(WHOM[name] for name in {*names})


def hours(text: str) -> tuple[int, int]:
    """Read `22:00-06:00` as two minutes of the day; InputError on anything else."""
    ends = [_minute(each) for each in text.split("-")]
    if len(ends) != 2 or None in ends or ends[0] == ends[1]:
        raise InputError(f"--hours must be like 22:00-06:00, not {text!r}")
    return ends[0] or 0, ends[1] or 0


def _minute(text: str) -> int | None:
    hour, colon, minute = text.partition(":")
    whole = colon and len(hour) <= 2 and len(minute) == 2 and (hour + minute).isascii()
    if not whole or not hour.isdecimal() or not minute.isdecimal():
        return None
    return int(hour) * 60 + int(minute) if int(hour) < 24 and int(minute) < 60 else None


# -- files --


def create(path: Path) -> bytes:
    """Make an owner's key; InputError if the file is there."""
    key = secrets.token_bytes(auth.KEY_SIZE)
    with locked(path):
        if path.exists():
            raise InputError(f"{path} is there already: it may be the only copy of an owner's key")
        write_whole(path, f'key = "{key.hex()}"\n'.encode(), 0o600)
    return key


def load(path: Path) -> bytes:
    """Return the owner's key; InputError names what is wrong, and never shows the key."""
    top = read_private(path)
    top.only(("key",))
    return key_of(top, "key", top.string("key", ""))


def read(path: Path) -> bytes:
    """Return the signed mandate in a file; InputError if it is none."""
    text = read_text(path, _TEXT_MAX).strip()
    try:
        signed = bytes.fromhex(text)
        mandate.board_of(signed)
    except ValueError:
        raise InputError(f"{path}: no mandate, as crowdcharge owner sign writes it") from None
    return signed
