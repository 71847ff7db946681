# SPDX-License-Identifier: MIT
"""What every market test may use."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(20)
