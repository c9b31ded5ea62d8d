"""Where unlocked local state lies."""

import hashlib
import os
from pathlib import Path


def home(root: Path) -> Path:
    """The folder of caches, runs and reports: `.graftline/` in the workspace, or where GRAFTLINE_HOME says."""
    return Path(os.environ.get("GRAFTLINE_HOME") or root / ".graftline").resolve()


def stage_lock(root: Path, name: str) -> Path:
    """Held while the stage `name` runs in the workspace `root`; others that share its caches have their own."""
    return home(root) / "locks" / f"{name}-{hashlib.sha256(bytes(root.resolve())).hexdigest()[:8]}"
