"""Registers a release where no room is left, then where there is again; a program.

    full.py WORKSPACE disk BYTES    the store's folder is a disk of 16 MB of its own, of which so many bytes are free
    full.py WORKSPACE limit BYTES   no file may be larger: that stands for a full disk where nobody may mount one

It prints, as JSON, what both attempts said, how long the first took, and what the first left behind.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

from components.errors import GraftlineError
from components.params import Params
from components.registry.register import Candidate, register
from components.registry.runs import start_run
from components.registry.store import connect

PASS = {"verdict": "pass", "rules": [{"rule": "accuracy >= 0.8", "outcome": "pass"}]}


def take_room(how: str, size: int, store: Path) -> None:
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        return
    free = os.statvfs(store).f_bavail * os.statvfs(store).f_frsize
    (store / "filler").write_bytes(bytes(max(0, free - size)))


def give_room(how: str, store: Path) -> None:
    if how == "limit":
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        return
    (store / "filler").unlink()


def main(root: Path, how: str, size: int) -> None:
    params = Params.model_validate(
        {
            "data": {"source": "file:images", "licence": "CC0", "layout": "folders"},
            "gate": {"rules": [{"metric": "accuracy", "at_least": 0.5}]},
            "tracking": {"model": "cells", "experiment": "full"},
        }
    )
    given = Candidate(root / "release", PASS, PASS, {}, {"accuracy": 0.9}, ["CPUExecutionProvider"])
    store = root / ".graftline" / "mlflow"
    client = connect(root, params.tracking).client  # with its imports: only the attempt is timed
    run = start_run(root, params, "flow")
    take_room(how, size, store)
    started, said, code = time.monotonic(), "", 0
    try:
        register(root, params.tracking, given, run)
    except GraftlineError as error:
        said, code = str(error), error.exit_code
    seconds = time.monotonic() - started
    give_room(how, store)
    experiment = connect(root, params.tracking).experiment
    left = {
        "versions": len(client.search_model_versions("name = 'cells'")),
        "uploads": len(client.search_logged_models([experiment])),
        "files": [path.name for path in (store / "artifacts").rglob("*") if path.is_file()],
    }
    again = str(register(root, params.tracking, given, run))
    uploads = len(client.search_logged_models([experiment]))
    found = {"said": said, "code": code, "seconds": seconds, "left": left, "again": again, "uploads": uploads}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
