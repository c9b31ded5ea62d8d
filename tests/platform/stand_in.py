"""A flow that stands for the training: it writes a line, and takes the time that it is told."""

import time
from pathlib import Path

from prefect import flow


@flow(name="stand-in", persist_result=False)
def beat(root: str = ".", seconds: float = 1, because: str = "") -> None:
    with (Path(root).resolve() / "beats").open("a") as file:
        file.write(f"{because or 'schedule'}\n")
    time.sleep(seconds)
