"""The workspace's lock: one run at a time changes what the line makes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from components.errors import Busy
from components.storage.home import stage_lock
from components.storage.publish import kernel_lock

WORKSPACE = "workspace"  # the name of its lock


@contextmanager
def held(root: Path) -> Iterator[None]:
    """The workspace, which nobody else may change meanwhile. Raises Busy at once where another run holds it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(kernel_lock(stage_lock(root, WORKSPACE)))
        except Busy as error:
            raise Busy(f"Another run holds this workspace. {error.message}", error.remedy) from None
        yield


def probe(root: Path) -> None:
    """Raises Busy where another run holds the workspace: before anything slow is started."""
    with held(root):
        return
