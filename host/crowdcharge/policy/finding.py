# SPDX-License-Identifier: MIT
"""Find a policy that is not ours: "module:Name", or a name that an installed package declares.

A package declares its policies as entry points of the group `crowdcharge.policies`.
"""

import importlib
import os
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.policy.base import Policy

GROUP = "crowdcharge.policies"


def declared() -> dict[str, str]:
    """Return the names that installed packages declare, each with its "module:Name"."""
    return {each.name: each.value for each in entry_points(group=GROUP)}


def load(place: str) -> Callable[..., Policy]:
    """Import what "module:Name" names; InputError in one line if that is no policy.

    Modules of the present folder are found too, after all others.
    """
    module_name, _, name = place.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), *name.split(".")]):
        raise InputError(f'policy "{place}" is not written as "module:Name"')
    found: Any = _module(place, module_name)
    for part in name.split("."):
        if not hasattr(found, part):
            raise InputError(f'policy "{place}": {module_name} has no {name}')
        found = getattr(found, part)
    if not callable(found):
        raise InputError(f'policy "{place}" is neither a class nor a function that makes a policy')
    return found  # type: ignore[no-any-return]  # what it makes is checked when it is made


def _module(place: str, name: str) -> Any:
    folder = str(Path.cwd())
    sys.path.append(folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            hint = "install it, or run where the file is"
            raise InputError(
                f'policy "{place}": there is no module {error.name}; {hint}'
            ) from None
        raise InputError(f'policy "{place}" needs the module {error.name}') from None
    except (Exception, SystemExit) as error:  # a script may end itself
        raise InputError(f'policy "{place}": {told(error)}') from error
    finally:
        sys.path.remove(folder)


def told(error: BaseException) -> str:
    """Describe an error in somebody's own code, with the line to look at."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error}"  # which names the line itself
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}, line {frame.lineno}"  # noqa: PTH119 - may be "<string>"
    return f"{type(error).__name__}: {error} ({where})"
