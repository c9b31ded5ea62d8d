"""`python -m flows.deploy`: brings a Prefect server up to date with prefect.yaml.

Work pool, deployments with their schedules, and automations: drift starts the training, a run whose process is gone
ends as Crashed, and people hear of it. May be said again at any time.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import GraftlineError, ParamsError
from components.runtime.python import module_command
from flows.command import guarded

RETRAINING = "retraining"  # the deployment that drift starts


@dataclass(frozen=True)
class Deployment:
    """What is told of a row of prefect.yaml; Prefect reads the rest."""

    name: str
    code: str
    pool: str
    when: str


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m flows.deploy",
        description="Brings the Prefect server of `make up`, or the one that PREFECT_API_URL names, up to date with "
        "prefect.yaml: work pool, deployments, schedules, automations.",
        epilog="Exit codes: 0 done; 1 the server refused or is away; 2 prefect.yaml or params.yaml is wrong. "
        "More: docs/operate.md.",
    )
    made.add_argument("--file", type=Path, default=Path("prefect.yaml"), help="default: prefect.yaml")
    return made


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    options = parser().parse_args(arguments)
    folder = (root or Path.cwd()).resolve()
    return guarded(lambda: _run(folder, folder / options.file))


def _run(root: Path, file: Path) -> int:
    for line in deploy(root, file):
        sys.stdout.write(f"{line}\n")
    return 0


def deploy(root: Path, file: Path) -> Iterator[str]:
    """Yield a line for each thing that is there afterwards.

    Raises ParamsError where a file is wrong, GraftlineError where the server refuses or is away.
    """
    from components.params import load_params
    from flows.engine import prepare_environment
    from flows.server import temporary_server

    deployments, params = read(root, file), load_params(root / "params.yaml")
    prepare_environment(root)
    if not os.environ.get("PREFECT_API_URL"):
        raise GraftlineError("There is no Prefect server to deploy to.", "make up, or set PREFECT_API_URL.")
    with temporary_server() as ready:
        ready()
    from flows.automations import automate, make_pools, tell_of_crashes

    yield from make_pools(sorted({one.pool for one in deployments}))
    _prefect(root, file)
    for one in deployments:
        yield f"deployment {one.name}: {one.when or 'no schedule'}"
    names = [one.name for one in deployments]
    yield from automate(RETRAINING if RETRAINING in names else None)
    yield from tell_of_crashes(params.tracking.model, names, params.notify)


def read(root: Path, file: Path) -> Sequence[Deployment]:
    """The deployments of prefect.yaml, whose code must be here: Prefect's own message would be a traceback.

    Raises ParamsError.
    """
    import yaml

    try:
        rows = yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"]
        found = [_deployment(row) for row in rows]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        said = f"{type(error).__name__}: {error}"
        raise ParamsError(
            f"{file} is no list of deployments ({said}).", "docs/operate.md shows one."
        ) from None
    if absent := sorted({one.code for one in found if not (root / one.code).is_file()}):
        raise ParamsError(
            f"{file.name} names {', '.join(absent)}, which is not here.", "Correct `entrypoint`."
        )
    return found


def _deployment(row: Mapping[str, Any]) -> Deployment:
    plans = [f"{plan['cron']} {plan.get('timezone', 'UTC')}" for plan in row.get("schedules", ())]
    named, by_file, _ = str(row["entrypoint"]).partition(":")
    code = named if by_file else f"{named.rpartition('.')[0].replace('.', '/')}.py"
    return Deployment(str(row["name"]), code, str(row["work_pool"]["name"]), ", ".join(plans))


def _prefect(root: Path, file: Path) -> None:
    words = module_command("prefect", "--no-prompt", "deploy", "--all")
    words += ["--prefect-file", str(file)]
    environment = {**os.environ, "GRAFTLINE_ROOT": str(root), "NO_COLOR": "1"}
    done = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-5:]
        raise GraftlineError("Prefect refused the deployments: " + " ".join(line.strip() for line in said))


if __name__ == "__main__":
    sys.exit(main())
