"""Where unlocked local state lies."""

import os
from pathlib import Path


def home(root: Path) -> Path:
    """The folder of caches, runs and reports: `.graftline/` in the workspace, or where GRAFTLINE_HOME says."""
    return Path(os.environ.get("GRAFTLINE_HOME") or root / ".graftline").resolve()
