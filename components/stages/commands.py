"""The commands beside the stages: they look, register and show; they write nothing that is locked."""

import argparse
import sys
from pathlib import Path

from components.params import Params
from components.stages.table import Context
from components.storage.home import home, stage_lock
from components.storage.publish import kernel_lock
from components.tracker import NullTracker


def run(options: argparse.Namespace, root: Path, params: Params) -> int:
    match options.command:
        case "refresh":
            from components.stages.refresh import refresh

            changed = refresh(params, root, home(root))
            sys.stdout.write(f"data/source.lock {'has changed' if changed else 'is up to date'}.\n")
        case "pull":
            from components.stages.pull import pull

            with kernel_lock(stage_lock(root, "workspace")):  # no run may read what is being replaced
                brought = pull(root, options.outputs, options.force)
            sys.stdout.write(f"{', '.join(brought) or 'Nothing'} was brought.\n")
        case "push":
            from components.stages.push import push

            sys.stdout.write(f"{push(root)}\n")
        case "advise":
            from components.stages.advise import advise

            lines = advise(root, params, context(root, params), options.fill, options.also)
            sys.stdout.writelines(f"{line}\n" for line in lines)
        case "gc":
            from components.stages.collect import Options, collect, table

            asked = Options(options.dry_run, options.days, options.version_days)
            sys.stdout.writelines(f"{line}\n" for line in table(collect(root, params, asked), asked.dry))
        case "close":
            from components.registry.delivery import deliver_now
            from components.registry.runs import close
            from components.registry.store import connect

            close(root, options.runs)
            deliver_now(root, connect(root, params.tracking))
        case "report":
            from components.stages.report import report

            sys.stdout.write(f"{report(root, params, context(root, params))}\n")
        case "card":
            from components.stages.card import write_card

            sys.stdout.write(f"{write_card(root, params)}\n")
        case "register":
            from components.stages.register import register

            sys.stdout.write(f"{register(root, params)}\n")
        case "mlflow":
            from components.registry.server import serve

            serve(root, params, options.port)
    return 0


def context(root: Path, params: Params) -> Context:
    """For a command that runs outside a tracked stage."""
    return Context(
        NullTracker(), home(root), params.runtime.cores, params.runtime.providers, params.runtime.store_bytes
    )
