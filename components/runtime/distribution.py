"""Which onnxruntime is installed, told without importing it."""

from importlib import metadata

from components.errors import ProviderError


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
