"""The caches in `.graftline/`: what each holds, what of it nobody needs, and how it goes."""

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from components.errors import Busy
from components.params import Params, plugins
from components.params.names import FAMILIES
from components.progress import progress
from components.stages.table import Context
from components.storage.garbage import (
    Item,
    days_unused,
    days_unwritten,
    is_locked,
    left_over,
    quiet,
    remove_in_order,
    size_of,
)
from components.storage.home import home
from components.storage.publish import kernel_lock, read_json, remove
from components.tracker import NullTracker

DIGEST = re.compile(r"[0-9a-f]{64}")
WINDOW = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Cache:
    """A folder of the home of the workspace `root`.

    Attributes:
        days: what nobody used for so long goes.
        spared: names of what is needed whatever its age → why.
    """

    root: Path
    days: float
    spared: dict[str, str]

    @property
    def state(self) -> Path:
        return home(self.root)

    def held(self) -> AbstractContextManager[None]:
        """Keeps users away while something is freed; Busy where that cannot be."""
        return nullcontext()

    def items(self, shown: str) -> list[Item]:
        """Named by their places in `.graftline/`; a walk through large folders takes a while: under a bar `shown`."""
        if not (paths := self.paths()):
            return []
        return [
            Item(str(path.relative_to(self.state)), size_of(path), self.why(path))
            for path in progress(paths, shown, "entries")
        ]

    def free(self, item: Item) -> None:
        remove(self.state / item.name)

    def paths(self) -> list[Path]:
        raise NotImplementedError

    def why(self, path: Path) -> str:
        young = f"used within {self.days:g} days" if days_unused(path) < self.days else ""
        return self.spared.get(path.name.split(".")[0], "") or young


class Store(Cache):
    """The sample store, a space at a time."""

    def held(self) -> AbstractContextManager[None]:
        return quiet(self.root)

    def paths(self) -> list[Path]:
        return _inside(self.state / "store")

    def free(self, item: Item) -> None:
        remove_in_order(self.state / item.name, "*.json")


class Trainings(Cache):
    """Checkpoints of trainings that were never finished; each has a lock that its training holds."""

    def paths(self) -> list[Path]:
        return _inside(self.state / "training")

    def why(self, path: Path) -> str:
        if (path / "lock").exists() and is_locked(path / "lock"):
            return "being trained"
        young = days_unwritten(path) < self.days
        return f"written within {self.days:g} days" if young else ""

    def free(self, item: Item) -> None:
        """The oldest checkpoint first: until the last is gone, the training could go on."""
        folder = self.state / item.name
        with suppress(Busy), kernel_lock(folder / "lock"):
            remove_in_order(folder, "[0-9]*.checkpoint")


class Fetched(Cache):
    """Releases that were fetched for scoring, by digest."""

    def held(self) -> AbstractContextManager[None]:
        return kernel_lock(self.state / "locks" / "models")

    def paths(self) -> list[Path]:
        return [path for path in _inside(self.state / "models") if DIGEST.fullmatch(path.name)]


class Downloaded(Cache):
    """Downloads by digest, begun ones, and those that came under a wrong name."""

    def paths(self) -> list[Path]:
        folder = self.state / "downloads"
        found = folder.rglob("*") if folder.is_dir() else ()
        return sorted(p for p in found if p.is_file() and DIGEST.match(p.name) and p.suffix != ".lock")

    def why(self, path: Path) -> str:
        lock = path.parent / f"{path.name.split('.')[0]}.lock"
        return "being fetched" if lock.exists() and is_locked(lock) else super().why(path)


class References(Cache):
    """References that were fetched for monitoring, by digest; the registry has them."""

    def held(self) -> AbstractContextManager[None]:
        return kernel_lock(self.state / "locks" / "reference")

    def paths(self) -> list[Path]:
        return _inside(self.state / "references")


class Pages(Cache):
    """What people look at: windows that were monitored, reports and model cards of scheduled runs. Records of alarms
    stay."""

    def paths(self) -> list[Path]:
        windows = (path for path in self.state.glob("monitoring/*/*") if WINDOW.fullmatch(path.name))
        reports = (path for kind in ("html", "md") for path in self.state.glob(f"reports/runs/*.{kind}"))
        return sorted(windows) + sorted(reports)

    def why(self, path: Path) -> str:
        return f"written within {self.days:g} days" if days_unwritten(path) < self.days else ""


class LeftOver(Cache):
    """What killed processes had begun to write."""

    def paths(self) -> list[Path]:
        names = ("store", "training", "models", "downloads", "runs", "reports", "operational", "refresh")
        return list(
            left_over(progress([self.state / name for name in names], "look for leftovers", "folders"))
        )

    def why(self, path: Path) -> str:
        return ""


def digests_of(root: Path, params: Params) -> dict[str, str]:
    """Every SHA-256 that the workspace's parameters and provenance name."""
    texts = [params.model_dump_json()]
    for name in ("checkpoint/provenance.json", "adapted/provenance.json"):
        with suppress(FileNotFoundError):
            texts.append((root / name).read_text())
    with suppress(FileNotFoundError), (root / "data" / "source.lock").open(encoding="utf-8") as file:
        texts.append(file.readline())
    why = "this workspace"
    return dict.fromkeys(DIGEST.findall(" ".join(texts)), why) | weights_of([params.backbone.name], why)


def weights_of(names: Iterable[str], why: str) -> dict[str, str]:
    """Digests of what the catalogue's backbones `names` are read from: the package, not only the file in it."""
    from components.backbones.catalogue import entry

    own = {name for name in names if name in plugins.names("backbones") and name not in FAMILIES}
    rows = (entry(name) for name in own)
    return dict.fromkeys((digest for row in rows for digest in DIGEST.findall(repr(row))), why)


def spaces_of(root: Path, params: Params) -> dict[str, str]:
    """The spaces of the sample store that the workspace's stages read, of every tensor, whichever cut they take."""
    if not all((root / name).exists() for name in ("dataset", "adapted", "features/features.json")):
        return {}
    from components.stages.network import NetworkLine

    line = NetworkLine.of(root, params, Context(NullTracker(), home(root), 1, ("cpu",)))
    cuts = range(line.pretrained[0].blocks + 2)
    spaces = [one for cut in (None, *cuts) for one in line.frozen(cut).spaces(line.modality)]
    pooled = str(read_json(root / "features" / "features.json")["space"])
    return dict.fromkeys(
        (digest[:32] for digest in (pooled, *(one.digest for one in spaces))), "this workspace"
    )


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in _entries(folder) if not path.name.startswith("."))


def _entries(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())
