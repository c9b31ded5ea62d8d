"""A git worktree for one run, and nothing of a person's: neither files, nor index, nor branches.

One line has one place, under the home: what a killed run left there is removed by the next one. The worktree shares
the repository's objects and refs, DVC's cache and the sample store; its own are files, index, HEAD and `dvc.lock`.
"""

import hashlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from components.errors import GraftlineError, ParamsError, SourceError, StorageError
from components.params.load import parse
from components.progress import log
from components.registry.lineage import git_state
from components.stages.dvc_repo import settings
from components.storage.git import without_git
from components.storage.home import home, stage_lock
from components.storage.publish import kernel_lock, remove
from components.training.interrupts import crash_point

PATIENCE = 600  # seconds for one git command
LEAVING = 60.0  # seconds that a run which lost its parent has to leave the worktree
NO_SCM = re.compile(r"^\s*no_scm\s*=\s*true\s*$", re.MULTILINE | re.IGNORECASE)  # in DVC's configuration


def git(root: Path, *words: str) -> str:
    """What `git WORDS` says in `root`, without the person's hooks. Raises GraftlineError."""
    done = run_git(root, words)
    if done.returncode:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["no reason was given"])[-1]
        raise GraftlineError(f"git {words[0]}: {said}")
    return done.stdout.decode(errors="replace").strip()


def run_git(root: Path, words: Sequence[str]) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(
            ["git", "-C", str(root), "-c", "core.hooksPath=/dev/null", *words],  # noqa: S607 - the user's own
            capture_output=True,
            env=environment(),
            timeout=PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise GraftlineError("git is not installed.") from None
    except subprocess.TimeoutExpired:
        raise GraftlineError(f"git {words[0]} took more than {PATIENCE} s.") from None


def environment() -> dict[str, str]:
    """For git: no questions, no foreign repository, and an author that says what it is."""
    who = {"NAME": "Graftline", "EMAIL": f"graftline@{socket.gethostname()}"}
    names = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    english = {"LC_ALL": "C.UTF-8", "LANGUAGE": "en"}  # what git says is read below
    return {**without_git(os.environ), **names, **english, "GIT_TERMINAL_PROMPT": "0"}


def check_git(root: Path) -> None:
    """Raises StorageError where git does not read `root`: DVC and the lineage need it, unless DVC is told otherwise."""
    configured = (root / ".dvc" / name for name in ("config", "config.local"))
    if any(NO_SCM.search(file.read_text(encoding="utf-8")) for file in configured if file.is_file()):
        return
    done = run_git(root, ("rev-parse", "--git-dir"))
    if not done.returncode:
        return
    said = done.stderr.decode(errors="replace").strip().splitlines() or ["it gave no reason"]
    if "not a git repository" in said[0]:
        raise StorageError(
            f"{root} is not in a git repository, as after the download of a zip file.",
            "Make it one: git init && git add -A && git commit -m Start",
        )
    remedy = next((line.strip() for line in said if "safe.directory" in line), "")
    message = f"git does not read {root}: {said[0].removeprefix('fatal: ').rstrip('.')}."
    raise StorageError(message, f"Where you trust its owner: {remedy}" if remedy else "")


def repository(root: Path) -> Path:
    """The repository's common folder.

    Raises StorageError where git does not read it, ParamsError where `root` is not the top of a git repository.
    """
    check_git(root)
    try:
        top, common = git(root, "rev-parse", "--show-toplevel", "--git-common-dir").splitlines()
    except GraftlineError:
        top, common = "", ""
    if not top or Path(top).resolve() != root.resolve():
        raise ParamsError(f"{root} is not the top folder of a git repository.", "Run it there.")
    return (root / common).resolve()


def line_name(root: Path) -> str:
    """Tells this repository from others that share the home."""
    return hashlib.sha256(bytes(repository(root))).hexdigest()[:8]


def is_remote(root: Path, revision: str) -> bool:
    """Whether it is `REMOTE/BRANCH`, which is fetched before it is used."""
    remote, _, branch = revision.partition("/")
    return bool(branch) and remote in git(root, "remote").split()


def resolve(root: Path, revision: str) -> str:
    """The commit of `revision`; `REMOTE/BRANCH` is fetched first.

    Raises SourceError where the remote cannot be reached: an old state would be trained on in silence.
    """
    if is_remote(root, revision):
        remote, _, branch = revision.partition("/")
        done = run_git(root, ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", remote, branch))
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            why = said[-1] if said else "no reason was given"
            raise SourceError(f"{revision} cannot be fetched: {why}.", "Or name a local --revision.")
        return git(root, "rev-parse", "--verify", "--end-of-options", "FETCH_HEAD^{commit}")
    try:
        return git(root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    except GraftlineError:
        raise ParamsError(
            f"The revision {revision!r} is not in {root}.",
            "Name a branch, tag or commit: --revision, or schedule.revision in params.yaml.",
        ) from None


def committed(root: Path, commit: str, path: str) -> bytes | None:
    """The file as it stands in `commit`."""
    done = run_git(root, ("show", f"{commit}:{path}"))
    return None if done.returncode else done.stdout


@contextmanager
def worktree(root: Path, commit: str) -> Iterator[Path]:
    """A clean worktree of `commit`, removed at the end. Whoever calls holds the line's lock.

    Raises ParamsError where `params.yaml` there names files that a worktree cannot have.
    """
    place = home(root) / "scheduled" / line_name(root)
    values = parse_committed(root, commit)
    tree = place / Path(*("d",) * _depth(values)) / "line"
    _clear(root, place)
    tree.parent.mkdir(parents=True, mode=0o700)
    try:
        git(root, "worktree", "add", "--detach", str(tree), commit)
        crash_point("scheduled:worktree")
        _link_sources(root, tree, values)
        _share_cache(root, tree)
        _check_clean(tree)
        yield tree
    finally:
        _clear(root, place)


def parse_committed(root: Path, commit: str) -> dict[str, object]:
    """params.yaml as it stands in `commit`, unchecked."""
    data = committed(root, commit, "params.yaml")
    if data is None:
        raise ParamsError(f"{commit[:12]} has no params.yaml.", "Name another --revision.")
    with tempfile.TemporaryDirectory(prefix="graftline-") as folder:
        path = Path(folder) / "params.yaml"
        path.write_bytes(data)
        return parse(path)


def _clear(root: Path, place: Path) -> None:
    """Remove what is at the line's place, once whoever worked there has left."""
    for tree in _trees(root, place):
        with kernel_lock(home(root) / "locks" / stage_lock(tree, "workspace").name, LEAVING):
            # Not `prune`, which would also forget a person's worktree on a disk that is not mounted.
            done = run_git(root, ("worktree", "remove", "--force", "--force", str(tree)))
            if done.returncode:
                log(f"git worktree remove: {done.stderr.decode(errors='replace').strip()}")
    remove(place)


def _trees(root: Path, place: Path) -> list[Path]:
    listed = git(root, "worktree", "list", "--porcelain").splitlines()
    found = [Path(line.partition(" ")[2]) for line in listed if line.startswith("worktree ")]
    return [path for path in found if place in path.parents]


def _relative(values: Mapping[str, object]) -> dict[str, str]:
    """Keys of params.yaml that name files relative to the workspace."""
    found = {}
    for section, key in (("data", "source"), ("backbone", "uri")):
        held = values.get(section)
        uri = held.get(key) if isinstance(held, dict) else None
        if isinstance(uri, str) and uri.startswith("file:") and not uri.startswith("file:/"):
            found[f"{section}.{key}"] = os.path.normpath(uri.removeprefix("file:"))
    return found


def _depth(values: Mapping[str, object]) -> int:
    """How many folders must lie above the worktree, so that `../…` stays within the line's place."""
    return max((Path(path).parts.count("..") for path in _relative(values).values()), default=0)


def _link_sources(root: Path, tree: Path, values: Mapping[str, object]) -> None:
    """What a relative `file:` names is not in git: the same words must lead to the same files."""
    for key, path in _relative(values).items():
        link, target = Path(os.path.normpath(tree / path)), Path(os.path.normpath(root / path))
        if link.exists() or not target.exists():  # part of the revision; or missing, which load_params says
            continue
        if tree in link.parents and run_git(tree, ("check-ignore", "-q", path)).returncode:
            raise ParamsError(
                f"{key} is file:{path}, which lies in the repository's folder but is not part of the revision.",
                f"Write /{path} into .gitignore (no slash behind it) and commit, or move the files elsewhere.",
            )
        link.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            link.symlink_to(target)
        else:  # a single file may not be a link: sources refuse those that lead elsewhere
            shutil.copyfile(target, link)


def _share_cache(root: Path, tree: Path) -> None:
    """The repository's DVC cache, local settings, and remotes, whose relative paths begin at the repository."""
    from dvc.config_schema import RelPath

    ours, theirs = settings(root), settings(tree)
    path = tree / ".dvc" / "config.local"
    path.touch(mode=0o600)  # it may hold credentials
    with theirs.edit("local") as local:
        for section, values in ours.read("local").items():
            local.setdefault(section, {}).update(values)
        for name, remote in theirs.read("repo")["remote"].items():
            if isinstance(url := remote.get("url"), RelPath):
                moved = os.path.normpath(root / os.path.relpath(url, tree))
                local["remote"].setdefault(name, {}).setdefault("url", moved)
        local["cache"]["dir"] = str(ours["cache"].get("dir") or root / ".dvc" / "cache")


def _check_clean(tree: Path) -> None:
    if git_state(tree).get("graftline.git_dirty") != "false":
        changed = git(tree, "status", "--porcelain").splitlines()
        raise GraftlineError(
            f"A fresh worktree of this revision is not clean: {'; '.join(changed[:5])}.",
            "Line endings or filters may change files at checkout; see .gitattributes.",
        )


def line_lock(root: Path, wait_seconds: float) -> AbstractContextManager[None]:
    """One scheduled run of a line at a time. Raises Busy where another still runs after `wait_seconds`."""
    return kernel_lock(home(root) / "locks" / f"scheduled-{line_name(root)}", wait_seconds)
