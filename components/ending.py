"""How everything that a user starts begins and ends: with an exit code, and with words instead of a traceback.

`guarded` is the one place where errors become messages. What nobody expected ends with 70 (EX_SOFTWARE of sysexits.h)
and one paragraph; its traceback goes to a file.
"""

import atexit
import gc
import os
import platform
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from components.errors import GraftlineError, StorageError, Unexpected, first_line, redact
from components.system_errors import from_system

INTERRUPTED = 130  # as a shell says it of a process that Ctrl-C ended
READER_GONE = 141  # the same of SIGPIPE
PREFECT_S_SIGNAL = "TerminationSignal"  # by its name: nothing here imports Prefect
OURS = ("components", "flows", "infra", "examples")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LENGTH = 300  # characters of a foreign error's own words


class Stopped(BaseException):
    """A signal asked to stop. No Exception, so that nobody on the way swallows it."""


def guarded(run: Callable[[], int], stopped: int = INTERRUPTED, next_time: str = "resumes") -> int:
    """The exit code of `run`. Whatever it raises is told on stderr.

    Args:
        stopped: the exit code after a signal.
        next_time: what the same command does after it.
    """
    reach_loopback_directly()
    # Python ends with a search for cycles among all objects: a second, where the tools of a flow are imported.
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
    # Of damaged EXIF and the like, once for each place in Pillow: which samples are refused, and why, is told by name.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    before, threading.excepthook = threading.excepthook, _thread_ended
    try:
        return run()
    except BrokenPipeError:
        # The reader of the output (`| head`) has seen enough; Python's own flush at the end would say so again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except SystemExit:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | Stopped) or type(error).__name__ == PREFECT_S_SIGNAL:
            return tell(f"Stopped. The same command {next_time}.", stopped)
        return tell(f"error: {(ours := as_graftline_error(error))}", ours.exit_code)
    finally:
        threading.excepthook = before


def tell(message: str, code: int) -> int:
    """Say `message` on a line of its own → `code`."""
    if progress := sys.modules.get("components.progress"):
        progress.close_bars()
    sys.stderr.write(f"{message}\n")
    return code


def as_graftline_error(error: BaseException) -> GraftlineError:
    """`error` as one of ours: the system's refusals in plain words; what nobody expected, with a file about it."""
    if isinstance(error, GraftlineError):
        return error
    return from_system(error) or _missing_module(error) or _unexpected(error)


def _unexpected(error: BaseException) -> Unexpected:
    file = keep_traceback(error)
    where = f"The traceback is in {file}." if file else "No folder for the traceback can be written."
    return Unexpected(
        f"An unexpected {type(error).__name__} ended this command: {_words(error)}. {where}",
        "Run the same command again. If it ends in the same way, this is a mistake in Graftline: report it with that "
        "file; it may name paths and labels, so read it first.",
    )


def keep_traceback(error: BaseException) -> Path | None:
    """Write the traceback to `.graftline/logs/`, or where that cannot be written to the folder of temporary files."""
    from components.storage.home import home

    text = "".join(traceback.format_exception(error))
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    head = f"{now}\n{' '.join(sys.argv)}\nin {Path.cwd()}\nPython {platform.python_version()}, {platform.platform()}\n"
    name = f"error-{now.replace(':', '-')}-{os.getpid()}.txt"
    for folder in (home(Path.cwd()) / "logs", Path(tempfile.gettempdir())):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(redact(f"{head}\n{text}"), encoding="utf-8", errors="replace")
            return folder / name
    return None


def reach_loopback_directly() -> None:
    """Behind a proxy, name loopback as what needs none: our own servers are there. For this process and its children.

    Tools differ in which of `no_proxy` and `NO_PROXY` they ask, so both say the same.
    """
    names = {name.lower() for name in os.environ}
    if not names & {"http_proxy", "https_proxy", "all_proxy"}:
        return
    for name, other in (("no_proxy", "NO_PROXY"), ("NO_PROXY", "no_proxy")):
        said = os.environ.get(name) or os.environ.get(other, "")
        known = [part.strip() for part in said.split(",") if part.strip()]
        os.environ[name] = ",".join([*known, *(host for host in LOOPBACK if host not in known)])


def _missing_module(error: BaseException) -> GraftlineError | None:
    """A library that is not there: another Python than that of `make setup`."""
    if not isinstance(error, ModuleNotFoundError) or (error.name or "").partition(".")[0] in ("", *OURS):
        return None
    return StorageError(
        f"{sys.executable} has no module {error.name!r}: it is not the environment of `make setup`.",
        "Activate that one first: source .venv/bin/activate",
    )


def _words(error: BaseException) -> str:
    return redact(first_line(error, "it says nothing more"))[:LENGTH].rstrip(".")


def _thread_ended(about: threading.ExceptHookArgs) -> None:
    """A thread's error goes where this process's would; the process itself lives on."""
    if about.exc_value is not None and not isinstance(about.exc_value, SystemExit):
        name = about.thread.name if about.thread else "a thread"
        file = keep_traceback(about.exc_value)
        tell(f"{name} ended with {type(about.exc_value).__name__}: {_words(about.exc_value)} ({file}).", 0)
