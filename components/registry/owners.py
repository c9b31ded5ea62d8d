"""Which process a pipeline execution belongs to, and whether it still lives."""

import os
from pathlib import Path

SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish", "ash", "busybox", "tcsh", "csh"}


def identity(pid: int) -> str | None:
    """A name that no later process with the same number shares; None where there is none such.

    Linux counts a process's start in ticks since boot, so a changed clock cannot touch it.
    """
    import psutil

    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        return None if fields[0] in "ZX" else f"{pid}-{fields[19]}-{boot}"
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    try:
        return f"{pid}-{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return None


def alive(name: str) -> bool:
    """Whether the process with that identity still runs."""
    pid = name.partition("-")[0]
    return pid.isdigit() and identity(int(pid)) == name


def pipeline_owner(pid: int | None = None) -> int:
    """The process that runs the pipeline of process `pid` (default: this one).

    The nearest `dvc` among its ancestors; else its parent, unless that is a shell: then the stage was typed
    by hand and is a pipeline by itself.
    """
    import psutil

    start = psutil.Process(pid or os.getpid())
    parents = start.parents()
    for process in parents:
        if _is_dvc(_command(process)):
            return int(process.pid)
    if parents and _program(_command(parents[0])) not in SHELLS and parents[0].pid != 1:
        return int(parents[0].pid)
    return int(start.pid)


def _command(process: object) -> list[str]:
    import psutil

    try:
        return list(process.cmdline())  # type: ignore[attr-defined]  # psutil.Process, imported late
    except psutil.Error:
        return []


def _program(command: list[str]) -> str:
    return Path(command[0]).name.lstrip("-") if command else ""


def _is_dvc(command: list[str]) -> bool:
    """`dvc …`, `python …/dvc …` and `python -m dvc …`."""
    if any(Path(word).name == "dvc" for word in command[:2]):
        return True
    return len(command) > 2 and command[1:3] == ["-m", "dvc"]
