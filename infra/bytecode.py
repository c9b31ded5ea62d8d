"""`python -m infra.bytecode`: put the bytecode of what stages and engines import into the environment.

uv compiles nothing when it installs. Where PYTHONDONTWRITEBYTECODE is set, as in many containers, each process would
compile torch and the rest again: a third of a stage's start. Only what is used is compiled, not all 26,000 files.
"""

import compileall
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec

from components.forkserver.server import modules

ENGINES = ("dvc.cli.parser", "dvc.repo.index", "mlflow", "prefect", "prefect.server.api.server")
# Packages that import late, which an import alone does not find: a look at the line, a flow's engine, migrations.
WHOLE = (
    "alembic",
    "anyio",
    "dulwich",
    "dvc",
    "dvc_data",
    "dvc_objects",
    "dvc_render",
    "graphviz",
    "mlflow.store",
    "mlflow.tracing",
    "prefect",
    "pygments",
    "pyparsing",
    "ruamel.yaml",
    "scmrepo",
    "sqlalchemy",
    "uvicorn",
)


def main() -> None:
    sys.dont_write_bytecode = False
    with tempfile.TemporaryDirectory(prefix="graftline-bytecode-") as folder:
        os.environ["PREFECT_HOME"] = folder  # its import makes files there
        for name in (*modules(), *ENGINES):
            with suppress(ImportError):  # `--check` says what is missing
                import_module(name)
        for place in folders():
            compileall.compile_dir(place, quiet=2)


def folders() -> Iterator[str]:
    """Of the packages that are compiled whole."""
    for name in WHOLE:
        with suppress(ImportError):
            spec = find_spec(name)
            yield from (spec.submodule_search_locations or ()) if spec else ()


if __name__ == "__main__":
    main()
