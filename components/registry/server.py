"""`make mlflow`: the store in a browser, on the loopback address only."""

import os
import subprocess
from pathlib import Path

from components.errors import GraftlineError, RegistryError
from components.params import Params
from components.progress import log
from components.registry.delivery import deliver_now
from components.registry.runs import close_dead
from components.registry.store import QUIET, connect, locate
from components.runtime.distribution import check_server
from components.runtime.python import module_command


def serve(root: Path, params: Params, port: int) -> None:
    """Deliver what is left over and show the store until it is stopped.

    Raises RegistryError where the store lies on a server (open that one) or MLflow ends with an error.
    """
    check_server("mlflow")
    place = locate(root, params.tracking)
    if place.artifacts is None and place.uri.startswith("http"):
        known = "docs/operate.md says which user and password the servers of make up have."
        raise RegistryError("The runs are kept on a server.", f"Open {place} in a browser; {known}")
    try:
        close_dead(root)
        deliver_now(root, connect(root, params.tracking))
    except GraftlineError as error:
        log(str(error))
    log(f"MLflow shows {place} at http://127.0.0.1:{port} - stop it with Ctrl-C.")
    # One worker: by default MLflow starts 15 processes. The address goes by the environment, not by arguments
    # that everybody on the machine can read.
    server = module_command("mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "-w", "1")
    environment = {
        **os.environ,
        **QUIET,
        "MLFLOW_BACKEND_STORE_URI": place.uri,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    if place.artifacts:
        environment["MLFLOW_DEFAULT_ARTIFACT_ROOT"] = place.artifacts
    try:
        code = subprocess.run(server, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return
    if code > 0:
        raise RegistryError(f"MLflow ended with code {code}.", f"Is port {port} in use? Try --port.")
