"""The servers of `make up`, if this workspace has some: their addresses and passwords.

Where runs and versions lie must not depend on whether a server happens to run. So a workspace that once had
`make up` uses its servers from then on, up or down, until its folder `servers` is removed.
"""

import os
import shlex
from pathlib import Path

from components.storage.home import home

# What belongs together, and what names it.
OWN = (
    (("MLFLOW_TRACKING_", "GRAFTLINE_LEDGER_"), "MLFLOW_TRACKING_URI"),
    (("PREFECT_API_",), "PREFECT_API_URL"),
)


def environment_file(root: Path) -> Path:
    return home(root) / "servers" / "env"


def use_servers(root: Path) -> None:
    """Put the lines `export NAME=VALUE` of the servers' file into the environment; what is set already stays.

    Nothing is taken where the environment names another MLflow or Prefect: half of each would be neither.
    """
    path = environment_file(root)
    if not path.exists():
        return
    pairs = [
        (word.partition("=")[0], word.partition("=")[2])
        for word in shlex.split(path.read_text(encoding="utf-8"), comments=True)
        if "=" in word
    ]
    found = dict(pairs)
    for prefixes, name in OWN:
        if os.environ.get(name, found.get(name)) != found.get(name):
            found = {key: value for key, value in found.items() if not key.startswith(prefixes)}
    for key, value in found.items():
        os.environ.setdefault(key, value)
