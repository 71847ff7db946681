# SPDX-License-Identifier: MIT
"""What a flash asks a board is asked again if the answer was cut short, but not for ever."""

import pytest

from crowdcharge.flash import micropython, mpremote


def test_an_answer_cut_short_is_asked_for_again(mocker):
    cut = mpremote.AnswerCutShort("cut")
    run = mocker.patch.object(mpremote, "run", side_effect=[cut, cut, {"files": {}}])
    assert micropython._survey("port", ["resume"]) == {"files": {}}
    assert [call.args[:2] for call in run.call_args_list] == [("port", ["resume"])] * 3


def test_a_line_that_loses_every_answer_is_named(mocker):
    mocker.patch.object(mpremote, "run", side_effect=mpremote.AnswerCutShort("cut"))
    with pytest.raises(mpremote.AnswerCutShort):
        micropython._survey("port")
