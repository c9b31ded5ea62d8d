"""Which onnxruntime and which servers are installed, told without importing them."""

from importlib import metadata

from components.errors import GraftlineError, ProviderError


def check_distribution() -> None:
    """The CPU and the GPU distribution write over each other's files: exactly one may be installed."""
    found = [name for name in ("onnxruntime", "onnxruntime-gpu") if installed(name)]
    if len(found) != 1:
        state = " and ".join(found) + " are both installed" if found else "no onnxruntime is installed"
        raise ProviderError(f"{state}; exactly one must be.", "Run `make clean setup` (RUNTIME=cpu or gpu).")


def installed(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def check_server(name: str) -> None:
    """Raises GraftlineError where the installed `mlflow` or `prefect` is none that pyproject.toml allows.

    Servers of other versions were not tried with this line, and older ones have holes that are known.
    """
    from packaging.requirements import Requirement

    wanted = [Requirement(text) for text in metadata.requires("graftline") or ()]
    allowed = next(found.specifier for found in wanted if found.name.lower() == name and not found.marker)
    there = metadata.version(name)
    if not allowed.contains(there, prereleases=True):
        raise GraftlineError(
            f"{name} {there} is installed, and no server of it is started: {name} {allowed} is allowed.",
            "Run: make setup",
        )
