"""Whether an output folder holds a batch job that began, and the inputs that it began with."""

import json
from collections.abc import Iterator
from pathlib import Path

from components.errors import StorageError
from components.inference.inputs import Input, Inputs

PLAN, LISTED = "_plan.json", "_inputs.jsonl"


class Begun:
    """Those of `inputs` with which the job in `folder` began: what came since is for another job.

    Both are in the same order. What became another is found when the digests of the parts are compared.
    """

    def __init__(self, inputs: Inputs, folder: Path) -> None:
        self.uri = inputs.uri
        self._inputs = inputs
        self._listed = folder / LISTED

    def __iter__(self) -> Iterator[Input]:
        there = iter(self._inputs)
        with self._listed.open("rb") as lines:
            for line in lines:
                wanted = json.loads(line)[0]
                found = next((item for item in there if item.id == wanted), None)
                if found is None:
                    raise StorageError(
                        f"{self._listed.parent} was begun with {wanted}, which is not in {self.uri} any more.",
                        "Bring it back and run the same command, or name another --output.",
                    )
                yield found


def planned(folder: Path) -> bool:
    """Whether the folder holds a job."""
    return (folder / PLAN).exists()


def refuse_foreign(folder: Path) -> None:
    """Raise StorageError where the folder holds anything but a job."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise StorageError(f"{folder} is not a folder.", "Name another --output.")
    there = (path.name for path in folder.iterdir())
    found = [name for name in there if name != LISTED and not name.startswith(".")]
    if found and not planned(folder):  # asked last: another shard may plan the job meanwhile
        raise StorageError(
            f"{folder} is not empty and holds no scoring job: {', '.join(sorted(found)[:3])}.",
            "Name another --output.",
        )


def begun(folder: Path) -> bool:
    """Whether the folder holds a job that knows what it began with."""
    return planned(folder) and (folder / LISTED).exists()
