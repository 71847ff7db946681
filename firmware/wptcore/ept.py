# SPDX-License-Identifier: MIT
"""Why a transfer ended (End Power Transfer) or was refused. 0x01-0x0B keep Qi's numbers.

NONE is also the Ack code for "done". The numbers are wire format: add, never renumber.
"""

from wptcore.compat import const

NONE = const(0x00)  # nothing ended yet; Ack: done

# Qi 1.1.1, End Power Transfer packet
CHARGE_COMPLETE = const(0x01)  # the receiver's battery is full
INTERNAL_FAULT = const(0x02)  # a Qi chip reported a fault of its own
OVER_TEMPERATURE = const(0x03)  # coil thermistor over its limit
OVER_VOLTAGE = const(0x04)  # meter bus voltage over its limit
OVER_CURRENT = const(0x05)  # meter current over its limit
BATTERY_FAILURE = const(
    0x06
)  # battery thermistor outside its limits, or battery voltage collapsed
RECONFIGURE = const(0x07)
NO_RESPONSE = const(0x08)  # no receiver took power within the ping window, or it went away
NEGOTIATION_FAILURE = const(0x0A)
RESTART = const(0x0B)

# Ours: ends
STOPPED = const(0x80)  # the host said Stop
FLOOR = const(0x81)  # donor floor reached; also the refusal below it
LEASE_LOST = const(0x82)  # no renewal in time; latches until an authenticated Clear
ENERGY_BUDGET = const(0x83)  # energy_max_mJ reached: the normal end
POWER_BUDGET = const(0x84)  # power_max_mW exceeded
DURATION_BUDGET = const(0x85)  # duration_max_ms reached
UNDER_VOLTAGE = const(0x86)  # meter bus voltage under its limit
METER_STALE = const(0x87)  # no fresh sample for 500 ms: the INA219 does not answer
METER_OVERFLOW = const(0x88)  # the INA219 says that its result is meaningless
METER_CALIBRATION = const(0x89)  # the INA219 lost its configuration
METER_JUMP = const(0x8A)  # a sample that no battery can give
SOC_UNKNOWN = const(0x8B)  # no state of charge: no grant, and a running donation ends
ROLE_CONFLICT = const(0x8C)  # both roles at once, or donating while on cable
REBOOTED = const(0x8D)  # the board restarted in the middle of a transfer
PEER_ENDED = const(0x8E)  # the renewal said that the other board had ended
FOREIGN_OBJECT = const(0x8F)  # sent - received - known loss is over the FOD threshold

# Ours: refusals of a frame or a command
BAD_LENGTH = const(0xC0)
BAD_VERSION = const(0xC1)
BAD_TYPE = const(0xC2)
NOT_PROVISIONED = const(0xC3)  # the board has no key and grants nothing
NO_SESSION = const(0xC4)  # a command before Hello on this link
BAD_TAG = const(0xC5)  # authentication failed
REPLAYED = const(0xC6)  # the counter did not rise
LOCKED_OUT = const(0xC7)  # too many failures on this link
BUSY = const(0xC8)  # another transfer is running
UNKNOWN_TRANSFER = const(0xC9)  # Renew or Stop of a transfer that is not running
OUT_OF_RANGE = const(0xCA)  # a field outside what the board allows
NO_ROLE = const(0xCB)  # the board has no coil for this role
LATCHED = const(0xCC)  # a latched fault stands; the Ack's `ept` names it
MAINTENANCE = const(0xCD)  # flashing or calibrating
