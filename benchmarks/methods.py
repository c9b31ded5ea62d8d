"""Methods against their plain alternatives, on pairs of real data: `make benchmark-methods`.

`benchmarks/methods.yaml` says what is compared. Results are kept cell by cell in results/methods/, so a run that was
stopped goes on, on another machine, too; what changed in the parameters or in the code of a cell's stage runs again.
Writes docs/benchmark-methods.md.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from benchmarks import kept
from benchmarks.cells import STAGES, measure, merged, train
from benchmarks.report import write_page
from benchmarks.summary import Run, paired, rows
from benchmarks.workspace import ROOT, stages, workspace
from components.stages.graph import closure
from components.stages.table import stage
from components.storage.publish import sha256_file

CONFIG = Path(__file__).with_suffix(".yaml")
PLACE = ROOT / ".graftline" / "benchmarks"
PREPARED = ("version_data", "fetch_checkpoint", "adapt_checkpoint", "extract_features")


@dataclass(frozen=True)
class Cell:
    """What one cell trains with one seed."""

    pair: str
    name: str
    seed: int
    what: str
    params: Mapping[str, object]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks methods", description=__doc__)
    parser.add_argument("--pairs", nargs="*", help="only these pairs")
    parser.add_argument(
        "--minutes", type=float, default=360, help="start no cell after so many (default 360)"
    )
    parser.add_argument("--seeds", type=int, nargs="*", help="only these seeds")
    parser.add_argument(
        "--accept-code",
        action="store_true",
        help="train nothing: the code changed, but not what it computes, so all results stand",
    )
    options = parser.parse_args()
    config = yaml.safe_load(CONFIG.read_text())
    if options.accept_code:
        _accept(config)
        return
    until = time.monotonic() + options.minutes * 60
    pairs = {n: p for n, p in config["pairs"].items() if not options.pairs or n in options.pairs}
    tasks = [(seed, n) for n, p in pairs.items() for seed in options.seeds or _seeds(config, p)]
    tasks.sort(key=lambda task: task[0])  # of all pairs the first seed, then the next
    if len(tasks) == 1:
        (seed, name), pair = tasks[0], pairs[tasks[0][1]]
        for cell in cells(name, pair, seed):
            if time.monotonic() < until:
                _try(cell, pair)
        return
    _share_out(tasks, until)
    summary = {name: _summary(name, pair, _seeds(config, pair)) for name, pair in config["pairs"].items()}
    if any(pair["cells"] for pair in summary.values()):
        write_page(summary, kept.spent(summary))


def _seeds(config: Mapping[str, object], pair: Mapping[str, object]) -> list[int]:
    seeds = pair.get("seeds", config["seeds"])
    assert isinstance(seeds, list)
    return seeds


def _share_out(tasks: Sequence[tuple[int, str]], until: float) -> None:
    """Each core works on a pair of its own: two trainings of one thread are faster than one of two."""
    waiting, busy = list(tasks), set[str]()
    guard = threading.Condition()

    def take() -> tuple[int, str] | None:
        return next((task for task in waiting if task[1] not in busy), None)

    def work(core: int) -> None:
        while True:
            with guard:
                while waiting and take() is None:
                    guard.wait()
                task = take()
                if task is None or time.monotonic() > until:
                    return
                waiting.remove(task)
                busy.add(task[1])
            _alone(task, core, until)
            with guard:
                busy.remove(task[1])
                guard.notify_all()

    cores = sorted(os.sched_getaffinity(0))
    with ThreadPoolExecutor(len(cores)) as pool:
        for done in [pool.submit(work, core) for core in cores]:
            done.result()


def _alone(task: tuple[int, str], core: int, until: float) -> None:
    """One pair with one seed, by a process that has this core."""
    seed, pair = task
    minutes = (until - time.monotonic()) / 60
    chosen = ["--pairs", pair, "--seeds", str(seed), "--minutes", f"{minutes:.2f}"]
    command = ["taskset", "--cpu-list", str(core), sys.executable, "-m", "benchmarks.methods", *chosen]
    subprocess.run(command, cwd=ROOT, check=False)


def cells(name: str, pair: Mapping[str, object], seed: int) -> Iterator[Cell]:
    """What is trained of a pair with one seed."""
    base = yaml.safe_load((ROOT / "examples" / str(pair["example"]) / "params.yaml").read_text())
    base = merged(base, {**pair["set"], "seed": seed})  # type: ignore[dict-item]
    for title, cell in pair["cells"].items():  # type: ignore[attr-defined]
        changes = dict(cell.get("set", {}))
        if pair.get("resplit"):
            changes["data.split.salt"] = f"{base['data']['split']['salt']}-{seed}"
        if cell.get("turned"):
            domains = base["domains"]
            changes["domains"] = {**domains, "source": domains["target"], "target": domains["source"]}
        yield Cell(name, title, seed, cell.get("measure", "tuned"), merged(base, changes))


def _try(cell: Cell, pair: Mapping[str, object]) -> None:
    """A cell that fails is told, and left out of the table; the others go on."""
    try:
        _run(cell, pair)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"FAILED {cell.pair} · {cell.name} · seed {cell.seed}: {error}\n")


def _run(cell: Cell, pair: Mapping[str, object]) -> None:
    """Train and measure, unless that was done with the same parameters and code."""
    key = _key(cell)
    held = kept.read(cell.pair).get((cell.name, cell.seed))
    if held and held["key"] == key:
        return
    sys.stderr.write(f"{cell.pair} · {cell.name} · seed {cell.seed}\n")
    space = _prepared(cell, str(pair["example"]))
    if cell.what == "tuned":
        _source(cell, space)
    spent = train(space, cell.what)
    trained, found = measure(space, cell.what, len(os.sched_getaffinity(0)))
    # A turned cell's own target is the pair's source: it is measured where it was trained.
    place = "source" if pair["cells"][cell.name].get("turned") else "target"  # type: ignore[index]
    other = {"target": "source", "source": "target"}[place]
    run: Run = {
        "seconds": spent.seconds,
        "mib": spent.mib,
        "trained": trained,
        "target": found[place],
        "source": found.get(other),
    }
    kept.keep(cell.pair, cell.name, cell.seed, key, run)


def _prepared(cell: Cell, example: str) -> Path:
    """The pair's workspace with the cell's parameters, its data and features."""
    space = PLACE / kept.slug(cell.pair)
    data = _prepare_source(example)
    if not (space / "versions.json").exists():
        workspace(space, {})
    text = yaml.safe_dump(dict(cell.params), sort_keys=False).replace("file:../data", f"file:{data}")
    (space / "params.yaml").write_text(text)
    before = [cell.params[name] for name in ("data", "task", "augment", "backbone", "pretrain")]
    learns = isinstance(before[-1], dict) and before[-1].get("method") != "none"
    said = [before, cell.seed if learns else None, _code(PREPARED, cell.params)]
    wanted = _digest(said)
    stamp = space / "prepared"
    if not stamp.exists() or stamp.read_text() != wanted:
        stamp.unlink(missing_ok=True)
        stages(space, (*(("refresh",) if data else ()), *PREPARED))
        stamp.write_text(wanted)
    return space


def _prepare_source(example: str) -> Path | None:
    """Where the example's data lie, once they are fetched; none for the demo's own."""
    if not (ROOT / "examples" / example / "fetch.py").exists():
        return None
    from importlib import import_module

    place = PLACE / "data" / example
    import_module(f"examples.{example}.fetch").fetch(place, ROOT / ".graftline" / "downloads")
    return place


def _source(cell: Cell, space: Path) -> None:
    """The network trained on the source, where the cell starts from it; otherwise fine_tune does not look at it."""
    parts = [cell.params[name] for name in ("tune", "seed", "domains", "pretrain")]
    wanted = json.dumps([parts, _code(("train_source",), cell.params)], sort_keys=True)
    stamp = space / "source" / "trained-as"
    starts = _starts_from_source(cell)
    if (space / "source").exists() and (not starts or (stamp.exists() and stamp.read_text() == wanted)):
        return
    train(space, "source")
    stamp.write_text(wanted)


def _key(cell: Cell) -> kept.Key:
    names = (*PREPARED, *(("train_source",) if _starts_from_source(cell) else ()), STAGES[cell.what])
    sections = {section for name in names for section in stage(name).params}
    return {
        "params": _digest([{section: cell.params.get(section) for section in sections}, cell.what]),
        "code": _digest(_code(names, cell.params)),
    }


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _accept(config: Mapping[str, Mapping[str, Mapping[str, object]]]) -> None:
    """Write today's digest of the code to all results whose parameters are today's."""
    for name, pair in config["pairs"].items():
        lines = kept.read(name)
        accepted = 0
        for cell in (cell for seed in _seeds(config, pair) for cell in cells(name, pair, int(seed))):
            line, key = lines.get((cell.name, cell.seed)), _key(cell)
            if line and line["key"]["params"] == key["params"] and line["key"] != key:
                line["key"] = key
                accepted += 1
        if accepted:
            kept.write(name, lines)
            print(f"{name}: {accepted} results accepted.")


def _starts_from_source(cell: Cell) -> bool:
    return cell.what == "tuned" and _named(cell.params, "tune.start") == "source"


def _code(names: Sequence[str], params: Mapping[str, object]) -> list[str]:
    return [sha256_file(path) for path in files(names, params)]


def files(names: Sequence[str], params: Mapping[str, object]) -> list[Path]:
    """All that can shape what these stages write: what they import, and what params choose by name."""
    found = {path for name in names for path in _imports(name)}
    for plugin in {plugin for name in names for plugin in stage(name).plugins}:
        chosen = ROOT / plugin.path.replace(f"${{{plugin.key}}}", str(_named(params, plugin.key)))
        found |= set(chosen.rglob("*.py")) if chosen.is_dir() else {chosen}
    return sorted(path for path in found if path.exists())


@cache
def _imports(name: str) -> tuple[Path, ...]:
    return tuple(map(_file, closure(stage(name))))


def _named(params: Mapping[str, object], key: str) -> object:
    """What stands at a dotted key; none where nothing does."""
    found: object = params
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _file(module: str) -> Path:
    path = ROOT / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _summary(name: str, pair: Mapping[str, object], seeds: Sequence[int]) -> dict[str, object]:
    """The rows of a pair, of those cells whose parameters and code are today's; stderr hears of the others."""
    held: dict[str, dict[int, Run]] = {}
    lines = kept.read(name)
    for seed in seeds:
        for cell in cells(name, pair, seed):
            line = lines.get((cell.name, seed))
            if line and line["key"] == _key(cell):
                held.setdefault(cell.name, {})[seed] = line
    stale = len(lines) - sum(map(len, held.values()))
    if stale:
        sys.stderr.write(
            f"{name}: {stale} cells are left out, whose parameters or code have changed since.\n"
        )
    control, goal = str(pair["control"]), str(pair["goal"])
    found = {cell: held[cell] for cell in pair["cells"] if cell in held}  # type: ignore[attr-defined]
    asked = pair.get("level", [])
    return {
        "control": control,
        "goal": goal,
        "cells": rows(found, control, goal),
        "level": [
            (one, other, *paired(found[one], found[other], "target"))
            for one, other in asked  # type: ignore[attr-defined]
            if found.get(one, {}).keys() & found.get(other, {}).keys()
        ],
    }


if __name__ == "__main__":
    main()
