# SPDX-License-Identifier: MIT
"""Sources are parsed in several threads at once, as a bench's tests and a flash do."""

import ast
from concurrent.futures import ThreadPoolExecutor

from crowdcharge.flash.edits import parsed

SOURCE = "\n".join(f"x = ({'(' * 30}1{')' * 30} + [2, (3, {{4: 5}})])" for _ in range(300))


def test_threads_parse_at_once():
    whole = ast.dump(ast.parse(SOURCE))
    with ThreadPoolExecutor(4) as pool:
        assert all(ast.dump(each) == whole for each in pool.map(parsed, [SOURCE] * 40))
