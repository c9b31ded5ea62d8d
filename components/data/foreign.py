"""Files that are surely no samples: what systems leave in folders, and kinds that a task cannot read."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

# Written by file managers, cameras and servers. What begins with a dot is hidden, too.
SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r"})
# Indexes, thumbnails and waste of servers and archives.
SYSTEM_FOLDERS = frozenset(
    {
        "@eadir",
        "@recycle",
        "@recently-snapshot",
        "@tmp",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "__macosx",
        "__pycache__",
        "_gsdata_",
        "lost+found",
        "system volume information",
    }
)
# Hidden folders of known tools; nobody keeps a class in them.
TOOLS = frozenset(
    {
        ".@__thumb",
        ".appledouble",
        ".cache",
        ".documentrevisions-v100",
        ".dvc",
        ".fseventsd",
        ".git",
        ".graftline",
        ".hg",
        ".idea",
        ".ipynb_checkpoints",
        ".spotlight-v100",
        ".svn",
        ".temporaryitems",
        ".thumbnails",
        ".trash",
        ".trashes",
        ".venv",
        ".vscode",
    }
)
ARCHIVES = (
    ".zip",
    ".tar",
    ".tgz",
    ".tar.gz",
    ".tar.bz2",
    ".tbz2",
    ".tar.xz",
    ".txz",
    ".tar.zst",
    ".7z",
    ".rar",
)
# By what a task's samples are (components/params/names.py).
_MARKS = (".db", ".sqlite", ".lnk", ".url", ".md5", ".sha1", ".sha256", ".part", ".crdownload", ".bak")
_TEXTS = (
    ".txt",
    ".md",
    ".rst",
    ".csv",
    ".tsv",
    ".json",
    ".jsonl",
    ".ndjson",
    ".xml",
    ".html",
    ".htm",
    ".log",
)
_SETTINGS = (".ini", ".cfg", ".toml", ".yaml", ".yml", ".py", ".ipynb", ".sh")
_DOCUMENTS = (".pdf", ".doc", ".docx", ".xls", ".xlsx", ".parquet")
# What cameras, phones and labelling tools put beside a picture.
SIDECARS = (".xmp", ".aae", ".thm", ".mp4", ".mov", ".npy", ".npz", ".labels", ".cr2", ".cr3")
KINDS: Mapping[str, frozenset[str]] = {
    "images": frozenset((*_MARKS, *_TEXTS, *_SETTINGS, *_DOCUMENTS, *SIDECARS)),
    "texts": frozenset(_MARKS),
}
OTHERS = frozenset(_MARKS)
SHOWN = 6


def hidden(path: str) -> bool:
    """Whether a part of the path is hidden, or a folder that systems keep for themselves."""
    *folders, name = path.split("/")
    return (
        any(part.startswith(".") or part.lower() in SYSTEM_FOLDERS for part in folders)
        or name.startswith(".")
        or name.lower() in SYSTEM_FILES
    )


def foreign(path: str, kind: str) -> bool:
    """Whether the file is surely no sample of a task whose samples are `kind`."""
    return hidden(path) or ending(path) in KINDS.get(kind, OTHERS)


def is_archive(path: str) -> bool:
    return path.lower().endswith(ARCHIVES)


def ending(path: str) -> str:
    """`.png` of `a/b.PNG`; nothing of `a/b` and `a/.b`."""
    stem, _, end = path.rsplit("/", 1)[-1].lower().rpartition(".")
    return f".{end}" if stem else ""


def hidden_folders(paths: Iterable[str], kind: str, parents: Iterable[str]) -> Mapping[str, int]:
    """Folders right below `parents` that begin with a dot, of no known tool → how many files in them may be samples.

    A parent is a path with a slash behind; '' is the top.
    """
    counts: Counter[str] = Counter()
    for folder, name, rest in _below(paths, parents):
        known = name.lower() in TOOLS or name.lower().startswith(".trash-")
        if name.startswith(".") and not known and not foreign(rest, kind):
            counts[folder] += 1
    return dict(sorted(counts.items()))


def left_out_folders(paths: Iterable[str], kind: str, parents: Iterable[str]) -> Mapping[str, int]:
    """Folders right below `parents` with nothing but sidecars, which may be samples of a kind that is not read → how
    many."""
    counts: Counter[str] = Counter()
    usable = set()
    for folder, name, rest in _below(paths, parents):
        path = f"{name}/{rest}"
        if not foreign(path, kind):
            usable.add(folder)
        elif not hidden(path) and ending(path) in SIDECARS:
            counts[folder] += 1
    return {folder: count for folder, count in sorted(counts.items()) if folder not in usable}


def _below(paths: Iterable[str], parents: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """(A folder right below one of `parents`, its name, the path in it) of the files that lie in such a folder."""
    known = set(parents)
    for path in paths:
        start = 0
        while (end := path.find("/", start)) > 0:
            if path[:start] in known:
                yield path[:end], path[start:end], path[end + 1 :]
            start = end + 1


def by_ending(paths: Iterable[str]) -> dict[str, int]:
    """Counts of ignored files by ending, the most frequent first; hidden ones together."""
    counts = Counter("hidden" if hidden(path) else ending(path) or "no ending" for path in paths)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def listed(counts: Mapping[str, int]) -> str:
    """`.txt 12, hidden 3`, of the most frequent."""
    shown = [f"{name} {count}" for name, count in list(counts.items())[:SHOWN]]
    return ", ".join([*shown, "…"] if len(counts) > SHOWN else shown)
