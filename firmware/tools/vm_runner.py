# SPDX-License-Identifier: MIT
"""Runs the firmware's tests inside a MicroPython VM: `micropython vm_runner.py FIRMWARE FILE...`.

Every module-level `test_*` function of each file is called; a failure prints its traceback and
the run ends with exit code 1.
"""

import sys


def run_file(path: str) -> list:
    """Return the names of the tests that failed."""
    name = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    module = __import__(name)
    failed = []
    for attribute in sorted(dir(module)):
        if not attribute.startswith("test_"):
            continue
        try:
            getattr(module, attribute)()
            print("ok     %s.%s" % (name, attribute))
        except Exception as error:  # noqa: BLE001 (a test may fail in any way)
            print("FAILED %s.%s" % (name, attribute))
            sys.print_exception(error)
            failed.append(attribute)
    return failed


def main(firmware: str, paths: list) -> None:
    sys.path.insert(0, firmware)
    sys.path.insert(0, firmware + "/tests")
    failed = []
    for path in paths:
        failed.extend(run_file(path))
    print("%d failed" % len(failed))
    sys.exit(1 if failed else 0)


main(sys.argv[1], sys.argv[2:])
