"""`python -m flows.sweep`: settings searched by cross-validation inside the training side.

No Prefect here: trials run one after another on one machine, nothing is fetched or retried, and the study
itself remembers how far it came. Data, checkpoint and features are brought up to date by the same stages.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import ParamsError
from flows.command import guarded

if TYPE_CHECKING:
    from components.params import Params

READY = ("version_data", "fetch_checkpoint", "adapt_checkpoint", "extract_features")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m flows.sweep",
        description="Searches the values of params.yaml that sweep.yaml names (Optuna: TPE, median pruning). Each "
        "trial is scored by cross-validation inside the training side; calibration and test samples are not touched, "
        "nor validation samples, but those of a target without labels where domains.criterion chooses epochs by them. "
        "Stop it at any time: the same command resumes, and finished trials are not repeated.",
        epilog="Writes .graftline/sweeps/NAME/: report.html (the picture), params.yaml (the winner; params.yaml of "
        "this folder is left alone) and study.db (what was tried). Each trial is an MLflow run below the sweep's. "
        "Exit codes: 0 done; 2 params.yaml or the space is wrong; 75 busy or stopped, the same command resumes; "
        "others: see components/errors.py. More: docs/sweep.md.",
    )
    made.add_argument(
        "--space", metavar="FILE", default="sweep.yaml", help="what to search (default: sweep.yaml)"
    )
    made.add_argument("--name", default="sweep", help="of the sweep, and of its folder (default: sweep)")
    made.add_argument(
        "--trials", type=Whole(1), default=20, help="trials in all, earlier ones included (default: 20)"
    )
    made.add_argument("--minutes", type=_minutes, help="stop after the fold that is running then; resumable")
    made.add_argument("--folds", type=Whole(2), default=3, help="folds of the cross-validation (default: 3)")
    made.add_argument("--metric", help="what is compared (default: select.metric of params.yaml)")
    return made


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    options = parser().parse_args(arguments)
    folder = (root or Path.cwd()).resolve()
    return guarded(lambda: _run(folder, options))


def _run(root: Path, options: argparse.Namespace) -> int:
    """Check everything that can be checked, bring the artefacts up to date, search."""
    from components.params import load_params
    from components.params.space import load_space
    from components.runtime.distribution import check_distribution
    from flows.worktree import check_git

    params = load_params(root / "params.yaml")
    space = load_space(_space_file(root, options.space))
    metric = _metric(options.metric or params.select.metric, params)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", options.name):
        raise ParamsError(
            f"--name is {options.name!r}.", "Allowed: letters, digits, dots, dashes, underscores."
        )
    check_git(root)
    check_distribution()
    os.environ.setdefault("OMP_NUM_THREADS", str(params.runtime.cores))
    from components.stages.table import stage
    from flows.engine import execution
    from flows.search import Search, planned, scorer, sweep_run
    from flows.summary import sweep_lines

    plan = planned(root, options.name, space, params, metric, options.folds)
    with execution(root, params, lambda root, params: sweep_run(plan, params)) as line:
        if not (root / "data" / "source.lock").exists():
            line.command("refresh")
        for name in READY:
            line.stage(name, stage(name).outputs)
        search = Search(plan, params, line.run, scorer(plan, params))
        search.run(options.trials, options.minutes)
    sys.stdout.write("\n".join(["", *sweep_lines(search.sweep(), plan.folder), ""]))
    return 0


def _space_file(root: Path, given: str) -> Path:
    path = root / given
    if not path.exists():
        raise ParamsError(
            f"{given} does not exist.", "Name the file of the search space by --space; see docs/sweep.md."
        )
    return path


def _metric(name: str, params: "Params") -> str:
    from components.params import plugins
    from components.params.uncalibrated import refused

    allowed = plugins.fact("problems", params.task.problem, "METRICS")
    if name not in allowed:
        raise ParamsError(f"--metric is {name!r}.", f"Allowed: {', '.join(allowed)}.")
    for sentence in refused(params.task, "--metric", name, "trials"):
        raise ParamsError(f"{sentence}.")
    return name


class Whole:
    """argparse's type of a whole number from `least` on."""

    def __init__(self, least: int) -> None:
        self._least = least

    def __call__(self, text: str) -> int:
        if not text.isdigit() or int(text) < self._least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {self._least} on")
        return int(text)


def _minutes(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes above 0")
    return found


if __name__ == "__main__":
    sys.exit(main())
