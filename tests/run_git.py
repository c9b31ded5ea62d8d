"""git as somebody uses it."""

import subprocess
from pathlib import Path

SETTINGS = ("user.name=ada", "user.email=ada@example.org", "init.defaultBranch=main")


def git(root: Path, *words: str) -> str:
    """`git WORDS` in `root` by ada; what it says. CalledProcessError: it refused."""
    settings = [word for setting in SETTINGS for word in ("-c", setting)]
    done = subprocess.run(
        ["git", "-C", str(root), *settings, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
