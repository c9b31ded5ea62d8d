"""Connects to the store of the folder that its argument names; a program, to be killed."""

import sys
from pathlib import Path

from components.params.operation import TrackingParams
from components.registry.store import connect

if __name__ == "__main__":
    connect(Path(sys.argv[1]), TrackingParams())
