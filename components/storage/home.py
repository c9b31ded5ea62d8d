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


def reports(root: Path) -> Path:
    """The folder of the report. A workspace inside the home, as a scheduled run has, keeps its own: the one beside
    the caches is of the workspace that people work in."""
    state = home(root)
    inside = state in root.resolve().parents
    return (root.resolve() / ".graftline" if inside else state) / "reports"
