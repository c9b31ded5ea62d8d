"""`https:` – one file, or a zip archive (by its ending), fetched so that any instant can be the last."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from components.errors import DigestMismatch, SourceError, SourceRefused
from components.progress import Bar, bar, log
from components.sources.addresses import (
    Allowed,
    allowed_from_environment,
    check_scheme,
    checked_address,
    proxy_for,
)
from components.sources.archive import ArchiveSource
from components.sources.base import public
from components.sources.downloads import Downloads
from components.sources.single import FileSource

MB = 1_000_000
REDIRECTS = {301, 302, 303, 307, 308}
RETRIED = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Patience:
    """How long to try, and how much to take.

    Attributes:
        attempts: in a row that bring less than `progress_bytes`; one that brings more starts the count again.
        stall_seconds: without a single byte.
        backoff_seconds: before the second attempt; doubles, up to 30 s.
        max_bytes: of one download.
    """

    attempts: int = 5
    progress_bytes: int = MB
    stall_seconds: float = 30.0
    backoff_seconds: float = 1.0
    max_bytes: int = 64 * 1024 * MB
    redirects: int = 5


class _Again(Exception):
    """This attempt failed in a way that another one may not."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


def open_https(uri: str, sha256: str | None, cache: Path) -> "FileSource | ArchiveSource":
    """The file at `uri`; of a `.zip`, its members (below `#path`, where the URL has one)."""
    address, _, inside = uri.partition("#")
    if sha256 is None:
        raise SourceRefused(
            f"{public(uri)} needs `sha256`, the digest of its file.", "`sha256sum FILE` prints it."
        )
    path = Fetcher(cache, allowed_from_environment()).fetch(address, sha256)
    if httpx.URL(address).path.lower().endswith(".zip"):
        return ArchiveSource(public(uri), path, inside, revision=sha256)
    return FileSource(public(uri), path, httpx.URL(address).path.rsplit("/", 1)[-1], sha256)


class Fetcher:
    """Downloads by digest into `cache/downloads`."""

    def __init__(self, cache: Path, allowed: Allowed, patience: Patience | None = None) -> None:
        self._downloads = Downloads(cache)
        self._allowed = allowed
        self._patience = patience or Patience()

    def fetch(self, url: str, sha256: str) -> Path:
        """The verified file. Resumes what was begun.

        Raises SourceError where the network, the server or the rules about addresses forbid it;
        DigestMismatch (not to be retried) where a whole download has other bytes: they go to quarantine.
        """
        found = self._downloads.find(sha256)
        if found:
            return found
        with self._downloads.begin(sha256) as part:
            found = self._downloads.find(sha256)
            if found:
                return found
            resumed = part.is_file() and part.stat().st_size > 0
            self._download(httpx.URL(url), part)
            try:
                return self._downloads.settle(part, sha256, url)
            except DigestMismatch:
                if not resumed:
                    raise
            # The beginning may have come from what the server held yesterday: once more, from the first byte.
            log(f"{public(url)} has changed since its download began; it is fetched from the start.")
            self._download(httpx.URL(url), part)
            return self._downloads.settle(part, sha256, url)

    def _download(self, url: httpx.URL, part: Path) -> None:
        """Attempts, until one brings the last byte."""
        failed = 0
        while True:
            before = _size(part)
            try:
                self._attempt(url, part)
                return
            except (_Again, httpx.TransportError) as error:
                failed = 1 if _size(part) - before >= self._patience.progress_bytes else failed + 1
                why = str(error) or type(error).__name__
                if failed >= self._patience.attempts:
                    raise SourceError(
                        f"{public(str(url))} could not be fetched in {failed} attempts: {public(why)}.",
                        "Run the same command again: it continues where this one stopped.",
                    ) from error
                asked = error.after if isinstance(error, _Again) else 0.0
                time.sleep(min(30.0, max(asked, self._patience.backoff_seconds * 2 ** (failed - 1))))

    def _attempt(self, url: httpx.URL, part: Path) -> None:
        """One connection per hop; redirects are followed by hand, because each hop is checked."""
        for _ in range(self._patience.redirects + 1):
            target = self._hop(url, part)
            if target is None:
                return
            url = target
        raise SourceRefused(f"{public(str(url))}: more than {self._patience.redirects} redirects.")

    def _hop(self, url: httpx.URL, part: Path) -> httpx.URL | None:
        """Ask `url`; append what comes to `part`, or return where it sends us."""
        check_scheme(url, self._allowed)
        have = _size(part)
        headers = {"Accept-Encoding": "identity", "User-Agent": "graftline", "Host": url.netloc.decode()}
        if have:
            headers["Range"] = f"bytes={have}-"
        proxy = proxy_for(url)
        timeout = httpx.Timeout(self._patience.stall_seconds)
        # The environment's certificates (SSL_CERT_FILE) count; its proxy was chosen above, its netrc never.
        tls = httpx.create_ssl_context(trust_env=True)
        with httpx.Client(verify=tls, proxy=proxy, trust_env=False, timeout=timeout) as client:
            asked, extensions = url, {}
            if proxy is None:
                asked = url.copy_with(host=checked_address(url, self._allowed))
                extensions = {"sni_hostname": url.host}
            with client.stream("GET", asked, headers=headers, extensions=extensions) as response:
                if response.status_code in REDIRECTS and "location" in response.headers:
                    return url.join(response.headers["location"])
                self._receive(url, response, part, have)
        return None

    def _receive(self, url: httpx.URL, response: httpx.Response, part: Path, have: int) -> None:
        start = self._start(url, response, part, have)
        length = response.headers.get("content-length", "")
        total = start + int(length) if length.isdecimal() else None
        if total is not None:
            self._within_cap(url, total)
        shown = _Shown(bar(total // MB if total else None, "download", "MB"), start)
        try:
            with part.open("r+b" if part.exists() else "wb") as file:
                file.truncate(start)
                file.seek(start)
                for chunk in response.iter_raw():
                    self._within_cap(url, file.tell() + len(chunk))
                    file.write(chunk)
                    shown(file.tell())
        finally:
            shown.close()
        if total is not None and _size(part) < total:
            raise _Again(f"the server stopped after {_size(part)} of {total} bytes")

    def _start(self, url: httpx.URL, response: httpx.Response, part: Path, have: int) -> int:
        """Where the body that now comes belongs."""
        status = response.status_code
        if status == 200:
            return 0
        if status == 206 and have:
            first = re.fullmatch(r"bytes (\d+)-\d+/(?:\d+|\*)", response.headers.get("content-range", ""))
            if first and int(first[1]) == have:
                return have
        if status in (206, 416):
            part.unlink(missing_ok=True)
            raise _Again("the server cannot go on where the download stopped")
        if status in RETRIED:
            after = response.headers.get("retry-after", "")
            raise _Again(f"the server answered {status}", float(after) if after.isdecimal() else 0.0)
        raise SourceRefused(
            f"{public(str(url))}: the server answered {status} {response.reason_phrase}.",
            "Open the address in a browser: it may have moved or need a signature.",
        )

    def _within_cap(self, url: httpx.URL, size: int) -> None:
        if size > self._patience.max_bytes:
            raise SourceRefused(
                f"{public(str(url))} is larger than the cap of {self._patience.max_bytes} bytes."
            )


class _Shown:
    """Bytes on a bar that counts whole megabytes."""

    def __init__(self, shown: Bar, start: int) -> None:
        self._bar = shown
        self._shown = 0
        self(start)

    def __call__(self, size: int) -> None:
        if size // MB > self._shown:
            self._bar.update(size // MB - self._shown)
            self._shown = size // MB

    @property
    def close(self) -> Callable[[], None]:
        return self._bar.close


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
