# SPDX-License-Identifier: MIT
"""firmware/ports/circuitpython/memory.py on CPython, with a byte array that tears like flash.

The pages are those of nRF52840: a write rewrites each page it touches as a whole, so a supply
that fails in it may leave the page erased, or written up to any byte.
"""

import contextlib
import importlib.util
import json
import sys
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.bench.board import nvm
from crowdcharge.flash import firmware_tree

IDENTITY = {
    "board": "feather_nrf52840",
    "board_id": 7,
    "key": "ab" * 32,
    "capacity_mJ": 26640000,
    "loss_curve": [250, 1350, 50, 500],
    "curve_hash": "0123456789abcdef",
    "meters": {"tx": [5500, -120], "rx": [-300, 40]},
}
IDENTITIES = st.fixed_dictionaries(
    {
        "board_id": st.integers(1, 0xFFFE),
        "key": st.binary(min_size=32, max_size=32).map(bytes.hex),
        "capacity_mJ": st.integers(1000, 10**9),
    }
)


class PowerFailed(Exception):
    pass


class Memory(bytearray):
    """`left`: bytes that are still programmed or erased before the supply fails; None: all."""

    left: int | None = None

    def __setitem__(self, index, value):
        old = bytes(self)
        super().__setitem__(index, value)
        new = bytes(self)
        super().__setitem__(slice(None), old)
        for at in range(0, len(new), nvm.PAGE):
            if new[at : at + nvm.PAGE] != old[at : at + nvm.PAGE]:
                self._take(at, b"\xff" * nvm.PAGE)
                self._take(at, new[at : at + nvm.PAGE])

    def _take(self, at, data):
        allowed = len(data) if self.left is None else min(self.left, len(data))
        super().__setitem__(slice(at, at + allowed), data[:allowed])
        if self.left is not None:
            self.left -= allowed
        if allowed < len(data):
            raise PowerFailed


def port_memory(image: bytes | None = None) -> tuple[ModuleType, Memory]:
    """Return the port's module on an image, or on erased flash."""
    memory = Memory(image or b"\xff" * nvm.SIZE)
    before = sys.modules.get("microcontroller")
    sys.modules["microcontroller"] = SimpleNamespace(nvm=memory)
    path = firmware_tree.root() / "ports" / "circuitpython" / "memory.py"
    spec = importlib.util.spec_from_file_location("circuitpython_memory", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        if before is None:
            del sys.modules["microcontroller"]
        else:
            sys.modules["microcontroller"] = before
    return module, memory


def test_the_port_reads_what_the_bench_provisions():
    module, memory = port_memory(nvm.image(json.dumps(IDENTITY).encode()))
    assert len(memory) == nvm.SIZE == 2 * nvm.PAGE
    assert module.load_identity() == IDENTITY
    assert module.load_slots() == [b"", b""]
    assert not module.in_maintenance()


@settings(derandomize=True, deadline=None, max_examples=30)
@given(IDENTITIES)
def test_what_the_port_writes_is_what_the_bench_would_have_provisioned(identity):
    module, memory = port_memory()
    module.save_identity(identity)
    assert bytes(memory) == nvm.image(json.dumps(identity).encode())
    assert module.load_identity() == identity


@settings(derandomize=True, deadline=None, max_examples=200)
@given(IDENTITIES, IDENTITIES, st.integers(0, 4 * nvm.PAGE))
def test_a_torn_identity_is_the_old_one_or_the_new_one(old, new, left):
    module, memory = port_memory()
    module.save_identity(old)
    module.save_slot(0, b"journal 0")
    module.save_slot(1, b"journal 1")
    memory.left = left
    try:
        module.save_identity(new)
    except PowerFailed:
        pass
    else:
        assert module.load_identity() == new
    memory.left = None
    assert module.load_identity() in (old, new)
    kept = [record for record in module.load_slots() if record]
    assert kept, "one journal slot at least outlives it"
    assert set(kept) <= {b"journal 0", b"journal 1"}
    module.save_identity(new)  # and it is healed by the next one
    assert module.load_identity() == new


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    st.binary(min_size=1, max_size=900),
    st.binary(min_size=1, max_size=900),
    st.integers(0, 2 * nvm.PAGE),
    st.integers(0, 1),
)
def test_a_torn_record_leaves_the_other_slot_and_the_identity(before, after, left, slot):
    module, memory = port_memory()
    module.save_identity(IDENTITY)
    module.save_slot(1 - slot, before)
    memory.left = left
    with contextlib.suppress(PowerFailed):
        module.save_slot(slot, after)
    memory.left = None
    slots = module.load_slots()
    assert slots[1 - slot] == before
    assert slots[slot] in (b"", after)
    assert module.load_identity() == IDENTITY


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.booleans(), st.integers(0, 2 * nvm.PAGE))
def test_a_torn_maintenance_mark_loses_no_identity(on, left):
    module, memory = port_memory()
    module.save_identity(IDENTITY)
    module.set_maintenance(not on)
    memory.left = left
    with contextlib.suppress(PowerFailed):
        module.set_maintenance(on)
    memory.left = None
    assert module.load_identity() == IDENTITY


def test_an_identity_that_does_not_fit_is_refused():
    module, memory = port_memory()
    module.save_identity(IDENTITY)
    before = bytes(memory)
    with pytest.raises(ValueError, match="too long"):
        module.save_identity({"key": "a" * 3100})
    assert bytes(memory) == before


def test_a_member_of_a_crowd_of_thirty_has_room_for_its_keys():
    module, _ = port_memory()
    peers = {str(number): "ab" * 32 for number in range(65500, 65530)}
    crowd = {"id": 0xFFFFFFFF, "root": "cd" * 32, "policy": "oblivious-share", "peers": peers}
    module.save_identity({**IDENTITY, "crowd": {**crowd, "alias": "ef" * 32, "agreed": []}})
    assert module.load_identity()["crowd"]["peers"] == peers
    module.set_maintenance(True)
    module.note_reset(1)
    assert module.load_identity()["crowd"]["peers"] == peers
    assert module.in_maintenance() and module.take_reset_note() == 1


OLD, NEW = {**IDENTITY, "key": "01" * 32}, {**IDENTITY, "key": "02" * 32}
WRITES = {
    "record 0": lambda module: module.save_slot(0, b"r" * 494),
    "record 1": lambda module: module.save_slot(1, b"s" * 494),
    "note": lambda module: module.note_reset(1),
    "mark": lambda module: module.set_maintenance(True),
    "provision": lambda module: module.save_identity(NEW),
}
CUT = st.tuples(st.sampled_from(sorted(WRITES)), st.integers(0, 4 * nvm.PAGE))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.lists(CUT, min_size=2, max_size=4))
def test_no_number_of_torn_writes_loses_the_identity_or_brings_an_old_one_back(cuts):
    """Months may lie between two brown-outs; each is followed by a start."""
    module, memory = port_memory()
    module.save_identity(OLD)
    known = [OLD]
    for what, left in cuts:
        memory.left = left
        with contextlib.suppress(PowerFailed):
            WRITES[what](module)
        memory.left = None
        if what == "provision":
            known.append(NEW)
        identity = module.load_identity()
        assert identity in known
        known = [identity]
    assert module.load_identity() == known[0]


def test_flash_that_refuses_does_not_keep_a_board_from_starting():
    module, memory = port_memory()
    module.save_identity(OLD)
    memory.left = 10
    with contextlib.suppress(PowerFailed):
        module.save_identity(NEW)
    memory.left = 0  # and each write fails from now on
    assert module.load_identity() == OLD
