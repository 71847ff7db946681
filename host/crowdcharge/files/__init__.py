# SPDX-License-Identifier: MIT
"""Files that a user named: read within bounds, written whole or not at all, locked."""

from crowdcharge.files.json_text import parsed_json, parsed_line, read_json_as
from crowdcharge.files.lock import FileLock, locked
from crowdcharge.files.text import at_once, naming, read_parts, read_text, require_private
from crowdcharge.files.whole import folder_for, real_path, replaced, sync, write_whole, writing

__all__ = [
    "FileLock",
    "at_once",
    "folder_for",
    "locked",
    "naming",
    "parsed_json",
    "parsed_line",
    "read_json_as",
    "read_parts",
    "read_text",
    "real_path",
    "replaced",
    "require_private",
    "sync",
    "write_whole",
    "writing",
]
