"""`python -m infra.bytecode`: import what stages and engines import, so that its bytecode lies in the environment.

uv compiles nothing when it installs. Where PYTHONDONTWRITEBYTECODE is set, as in many containers, each process would
compile torch and the rest again: a third of a stage's start. Only what is used is compiled, not all 26,000 files.
"""

import os
import sys
import tempfile
from contextlib import suppress
from importlib import import_module

from components.forkserver.server import modules

ENGINES = ("dvc.cli", "dvc.repo", "dvc.commands.status", "mlflow", "prefect", "prefect.server.api.server")


def main() -> None:
    sys.dont_write_bytecode = False
    with tempfile.TemporaryDirectory(prefix="graftline-bytecode-") as folder:
        os.environ["PREFECT_HOME"] = folder  # its import makes files there
        for name in (*modules(), *ENGINES):
            with suppress(ImportError):  # `--check` says what is missing
                import_module(name)


if __name__ == "__main__":
    main()
