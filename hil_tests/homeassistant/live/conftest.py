# SPDX-License-Identifier: MIT
"""Tests for `python -m hil_tests.homeassistant`; elsewhere they are not collected."""

import os

from hil_tests.homeassistant.home import WHERE

collect_ignore_glob = [] if WHERE in os.environ else ["test_*.py"]
