"""supervisord: it starts the servers again when they end, keeps their logs bounded, and knows since when they run."""

import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from components.errors import GraftlineError
from components.runtime.python import module_command
from infra.servers.layout import HOST, Layout, Settings, write_secret
from infra.servers.programs import MARK, NAMES, Program, program

LOG_BYTES = "10MB"
LOGS_KEPT = 3  # of each server, besides the one that is written
PATIENCE = 20.0  # seconds for supervisord itself


@dataclass(frozen=True)
class Process:
    """Attributes:
    state: supervisord's word: RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL.
    since: seconds since 1970 of the last start, 0 where there was none.
    """

    name: str
    state: str
    pid: int
    since: float
    said: str


class Supervisor:
    """The supervisord of one folder, asked by XML-RPC on loopback, with a password of its own."""

    def __init__(self, where: Layout, settings: Settings) -> None:
        self._where = where
        self._settings = settings

    def alive(self) -> bool:
        try:
            self._ask().supervisor.getPID()
        except (OSError, HTTPException, xmlrpc.client.Error):
            return False
        return True

    def begin(self) -> None:
        """Start supervisord, where it does not run; no server yet."""
        configure(self._where, self._settings)
        if self.alive():
            return
        words = module_command("supervisor.supervisord", "-c", str(_file(self._where)))
        environment = {**os.environ, MARK: f"{self._where.folder}#supervisor"}
        done = subprocess.run(
            words, env=environment, cwd=self._where.root, capture_output=True, text=True, check=False
        )
        deadline = time.monotonic() + PATIENCE
        while not self.alive():
            if done.returncode or time.monotonic() > deadline:
                said = (done.stderr.strip().splitlines() or ["it does not answer"])[-1]
                log = self._where.logs / "supervisord.log"
                raise GraftlineError(f"supervisord did not start: {said}.", f"Its log: {log}.")
            time.sleep(0.1)

    def finish(self) -> None:
        """Stop the servers, the last first, then supervisord."""
        try:
            for name in reversed(NAMES):
                self.stop(name)
            self._ask().supervisor.shutdown()
        except (OSError, HTTPException, xmlrpc.client.Error):
            return  # it is gone: whoever calls ends what is left
        deadline = time.monotonic() + PATIENCE
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.1)

    def processes(self) -> Mapping[str, Process]:
        """Empty where supervisord does not run."""
        try:
            rows = self._ask().supervisor.getAllProcessInfo()
        except (OSError, HTTPException, xmlrpc.client.Error):
            return {}
        return {str(row["name"]): _process(row) for row in rows}

    def start(self, name: str) -> None:
        """No error where it runs already, or is being started again."""
        found = self.processes().get(name)
        if found and found.state in ("RUNNING", "STARTING"):
            return
        try:
            self._ask().supervisor.startProcess(name, False)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                # It keeps the command that it began with: another environment since then, for instance.
                raise GraftlineError(
                    f"{name} cannot be started: {fault.faultString}.", "make down, then make up."
                ) from None

    def stop(self, name: str) -> None:
        try:
            self._ask().supervisor.stopProcess(name, True)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise

    def _ask(self) -> Any:  # what xmlrpc gives has no types
        login = f"graftline:{self._settings.control_password}"
        return xmlrpc.client.ServerProxy(f"http://{login}@{HOST}:{self._settings.control_port}/RPC2")


def configure(where: Layout, settings: Settings) -> None:
    programs = [program(name, where, settings) for name in NAMES]
    sections = [_head(where, settings), *(_section(one, where) for one in programs)]
    write_secret(_file(where), "\n".join(sections))


def _file(where: Layout) -> Path:
    return where.configuration / "supervisord.conf"


def _head(where: Layout, settings: Settings) -> str:
    logs, path = _literal(where.logs), _literal(where.configuration)
    user = "user=root\n" if os.geteuid() == 0 else ""  # said on purpose, or it warns
    return f"""[supervisord]
logfile={logs}/supervisord.log
logfile_maxbytes={LOG_BYTES}
logfile_backups={LOGS_KEPT}
pidfile={path}/supervisord.pid
directory={_literal(where.root)}
strip_ansi=true
{user}
[inet_http_server]
port={HOST}:{settings.control_port}
username=graftline
password={settings.control_password}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""


def _section(one: Program, where: Layout) -> str:
    """A server that ends is started again, with longer and longer pauses, for some quarter of an hour."""
    command = f'"{_literal(sys.executable)}" -P -m infra.servers launch {one.name}'
    whole = "true" if one.name in ("mlflow", "prefect") else "false"
    return f"""[program:{one.name}]
command={command}
autostart=false
autorestart=true
startsecs=2
startretries=40
stopsignal={one.stop}
stopwaitsecs=40
stopasgroup={whole}
killasgroup=true
redirect_stderr=true
stdout_logfile={_literal(where.logs)}/{one.name}.log
stdout_logfile_maxbytes={LOG_BYTES}
stdout_logfile_backups={LOGS_KEPT}
"""


def _literal(path: Path | str) -> str:
    """supervisord replaces %(…)s in its file."""
    return str(path).replace("%", "%%")


def _process(row: Mapping[str, Any]) -> Process:
    return Process(
        str(row["name"]),
        str(row["statename"]),
        int(row["pid"]),
        float(row["start"]),
        str(row["spawnerr"] or ""),
    )
