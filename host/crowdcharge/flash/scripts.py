# SPDX-License-Identifier: MIT
"""Scripts that run in a board's raw REPL while it is flashed."""

# Reports what the board is and the digest of each of its files.
SURVEY = """
import gc, os, sys, hashlib, binascii
def digest(path):
    gc.collect()
    h = hashlib.sha256()
    with open(path, 'rb') as f:
        while True:
            block = f.read(1024)
            if not block:
                return binascii.hexlify(h.digest()).decode()
            h.update(block)
def walk(folder, prefix, found):
    for entry in os.ilistdir(folder):
        name = prefix + entry[0]
        if entry[1] & 0x4000:
            walk(name, name + '/', found)
        else:
            found[name] = digest(name)
    return found
try:
    with open('identity.json') as f:
        board = json.load(f).get('board', '')
except (OSError, ValueError):
    board = ''
impl = sys.implementation
tell({'vm': impl[0], 'version': list(impl[1][:3]), 'mpy': getattr(impl, '_mpy', 0) & 0xFF,
      'board': board, 'files': walk('', '', {})})
"""

# Keeps the board at its prompt over the next reset, which is no failure of its firmware: the note
# is persistence.ASKED.
HOLD = """
import os
for name, text in (('maintenance', 'flash'), ('reset_note', '0')):
    with open(name, 'w') as f:
        f.write(text)
if hasattr(os, 'sync'):
    os.sync()
"""

# Keeps the board from starting its firmware until all of it is there; removes stale files.
MARK = """
import os
with open('maintenance', 'w') as f:
    f.write('flash')
for name in stale:
    os.remove(name)
for name in folders:
    try:
        os.mkdir(name)
    except OSError:
        pass
if hasattr(os, 'sync'):
    os.sync()
"""

# Tells main.py the kind of board and keeps the rest of its identity; allows the start.
RELEASE = """
import os
try:
    with open('identity.json') as f:
        identity = json.load(f)
except (OSError, ValueError):
    identity = {}
identity['board'] = board
with open('identity.new', 'w') as f:
    json.dump(identity, f)
os.rename('identity.new', 'identity.json')
for name, text in (('maintenance', 'on'), ('reset_note', '0')):
    with open(name, 'w') as f:
        f.write(text)
if hasattr(os, 'sync'):
    os.sync()
"""
