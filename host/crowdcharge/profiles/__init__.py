# SPDX-License-Identifier: MIT
"""What coils and phones of others can do, from tables whose every value has a source."""

from crowdcharge.profiles.exchange import Exchange, every_pair, exchange
from crowdcharge.profiles.profile import Profile, Value, known, load

__all__ = ["Exchange", "Profile", "Value", "every_pair", "exchange", "known", "load"]
