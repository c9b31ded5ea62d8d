"""Which process a pipeline execution belongs to, and whether it still lives.

Hosts and pods may share a home. A process's number says something only where it was given: in one namespace of a
kernel that has not restarted since.
"""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish", "ash", "busybox", "tcsh", "csh"}


@dataclass(frozen=True)
class Owner:
    """A process, by what tells it from every other one.

    Attributes:
        started: ticks since boot, so a changed clock cannot touch it; without /proc, seconds since 1970.
        boot: what the kernel calls this boot of its own; empty without /proc.
        namespace: of process numbers: pods of one node have the same boot.
        host: its name; empty where an earlier version wrote the identity.
    """

    pid: str
    started: str = ""
    boot: str = ""
    namespace: str = ""
    host: str = ""

    @classmethod
    def read(cls, name: str) -> "Owner":
        return cls(*name.split("-", 4))

    def __str__(self) -> str:
        return "-".join((self.pid, self.started, self.boot, self.namespace, self.host))

    @property
    def process(self) -> tuple[str, str, str]:
        return self.pid, self.started, self.boot


def identity(pid: int) -> str | None:
    """A name that no other process shares, fit for a file; None where there is no such process."""
    found = _look(pid)
    return None if found is None else str(found)


def _look(pid: int) -> Owner | None:
    import psutil

    host = re.sub(r"[^\w.-]", "_", platform.node())
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        namespace = Path("/proc/self/ns/pid").stat().st_ino
        return None if fields[0] in "ZX" else Owner(str(pid), fields[19], boot, str(namespace), host)
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    try:
        return Owner(str(pid), f"{psutil.Process(pid).create_time():.2f}", host=host)
    except psutil.Error:
        return None


def alive(name: str) -> bool:
    """Whether the process with that identity still runs; of one that is `elsewhere` it may be so."""
    if elsewhere(name):
        return True
    owner = Owner.read(name)
    found = _look(int(owner.pid)) if owner.pid.isdigit() else None
    return found is not None and found.process == owner.process


def elsewhere(name: str) -> bool:
    """Whether it is a process of another host or pod: nothing here can say whether that lives."""
    owner, here = Owner.read(name), _look(os.getpid())
    if here is None or not owner.host:
        return False
    if owner.boot and (owner.boot, owner.namespace) == (here.boot, here.namespace):
        return False  # whatever this host was called then
    if owner.host != here.host:
        return True
    # Of a host that was started anew since, nothing lives.
    return owner.boot == here.boot and owner.namespace != here.namespace


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
    """`dvc …`, `python …/dvc …` and `python -m dvc …`, also with a safe path (-P)."""
    command = [word for word in command if word != "-P"]
    if any(Path(word).name == "dvc" for word in command[:2]):
        return True
    return len(command) > 2 and command[1:3] == ["-m", "dvc"]
