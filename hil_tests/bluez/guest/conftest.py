# SPDX-License-Identifier: MIT
"""Tests for the guest of `python -m hil_tests.bluez`; elsewhere they are not collected."""

import os

collect_ignore_glob = [] if "CROWDCHARGE_GUEST" in os.environ else ["test_*.py"]
