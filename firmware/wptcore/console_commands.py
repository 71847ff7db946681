# SPDX-License-Identifier: MIT
"""The commands of the serial console. Physical access is full access, but no key is ever shown.

Stored values change in maintenance only: there the coil is impossible and no watchdog runs, and
the next boot reads them all afresh.
"""

from wptcore import auth, ept, way_out
from wptcore.compat import const
from wptcore.console import VERSION
from wptcore.declared import CLEAR_BY
from wptcore.fod import LossCurve
from wptcore.transfer import STATE_NAMES
from wptcore.units import TEMPERATURE_UNKNOWN_dC

_SAMPLES_MAX = const(1000)
_TRIAL_MAX_mW = const(3000)
TRIAL_ms = const(600_000)
LOOKING = ("help", "identity", "limits")
STORING = ("provision", "configure", "market", "trust")
OF_CROWD = ("consent", "crowd", "peer", "agreed", "airfuel", "owner", "alias")
_FINGERPRINT = b"crowdcharge fingerprint"


def fingerprint(sha256, key: bytes) -> str:
    """Return a short hash that tells keys apart without showing them."""
    if not key:
        return "none"
    return "".join("%02x" % byte for byte in auth.hmac_sha256(sha256, key, _FINGERPRINT)[:4])


class ConsoleCommands:
    """`board`: board.Board; `backend`: the port's silicon and storage (ports/*/hal.py).

    `run` and `next_of_stream` return (key, value) pairs. They raise ValueError("word: sentence")
    when the command is refused, and OSError when flash or bus failed.
    """

    def __init__(self, board, backend, sha256):
        self.streaming = False
        self.reset_due = False
        self._board = board
        self._backend = backend
        self._sha256 = sha256
        self._side = ""
        self._left = 0
        self._trial_ms = 0
        self._handlers = {  # command: (handler, number of arguments)
            "version": (self._version, 0),
            "status": (self._status, 0),
            "selftest": (self._selftest, 0),
            "clear": (self._clear, 1),
            "attend": (self._attend, 0),
            "mandate": (self._mandate, 1),
            "maintenance": (self._maintenance, 1),
            "meter": (self._meter, 2),
            "calibrate tx": (self._calibrate, 3),
            "calibrate rx": (self._calibrate, 3),
            "calibrate tx-bus": (self._calibrate, 3),
            "calibrate rx-bus": (self._calibrate, 3),
            "calibrate curve": (self._calibrate, 5),
            "calibrate pair": (self._calibrate, 6),
            "calibrate trial": (self._try_curve, 2),
            "reset": (self._reset, 0),
        }

    def run(self, command: str, arguments: list):
        """Run a command; it ends a stream that is still running."""
        self.streaming = False
        name = command
        if command == "calibrate":
            name = " ".join([command] + arguments[:1])
        if command in LOOKING:
            check_count(command, arguments, 0)
            look = self._part("console_look").LOOKS[command]
            return look(self._board, self._backend, self._sha256)
        if command in OF_CROWD:
            return self._of_crowd(command, arguments)
        if command in STORING:
            return self._of_storing(command, arguments)
        handler, count = self._handlers.get(name, (None, 0))
        if handler is None:
            raise ValueError("unknown: no such command; type help")
        check_count(command, arguments, count)
        return handler(*arguments)

    def on_elapsed(self, dt_ms: int) -> None:
        """End a trial of the loss curve when its time is over."""
        if self._trial_ms > 0:
            self._trial_ms -= dt_ms
            if self._trial_ms <= 0:
                self._board.on_loss_curve(*self._backend.curves)

    def next_of_stream(self):
        """Return the next raw sample; the last call closes the stream."""
        if self._left == 0:
            self.streaming = False
            return (("side", self._side),)
        self._left -= 1
        shunt_uV, bus_mV, current_mA = self._backend.raw_sample(self._side == "rx")
        return (("shunt_uV", shunt_uV), ("bus_mV", bus_mV), ("current_mA", current_mA))

    # -- commands that only look --

    def _version(self):
        backend = self._backend
        return (
            ("protocol", VERSION),
            ("firmware", backend.revision),
            ("board", backend.name),
            ("vm", backend.vm),
        )

    def _status(self):
        board = self._board
        epoch, bus_mV, current_mA, coil_dC, soc_permille, sent_mJ, received_mJ = board.figures
        transfer_id, power_mW, energy_mJ = board.ack_fields()[2:5]
        pairs = [("state", STATE_NAMES[board.state]), ("ept", "0x%02X" % board.ept)]
        pairs += way_out.describe(board.faults)
        return pairs + [
            ("off", 1 if board.is_off else 0),
            ("attended_left_s", board.attended_left_s),
            ("coil_on", 1 if board.coil_on else 0),
            ("maintenance", 1 if self._backend.maintenance else 0),
            ("watchdog", 1 if self._backend.watched else 0),
            ("epoch", epoch),
            ("soc_permille", soc_permille if soc_permille <= 1000 else "unknown"),
            ("bus_mV", bus_mV),
            ("current_mA", current_mA),
            ("coil_dC", "unknown" if coil_dC == TEMPERATURE_UNKNOWN_dC else coil_dC),
            ("transfer_id", transfer_id),
            ("power_mW", power_mW),
            ("energy_mJ", energy_mJ),
            ("sent_mJ", sent_mJ),
            ("received_mJ", received_mJ),
        ]

    def _selftest(self):
        if self._board.coil_on or self._board.receiver_on:
            raise ValueError("busy: a transfer is running; first: maintenance on")
        standing = self._board.faults
        *found, (_, result) = self._backend.selftest()
        pairs = found + way_out.describe(standing)
        return pairs + [("result", "fail" if standing else result)]

    def _meter(self, side: str, count: str):
        self._need_maintenance()
        self._side = one_of(side, ("tx", "rx"))
        self._left = whole_number(count, 1, _SAMPLES_MAX)
        self.streaming = True

    # -- commands that change something --

    def _clear(self, name: str):
        board = self._board
        code = way_out.fault_named(name)
        if code not in board.faults:
            raise ValueError("clear: %s does not stand" % name)
        if code not in CLEAR_BY:
            raise ValueError("clear: %s goes with its cause" % name)
        refusal = board.clear_at_board(code)
        if refusal == ept.LATCHED:
            raise ValueError("clear: only a host clears %s, by radio with the key" % name)
        if refusal != ept.NONE:
            raise ValueError("clear: power still flows; disconnect the cell and repair")
        return (("cleared", name),)

    def _attend(self):
        if self._board.is_off:
            raise ValueError("off: the owner switched the board off; hold its button for 5 s")
        return (("attended_left_s", self._board.attend()),)

    def _mandate(self, text: str):
        return self._part("console_crowd").bring(self._board, text)

    def _maintenance(self, word: str):
        entered = one_of(word, ("on", "off")) == "on"
        if entered != self._backend.maintenance:
            self._backend.set_maintenance(entered)
            self._board.on_maintenance(True)  # ends what runs; the reboot does the rest
            self._expect_reset()
        return (("maintenance", word),)

    def _of_storing(self, command: str, arguments: list):
        self._need_carried(command, arguments)
        run = self._part("console_store").run
        changes, answer = run(self._board, self._backend, self._sha256, command, arguments)
        self._change(changes)
        return answer

    def _of_crowd(self, command: str, arguments: list):
        self._need_carried(command, arguments)
        run = self._part("console_crowd").run
        name, changed, answer = run(self._backend.identity, command, arguments)
        self._change({name: changed})
        return answer

    def _calibrate(self, *arguments):
        self._need_maintenance()
        run = self._part("console_calibrate").run
        changes, answer = run(self._backend.identity, self._sha256, *arguments)
        self._change(changes)
        return answer

    def _try_curve(self, _trial: str, loss_mW: str):
        """Allow a loss for a while, because a rig must run before its curve can be measured."""
        threshold_mW = whole_number(loss_mW, 1, _TRIAL_MAX_mW)
        self._board.on_loss_curve(LossCurve(0, 1000, 0, threshold_mW))
        self._trial_ms = TRIAL_ms
        return (("trial_ms", TRIAL_ms),)

    def _reset(self):
        self._expect_reset()
        return ()

    def _expect_reset(self) -> None:
        self._board.on_reset_asked()
        self.reset_due = True

    def _part(self, name: str):
        """Load a module of the console. While it is compiled, no sample is taken and no pulse
        keeps the second break closed, so a board that must do that does not do it in a transfer.
        """
        if self._backend.compiles and self._board.is_running:
            raise ValueError("busy: a transfer is running")
        return self._backend.part(name)

    def _need_maintenance(self) -> None:
        if not self._backend.maintenance:
            raise ValueError("maintenance: first: maintenance on")

    def _need_carried(self, command: str, arguments: list) -> None:
        self._need_maintenance()
        self._part("console_features").check(self._board.features, command, arguments)

    def _change(self, changes: dict) -> None:
        """Store values by name; None drops a name."""
        if not changes:
            return
        stored = dict(self._backend.identity)
        for name, value in changes.items():
            stored.pop(name, None)
            if value is not None:
                stored[name] = value
        self._backend.save_identity(stored)


def check_count(command: str, arguments: list, count: int) -> None:
    if len(arguments) != count:
        raise ValueError("usage: %s needs %d arguments; type help" % (command, count))


def whole_number(text: str, low: int, high: int) -> int:
    """Read a number of a command; ValueError if it is none, or out of its range."""
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise ValueError("range: a whole number from %d to %d is needed" % (low, high))
    return value


def one_of(word: str, words: tuple) -> str:
    if word not in words:
        raise ValueError("usage: one of %s is needed" % " ".join(words))
    return word
