"""`python -m flows.train`: the whole line, in the current folder.

The command stands apart from the flow (`flows.pipeline`), because Prefect reads its settings when it is
imported.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from components.stages.table import STAGES
from flows.command import code_of, end, guarded


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m flows.train",
        description="Raw samples in, a judged and registered ONNX model out. Reruns only what has changed.",
        epilog="Exit codes: 0 registered; 2 params.yaml is wrong; 3 the gate or the promotion refused; 75 busy or "
        "stopped, the same command resumes; others: see components/errors.py.",
    )
    names = [row.name for row in STAGES]
    made.add_argument("--stop-after", metavar="STAGE", choices=names, help=f"one of {', '.join(names)}")
    last = made.add_mutually_exclusive_group()
    last.add_argument("--no-register", action="store_true", help="judge, but register nothing")
    last.add_argument(
        "--promote", action="store_true", help="let the registered release meet the champion (docs/gates.md)"
    )
    return made


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    options = parser().parse_args(arguments)
    folder = (root or Path.cwd()).resolve()
    return guarded(lambda: _run(folder, options), "resumes")


def _run(root: Path, options: argparse.Namespace) -> int:
    from components.params import load_params
    from components.runtime.distribution import check_distribution
    from flows.engine import prepare_environment, warm
    from flows.server import temporary_server
    from flows.workspace import probe
    from flows.worktree import check_git

    params = load_params(root / "params.yaml")
    check_git(root)
    check_distribution()
    probe(root)
    prepare_environment(root)
    with temporary_server() as ready:
        warm(root, params)
        from flows.pipeline import train

        ready()
        state = train(
            str(root), options.stop_after, not options.no_register, options.promote, return_state=True
        )
    if state.is_completed():
        return 0
    return end(f"{state.name}: {state.message}", code_of(state))


if __name__ == "__main__":
    sys.exit(main())
