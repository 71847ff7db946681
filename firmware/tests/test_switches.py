# SPDX-License-Identifier: MIT
"""A board's two switches are never on together, in whatever order permissions change."""

from ports.shared import switches
from wptcore import ept


class Hal:
    def __init__(self):
        self.coil = self.receiver = self.tried = False

    def set_receiver(self, on):
        self.receiver = on
        assert not (self.coil and self.receiver)

    def close_first_break(self):
        self.tried = True
        self.coil = True
        assert not self.receiver

    def drive_coil(self, on, dt_ms):
        assert dt_ms == 20
        self.coil = on
        assert not (self.coil and self.receiver)
        return ept.NONE


def test_one_pass_from_any_role_to_any_other():
    roles = ((False, False), (True, False), (False, True))
    for before in roles:
        for after in roles:
            hal = Hal()
            hal.coil, hal.receiver = before
            coil, receiver = after
            assert switches.follow(hal, coil, coil, receiver, 20) == ept.NONE
            assert (hal.coil, hal.receiver) == after
            assert not hal.tried


def test_the_first_break_closes_alone_without_asking_a_chip_that_has_no_supply():
    hal = Hal()
    assert switches.follow(hal, True, False, False, 20) == ept.NONE
    assert hal.coil
    assert hal.tried
