"""Starting a module of this Python's environment in a process of its own."""

import sys


def module_command(name: str, *words: str) -> list[str]:
    """The command of `python -m NAME WORDS`.

    -P: a file in the folder where it starts must not be imported in the place of a library.
    """
    return [sys.executable, "-P", "-m", name, *words]
