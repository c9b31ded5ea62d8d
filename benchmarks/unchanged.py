"""The cost of a command where nothing has changed: a flow, `dvc status`, `check` and `--help` in a finished line.

`python -m benchmarks.unchanged [WORKSPACE …]` measures several workspaces alternately, each with its own code: what was
before goes first. Seconds of wall clock, and of CPU of all processes together, which other work on the machine changes
less. Without a name it is this repository, after `make run`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.workspace import ROOT, publish
from components.runtime.python import module_command

COMMANDS = {
    "flow": ("flows.train",),
    "dvc status": ("dvc", "status"),
    "check": ("components", "check"),
    "help": ("flows.train", "--help"),
}
Cost = tuple[float, float]  # seconds of wall clock and of CPU


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unchanged", description=__doc__)
    parser.add_argument("workspaces", nargs="*", type=Path, default=[ROOT], metavar="WORKSPACE")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="of each command (default 5)")
    options = parser.parse_args()
    spaces = {str(number): space.resolve() for number, space in enumerate(options.workspaces)}
    result = {name: _compared(spaces, words, options.repeats) for name, words in COMMANDS.items()}
    publish("unchanged", {"repeats": options.repeats, "load": round(os.getloadavg()[0], 2), **result})


def _compared(spaces: dict[str, Path], words: Sequence[str], repeats: int) -> dict[str, object]:
    for space in spaces.values():  # what the first run leaves behind, later ones have
        _cost(space, words)
    costs: dict[str, list[Cost]] = {name: [] for name in spaces}
    for _ in range(repeats):
        for name, space in spaces.items():
            costs[name].append(_cost(space, words))
    found: dict[str, object] = {}
    for place, what in enumerate(("wall", "CPU")):
        seconds = {name: [cost[place] for cost in held] for name, held in costs.items()}
        best = [round(min(held), 2) for held in seconds.values()]
        median = [round(statistics.median(held), 2) for held in seconds.values()]
        found[f"{what}, best seconds"], found[f"{what}, median seconds"] = best, median
        if len(spaces) > 1:
            found[f"{what}, last to first"] = [round(best[-1] / best[0], 2), round(median[-1] / median[0], 2)]
    return found


def _cost(space: Path, words: Sequence[str]) -> Cost:
    started = time.monotonic()
    with subprocess.Popen(
        module_command(*words), cwd=space, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.stderr.write(said.decode())
        raise RuntimeError(f"{' '.join(words)} ended with code {process.returncode} in {space}.")
    return time.monotonic() - started, used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
