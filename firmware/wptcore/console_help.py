# SPDX-License-Identifier: MIT
"""The list of the console's commands; loaded when somebody asks for it."""

# Rows: command, arguments, what it does.
HELP = (
    ("help", "", "this list"),
    ("version", "", "firmware, virtual machine and version of this protocol"),
    ("identity", "", "what is stored: id, fingerprint of the key, calibration"),
    ("status", "", "state, faults, readings, odometers"),
    ("limits", "", "what the parts of this board bear"),
    ("selftest", "", "asks every sensor; fails while a fault stands or current leaks"),
    ("clear", "FAULT", "clears a latched fault that a person may clear"),
    ("attend", "", "somebody is near: allows more than 1 W for a while"),
    ("maintenance", "on|off", "reboots; on: the coil is impossible, no watchdog runs"),
    ("meter", "tx|rx COUNT", "COUNT raw samples of one meter (in maintenance)"),
    ("provision", "ID KEY", "board id and key of 64 hexadecimal digits (in maintenance)"),
    ("configure", "capacity_mJ VALUE", "capacity of the battery (in maintenance)"),
    ("configure", "floor_pct VALUE", "donor floor, 20 to 90 (in maintenance)"),
    ("configure", "attended_s VALUE|always", "length of the attended window (in maintenance)"),
    ("market", "A_u B_u KEEP_pct TARGET_pct", "the owner's terms (in maintenance); A_u 0: none"),
    ("trust", "KEY|anybody", "adds a partner's market key; then no others (in maintenance)"),
    (
        "consent",
        "host,crowd,agreed,strangers|nobody DAY_mJ",
        "to whom it gives (in maintenance); 0: no limit",
    ),
    ("mandate", "HEX", "what its owner has signed, as crowdcharge owner sign writes it"),
    ("owner", "KEY|nobody", "the key that it shares with its owner (in maintenance)"),
    ("crowd", "ID ROOT POLICY", "makes it a member (in maintenance); ID 0: of none"),
    ("peer", "BOARD KEY", "adds the key to another member (in maintenance)"),
    ("airfuel", "on|off", "a transmitter may read it, and end what it takes (in maintenance)"),
    ("alias", "KEY", "the key to the aliases of its crowd's members (in maintenance)"),
    ("agreed", "CROWD[:mJ],...|nobody", "others that may ask, mJ a day (in maintenance)"),
    ("calibrate", "tx|rx GAIN_ppm OFFSET_uA", "correction of one meter (in maintenance)"),
    ("calibrate", "tx-bus|rx-bus GAIN_ppm OFFSET_uV", "and of its voltage (in maintenance)"),
    ("calibrate", "curve C_mW B_permille A_permille_per_W THRESHOLD_mW", "loss (in maintenance)"),
    (
        "calibrate",
        "pair BOARD C B A THRESHOLD",
        "of a pair; THRESHOLD 0: none (in maintenance)",
    ),
    ("calibrate", "trial LOSS_mW", "until reboot or for ten minutes: allow this loss"),
    ("reset", "", "reboots"),
)
