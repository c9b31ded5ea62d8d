"""Runs the flow's command over the toy table, in a process of its own."""

import signal
import sys
from pathlib import Path

# Not by PYTHONPATH, which its stages would inherit: theirs is the code of the workspace.
sys.path.insert(0, str(Path(__file__).parents[3]))

from components.stages import table
from components.stages.table import Stage

ROWS = (
    Stage("double", "double a number", ("in.txt",), ("doubled.txt",), ()),
    Stage("judge", "judge it", ("doubled.txt",), ("verdict.json",), ()),
)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest's workers hand it on ignored
    table.STAGES = ROWS
    from flows.train import main

    sys.exit(main())
