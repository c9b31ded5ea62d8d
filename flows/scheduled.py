"""`python -m flows.scheduled`: the whole line at a revision, in a worktree of its own.

The command stands apart from the flow (`flows.launch`), because Prefect reads its settings when it is imported.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.command import code_of, end, guarded


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m flows.scheduled",
        description="Refreshes the data and, where something is new, runs the line at a revision, pushes to the DVC "
        "remote, commits both locks to a branch runs/DATE-DIGEST, registers, and lets the release meet the champion. "
        "All of it happens in a git worktree of its own: files, index and branches of this folder stay as they are.",
        epilog="Sections schedule and notify of params.yaml say which revision, and who is told. Stop it at any time: "
        "the same command resumes. "
        "Exit codes: 0 done, or nothing new; 2 params.yaml or the revision is wrong; 3 the gate or the promotion "
        "refused; 7 labels are needed; 10 revision or data cannot be fetched; 20 the registry or a remote; 75 another "
        "run is at work, or stopped; others: see components/errors.py. More: docs/operate.md.",
    )
    made.add_argument(
        "--revision",
        metavar="REVISION",
        default="",
        help="a branch, tag or commit (default: schedule.revision)",
    )
    made.add_argument(
        "--because",
        metavar="TEXT",
        default="",
        help="why; it is recorded. With `drift: …` nothing is trained unless there are new labels, or new samples and "
        "a method that adapts to them",
    )
    return made


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    options = parser().parse_args(arguments)
    folder = (root or Path.cwd()).resolve()
    return guarded(lambda: _run(folder, options))


def _run(root: Path, options: argparse.Namespace) -> int:
    """What can be refused at once is refused before Prefect is started."""
    from components.runtime.distribution import check_distribution
    from flows.engine import prepare_environment
    from flows.server import temporary_server
    from flows.worktree import is_remote, repository, resolve

    repository(root)
    if options.revision and not is_remote(root, options.revision):
        resolve(root, options.revision)
    check_distribution()
    prepare_environment(root)
    with temporary_server() as ready:
        from flows.launch import scheduled

        ready()
        state = scheduled(str(root), options.revision, options.because, return_state=True)
    code = code_of(state)
    if not state.is_completed():
        return end(f"{state.name}: {state.message}", code)
    sys.stdout.write(f"{state.name}: {state.message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
