# SPDX-License-Identifier: MIT
"""A pass of the core allocates nothing. `gc.mem_alloc` exists on the boards' VMs only."""

import gc

from support import Host, make_board

PASSES = 200


def _pass(board, buffer, current_mA):
    board.on_sample(4000, current_mA, 300, 250, 20)
    board.on_soc(600)
    board.on_elapsed(20)
    if board.coil_on:
        board.pack_beacon_into(buffer, 0)
        board.pack_bthome_into(buffer, 0)
    board.pop_reply()
    board.pop_save()


def _allocated(board, current_mA):
    other_mA = current_mA + 1  # a real meter is never still
    buffer = bytearray(31)
    for _ in range(5):
        _pass(board, buffer, current_mA)
        _pass(board, buffer, other_mA)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(PASSES // 2):
        _pass(board, buffer, current_mA)
        _pass(board, buffer, other_mA)
    after = gc.mem_alloc()
    gc.enable()
    return after - before


if hasattr(gc, "mem_alloc"):

    def test_a_pass_of_a_transmitting_board_allocates_no_byte():
        host = Host(make_board()).hello()
        host.grant(lease_ms=5000)
        assert host.board.coil_on
        assert _allocated(host.board, 500) == 0
        assert host.board.coil_on

    def test_a_pass_of_an_idle_board_allocates_no_byte():
        assert _allocated(make_board(), 0) == 0
