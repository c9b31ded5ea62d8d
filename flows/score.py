"""`python -m flows.score`: every input scored by a registered release, one row for each, in Parquet.

The command stands apart from the flow (`flows.batch`), because Prefect reads its settings when it is imported.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.command import code_of, end, guarded, table_arguments


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m flows.score",
        description="Scores every input with a registered release and writes one row for each: id, a probability for "
        "each class, decision, digest of the input, model, version, digest of the release. An input that cannot be "
        "read gets a row with the reason. Stop it at any time: the same command resumes, and parts that are there are "
        "not scored again.",
        epilog="The work is spread by giving --shard 1/8, 2/8 … to as many processes with the same --output; together "
        "they write what one would. Providers and threads: section runtime of params.yaml. "
        "Exit codes: 0 all of the shard is there; 2 the command or params.yaml is wrong; 10 inputs cannot be fetched; "
        "11 the model is not the one that was registered; 12 the inputs cannot be used, or none could be scored; "
        "14 the disk is full, or the output folder holds another job; 15 the provider is not active; 20 the registry; "
        "75 busy or stopped, the same command resumes; others: see components/errors.py. More: docs/scoring.md.",
    )
    made.add_argument(
        "--input",
        required=True,
        metavar="INPUT",
        help="a folder; a table (.csv, .tsv, .jsonl, .parquet, also .gz); or s3://BUCKET/PREFIX",
    )
    made.add_argument("--output", required=True, metavar="FOLDER", help="new, or of the same job")
    model = made.add_mutually_exclusive_group()
    model.add_argument("--alias", metavar="NAME", help="the version with that alias (default: champion)")
    model.add_argument("--version", type=int, metavar="N", help="that version")
    model.add_argument("--bundle", metavar="FOLDER", help="a release on this disk, for instance release")
    made.add_argument(
        "--digest",
        metavar="SHA256",
        help="of the bundle, as its maker names it: required where its ONNX file does not name its classes",
    )
    sample = made.add_mutually_exclusive_group()
    sample.add_argument("--path", metavar="COLUMN", help="of a table: names of files (default: path)")
    sample.add_argument(
        "--content", metavar="COLUMN", help="of a table: the samples themselves, texts or, in Parquet, bytes"
    )
    table_arguments(made)
    made.add_argument(
        "--embeddings",
        action="store_true",
        help="add what the model's head sees of each input, for monitoring",
    )
    made.add_argument("--shard", metavar="I/N", help="one of N equal shares, from 1 (default: 1/1)")
    made.add_argument("--rows", type=int, metavar="N", help="of one file of the output (default: 1024)")
    return made


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    values = vars(parser().parse_args(arguments))
    folder = (root or Path.cwd()).resolve()
    return guarded(lambda: _run(folder, values))


def _run(root: Path, values: dict[str, object]) -> int:
    """Whatever is wrong with the command, params.yaml, the inputs or the model is said before Prefect is started.

    What can be told without the model comes first: nothing slow is imported for it. The flow looks again.
    """
    from components.params import load_operation
    from components.params.scoring import read_job
    from components.progress import log
    from components.runtime.distribution import check_distribution
    from components.stages.before import open_job
    from flows.engine import prepare_environment
    from flows.server import temporary_server

    job = read_job(values)
    params = load_operation(root / "params.yaml")
    prepare_environment(root)
    inputs = open_job(root, job)
    check_distribution()
    from components.stages.score import looked_for, open_model

    if said := looked_for(root, params, job):
        log(said)
    open_model(root, params, job, inputs)
    with temporary_server() as ready:
        from flows.batch import score

        ready()
        state = score(values, str(root), return_state=True)
    if state.is_completed():
        sys.stdout.write(f"{state.message}\n")
        return 0
    return end(f"error: {state.message}", code_of(state))


if __name__ == "__main__":
    sys.exit(main())
