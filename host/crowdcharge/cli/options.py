# SPDX-License-Identifier: MIT
"""Options that several commands share."""

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
port = click.option("--port", required=True, help="The board's serial port.")
