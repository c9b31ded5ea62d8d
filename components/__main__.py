"""`python -m components COMMAND`: the one command that dvc.yaml uses.

Nothing heavy is imported before it is needed: --help answers at once.
"""

import sys

if __name__ == "__main__":
    # First of all: where a flow's fork server does the work, nothing more is imported here.
    from components.forkserver.client import hand_over

    hand_over(sys.argv[1:])

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from components.ending import guarded
from components.errors import StorageError
from components.stages.table import STAGES

COMMANDS = {
    "check": "find every mistake in params.yaml, before any work",
    "refresh": "look at the data source and write data/source.lock",
    "pull": "bring the outputs that dvc.lock names, checked, from DVC's cache or its remote (not: dvc pull)",
    "push": "bring what dvc.lock names to the DVC remote, and look whether all of it is there",
    "register": "register the release as one MLflow model version, if the verdict allows it",
    "advise": "recommend a backbone and a method from the features at hand, before anything is trained",
    "gc": "free caches and versions that nothing needs, and spare what a needed version was made from",
    "close": "end runs whose host or pod is gone: another one that shares .graftline cannot see whether they live",
    "report": "write .graftline/reports/report.html from the artefacts that are there, and the model card beside it",
    "card": "write the model card, .graftline/reports/README.md and card.json, whatever the verdict is",
    "mlflow": "open the runs and registered models in a browser (loopback only)",
    "graph": "show dvc.yaml as the table of stages gives it; --write writes it (developers)",
    "versions": "show the installed versions that shape bytes; --write writes versions.json",
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m components", description="One stage or command of the line, in the current folder."
    )
    subparsers = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for row in STAGES:
        reads = ", ".join(row.inputs) or "the catalogue or URI"
        subparsers.add_parser(
            row.name,
            help=row.help,
            description=f"{row.help}. Reads {reads}; writes {', '.join(row.outputs)}.",
        )
    for name, text in COMMANDS.items():
        command = subparsers.add_parser(name, help=text, description=text)
        if name in ("graph", "versions"):
            command.add_argument("--write", action="store_true", help="write the file instead of printing it")
        if name == "advise":
            text = "compute what is missing of these backbones' features first (all: of every one that fits)"
            command.add_argument("--fill", nargs="+", default=[], metavar="NAME", help=text)
            text = "compare what these YAML files say under `backbone`, too, as params.yaml would: a library's networks"
            command.add_argument("--also", nargs="+", default=[], metavar="FILE", help=text)
        if name == "pull":
            command.add_argument(
                "outputs", nargs="*", metavar="OUTPUT", help="these alone, as dvc.lock names them"
            )
            text = "replace files, too, that differ from what dvc.lock names and are saved nowhere"
            command.add_argument("--force", action="store_true", help=text)
        if name == "gc":
            text = "show what would go and what stays, and why"
            command.add_argument("--dry-run", action="store_true", help=text)
            text = "what was not used for so long goes from the caches (default 14)"
            command.add_argument("--days", type=_days, default=14.0, help=text)
            text = "versions without an alias that were neither made nor served for so long go (default 90)"
            command.add_argument("--version-days", type=_days, default=90.0, metavar="DAYS", help=text)
        if name == "close":
            command.add_argument("runs", nargs="+", metavar="RUN", help="its name, or the first 8 digits")
        if name == "mlflow":
            command.add_argument("--port", type=int, default=5000, help="port on 127.0.0.1 (default 5000)")
    return made


def _days(text: str) -> float:
    found = float(text)
    if not 1 <= found < float("inf"):
        raise argparse.ArgumentTypeError(
            f"{text} is no number of days from 1 on: what is younger may be in use"
        )
    return found


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    return guarded(lambda: run(options, Path.cwd()))


def _refuse_other_code(root: Path) -> None:
    """A git worktree may share another checkout's environment; it must not run that one's code."""
    own = root / "components" / "__main__.py"
    if own.exists() and not own.samefile(__file__):
        raise StorageError(
            f"{Path(__file__).parents[1]} is the code that runs, and not that of {root}.",
            "The environment is an older one. Run `make setup` in the folder that it is of.",
        )


def run(options: argparse.Namespace, root: Path) -> int:
    _refuse_other_code(root)
    match options.command:
        case "graph":
            from components.stages.graph import dvc_yaml

            return _show_or_write(dvc_yaml(_written(root)), root / "dvc.yaml", options.write)
        case "versions":
            from components.stages.graph import versions_json

            return _show_or_write(versions_json(_written(root)), root / "versions.json", options.write)
    from components.params import load_params

    params = load_params(root / "params.yaml")
    os.environ.setdefault("OMP_NUM_THREADS", str(params.runtime.cores))
    if options.command == "check":
        from components.data.before import warnings
        from components.progress import log
        from components.stages.packages import check_all

        check_all(root, params)
        for warning in warnings(params, root):
            log(f"Warning: {warning}")
        sys.stdout.write("params.yaml is fine.\n")
    elif options.command in COMMANDS:
        from components.stages import commands

        return commands.run(options, root, params)
    else:
        from components.stages.execute import execute

        execute(options.command, root, params)
    return 0


def _written(root: Path) -> Mapping[str, object]:
    """params.yaml as it stands there, right or wrong; nothing where there is none."""
    from components.params.load import parse

    path = root / "params.yaml"
    return parse(path) if path.exists() else {}


def _show_or_write(text: str, path: Path, write: bool) -> int:
    if write:
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.name} is written.\n")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
