# SPDX-License-Identifier: MIT
"""Write all that follows from `hardware/boards/*.toml`: firmware modules, wiring, parts, pages.

python hardware/generate.py           write what is stale, draw what changed
python hardware/generate.py --check   write nothing; exit code 1 and one line a stale file
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

try:
    from generator import pictures
    from generator.outputs import load, outputs, stale
    from generator.source import HARDWARE, HardwareError

    from crowdcharge.errors import InputError
except ModuleNotFoundError as error:
    sys.exit(f"the generator needs {error.name}: python -m pip install -e '.[hardware]'")

ROOT = HARDWARE.parent


def main(arguments: list[str]) -> int:
    try:
        texts = outputs(*load(HARDWARE / "boards"))
        old = stale(ROOT, texts)
        undrawn = pictures.stale(ROOT, texts)
        if "--check" in arguments:
            for path in old + undrawn:
                print(f"{path}: stale; run python hardware/generate.py", file=sys.stderr)
            return 1 if old + undrawn else 0
        for path in old:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(texts[path], encoding="utf-8")
        pictures.draw(ROOT, texts, undrawn)
    except (HardwareError, InputError) as error:  # InputError: a profile
        print(error, file=sys.stderr)
        return 2
    print("\n".join(undrawn + old))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
