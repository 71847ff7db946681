# SPDX-License-Identifier: MIT
"""The command `crowdcharge`, as `python -m crowdcharge`."""

from crowdcharge.cli import main

if __name__ == "__main__":
    main()
