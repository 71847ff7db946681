# SPDX-License-Identifier: MIT
"""Sessions of the portable core in virtual time, and the data set that is made of them."""
