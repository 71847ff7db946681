# SPDX-License-Identifier: MIT
"""The serial layer's timing and error paths against a port that is not there (pytest-mock).

This is the only place in the project where something is patched, because no real port fails at a
chosen byte. The mock does not model baud rate, the operating system's buffers, or USB.
"""

import errno
from binascii import crc32

import pytest
import serial

from crowdcharge.errors import CommandRefused, InputError, LineError, NoAnswer
from crowdcharge.flash.serial_line import TRIES, ANSWER_s, SerialLine
from wptcore.console import frame, unframe

pytestmark = pytest.mark.mocked


class Board:
    """The other end; `replies` are its answers to the questions in turn.

    An answer is bytes, or a function of (number, words) that returns bytes or raises; the last one
    is used again and again.
    """

    def __init__(self, *replies):
        self.replies = list(replies)
        self.asked = []
        self.raw = b""
        self.pending = b""
        self.now_s = 0.0
        self.opened = 0
        self.step = 10_000  # bytes returned by one read

    def write(self, data):
        self.raw += data
        text = data.decode("ascii", "replace").strip()
        if not text.startswith("wpt1"):
            return
        _, number, *words = unframe(text, crc32).split()
        self.asked.append(words)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        self.pending += reply(number, words) if callable(reply) else reply

    def read(self, _count):
        data, self.pending = self.pending[: self.step], self.pending[self.step :]
        if not data:
            self.now_s += 0.05  # the port's own timeout
        return data


def answer(text, number=None):
    """Return a reply `text` to the number that was asked."""
    return lambda asked, _words: frame(f"wpt1 {number or asked} {text}", crc32)


@pytest.fixture
def connect(mocker):
    """Open a line to a Board, on a clock that only reads advance."""

    def make(board):
        port = mocker.MagicMock(spec=serial.Serial)
        port.read.side_effect = board.read
        port.write.side_effect = board.write
        type(port).in_waiting = mocker.PropertyMock(side_effect=lambda: len(board.pending))

        def open_port(*_arguments, **_options):
            board.opened += 1
            return port

        mocker.patch("crowdcharge.flash.serial_line.serial.Serial", side_effect=open_port)
        clock = mocker.patch("crowdcharge.flash.serial_line.time")
        clock.monotonic.side_effect = lambda: board.now_s

        def sleep(duration_s):
            board.now_s += duration_s

        clock.sleep.side_effect = sleep
        return SerialLine("/dev/mock"), port

    return make


def failing_open(mocker, error):
    mocker.patch("crowdcharge.flash.serial_line.serial.Serial", side_effect=error)


def test_an_answer_comes_back_as_pairs(connect):
    line, _ = connect(Board(answer("ok state=IDLE soc_permille=600")))
    assert line.ask("status") == {"state": "IDLE", "soc_permille": "600"}


def test_a_request_begins_with_a_line_end_that_closes_noise(connect):
    board = Board(answer("ok"))
    connect(board)[0].ask("status")
    assert board.raw.startswith(b"\n")
    assert board.raw.endswith(b"\r\n")


def test_an_answer_byte_by_byte_amid_noise_is_found(connect):
    noise = b"\xff\x00boot rom v1\r\nI (31) wifi: up\r\nwpt1 9 ok half"

    def reply(number, _words):
        return noise + b"\r\n" + frame(f"wpt1 {number} ok a=1", crc32) + b"more noise"

    board = Board(reply)
    board.step = 1
    assert connect(board)[0].ask("status") == {"a": "1"}


def test_silence_is_asked_again_and_then_is_one_line(connect):
    board = Board(b"")
    line, _ = connect(board)
    with pytest.raises(NoAnswer, match=r"/dev/mock: no answer within .* right port") as caught:
        line.ask("status")
    assert len(board.asked) == TRIES
    assert board.now_s == pytest.approx(TRIES * ANSWER_s, abs=0.2)
    assert not caught.value.heard
    assert "\n" not in str(caught.value)


def test_the_second_try_may_succeed(connect):
    board = Board(b"", answer("ok a=2"))
    assert connect(board)[0].ask("status") == {"a": "2"}
    assert len(board.asked) == 2


def test_a_late_answer_to_an_older_question_answers_nothing(connect):
    late = []

    def first(number, _words):
        late.append(number)
        return b""

    def second(number, _words):
        return frame(f"wpt1 {late[0]} ok old=1", crc32) + frame(f"wpt1 {number} ok new=1", crc32)

    assert connect(Board(first, second))[0].ask("status") == {"new": "1"}


def test_a_checksum_that_is_wrong_is_no_answer(connect):
    def damaged(number, _words):
        return frame(f"wpt1 {number} ok a=1", crc32).replace(b"a=1", b"a=2")

    with pytest.raises(NoAnswer, match="not our firmware"):
        connect(Board(damaged))[0].ask("status")


def test_a_garbled_question_is_asked_again_at_once(connect):
    board = Board(answer("err garbled the line's checksum is wrong", "0"), answer("ok a=1"))
    assert connect(board)[0].ask("status") == {"a": "1"}
    assert board.now_s < 0.1


def test_a_board_that_reboots_is_asked_again_at_once(connect):
    board = Board(answer("boot board=virtual", "0"), answer("ok a=1"))
    assert connect(board)[0].ask("status") == {"a": "1"}
    assert board.now_s < 0.1


def test_many_old_boot_lines_do_not_use_up_the_tries(connect):
    boots = frame("wpt1 0 boot board=virtual", crc32) * 5
    board = Board(lambda _n, _w: boots, *[b""] * 4, answer("ok a=1"))
    assert connect(board)[0].ask("status") == {"a": "1"}


def test_our_own_line_echoed_is_no_answer(connect):
    def echo(number, words):
        return frame(f"wpt1 {number} {' '.join(words)}", crc32)

    with pytest.raises(NoAnswer):
        connect(Board(echo))[0].ask("status")


def test_a_refusal_carries_its_word(connect):
    line, _ = connect(Board(answer("err maintenance first: maintenance on")))
    with pytest.raises(CommandRefused, match="refused: first: maintenance on") as caught:
        line.ask("provision", 1, "00")
    assert caught.value.word == "maintenance"


def test_another_version_of_the_protocol_is_named(connect):
    def other(number, _words):
        return frame(f"wpt2 {number} ok", crc32)

    with pytest.raises(LineError, match="speaks console version 2, this crowdcharge 1"):
        connect(Board(other))[0].ask("status")


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        (b">>> wpt1 5 status\r\nSyntaxError: invalid syntax\r\n>>> ", "our firmware does not run"),
        (b"crowdcharge: half-flashed; run\r\n>>> ", "run crowdcharge flash again"),
        (b"login: ", "heard 'login:'"),
        (b"\x80\x81\x82", "is not our firmware"),
    ],
)
def test_what_answers_instead_is_told(connect, heard, words):
    with pytest.raises(NoAnswer, match=words):
        connect(Board(heard))[0].ask("status", tries=1)


def test_endless_noise_ends_in_time_and_memory(connect):
    board = Board(b"")
    line, port = connect(board)

    def noise(_count):
        board.now_s += 0.001
        return b"x" * 5000

    port.read.side_effect = noise
    with pytest.raises(NoAnswer, match="not our firmware"):
        line.ask("status")
    assert board.now_s < TRIES * ANSWER_s + 1


def test_a_port_that_goes_away_is_opened_again(connect):
    """A board that reboots takes its USB port with it."""
    board = Board(answer("ok a=1"))
    line, port = connect(board)
    normal, failures = (
        board.read,
        [serial.SerialException("device disconnected"), OSError(5, "I/O")],
    )

    def read(count):
        if failures:
            raise failures.pop()
        return normal(count)

    port.read.side_effect = read
    assert line.ask("status") == {"a": "1"}
    assert board.opened == 3


def test_a_port_that_does_not_come_back_is_one_line(connect, mocker):
    board = Board(b"")
    line, port = connect(board)
    port.read.side_effect = serial.SerialException("device disconnected")
    failing_open(mocker, serial.SerialException(errno.ENOENT, "could not open port"))
    with pytest.raises(LineError, match="plug the board in again"):
        line.ask("status")
    assert board.now_s <= ANSWER_s + 0.2


def test_a_write_that_nobody_takes_is_silence(connect):
    board = Board(b"")
    line, port = connect(board)
    port.write.side_effect = serial.SerialTimeoutException("Write timeout")
    with pytest.raises(NoAnswer, match="no answer"):
        line.ask("status")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (serial.SerialException(2, "could not open port [Errno 2]"), InputError, "cannot open"),
        (
            serial.SerialException("[Errno 11] Could not exclusively lock port"),
            LineError,
            "in use",
        ),
        (serial.SerialException("[Errno 16] Device or resource busy"), LineError, "in use"),
        (serial.SerialException("[Errno 13] Permission denied"), LineError, "group dialout"),
        (ValueError("Invalid URL"), InputError, "cannot open"),
    ],
)
def test_a_port_that_cannot_be_opened_says_why(mocker, error, kind, words):
    failing_open(mocker, error)
    with pytest.raises(kind, match=words) as caught:
        SerialLine("/dev/mock")
    assert "\n" not in str(caught.value)


def test_a_stream_yields_until_its_end(connect):
    def stream(number, _words):
        return b"".join(
            frame(f"wpt1 {number} {text}", crc32)
            for text in ("data n=1", "data n=2", "ok side=tx")
        )

    line, _ = connect(Board(stream))
    assert [pairs["n"] for pairs in line.stream("meter", "tx", 2)] == ["1", "2"]


def test_a_stream_that_stops_half_way_is_an_error(connect):
    line, _ = connect(Board(answer("data n=1")))
    samples = line.stream("meter", "tx", 2)
    assert next(samples) == {"n": "1"}
    with pytest.raises(NoAnswer):
        next(samples)


def test_a_reboot_within_a_stream_is_an_error(connect):
    line, _ = connect(Board(answer("boot board=virtual", "0")))
    with pytest.raises(LineError, match="rebooted in the middle of meter"):
        list(line.stream("meter", "tx", 2))


def test_maintenance_waits_for_the_next_epoch(connect):
    board = Board(
        answer("ok maintenance=0 epoch=4"),
        answer("ok maintenance=on"),
        answer("ok maintenance=0 epoch=4"),  # it has not rebooted yet
        b"",
        answer("ok maintenance=1 epoch=5"),
    )
    assert connect(board)[0].maintain(True) is True
    assert board.asked[1] == ["maintenance", "on"]


def test_maintenance_that_is_on_already_changes_nothing(connect):
    board = Board(answer("ok maintenance=1 epoch=4"))
    assert connect(board)[0].maintain(True) is False
    assert board.asked == [["status"]]


def test_a_board_that_never_reboots_is_told(connect):
    line, _ = connect(Board(answer("ok maintenance=0 epoch=4")))
    with pytest.raises(LineError, match="was to reboot and did not"):
        line.maintain(True)


def test_hello_starts_a_board_that_waits_at_the_prompt(connect):
    prompt = b">>> wpt1 1 version\r\nSyntaxError\r\n>>> "
    board = Board(prompt, prompt, b"", answer("ok board=virtual"))
    assert connect(board)[0].hello() == {"board": "virtual"}
    assert b"\x02\x04" in board.raw


def test_hello_does_not_send_control_keys_to_a_stranger(connect):
    board = Board(b"login: ")
    with pytest.raises(NoAnswer):
        connect(board)[0].hello()
    assert b"\x04" not in board.raw


def test_a_board_that_stays_at_its_prompt_is_given_up_soon(connect):
    board = Board(b">>> wpt1\r\nSyntaxError\r\n>>> ")
    with pytest.raises(NoAnswer, match="run crowdcharge flash"):
        connect(board)[0].hello()
    assert board.now_s < 10
