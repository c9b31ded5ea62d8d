import hashlib
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from scripted_server import CONTENT, DIGEST, Script

from components.errors import DigestMismatch, SourceError
from components.sources.addresses import Allowed
from components.sources.https import Fetcher, Patience, open_https

HALF = len(CONTENT) // 2


def test_a_download_lands_under_its_digest_and_is_not_fetched_twice(
    fetcher: Fetcher, server: str, script: Script, tmp_path: Path
) -> None:
    path = fetcher.fetch(server, DIGEST)
    assert path == tmp_path / "downloads" / DIGEST
    assert path.read_bytes() == CONTENT
    assert fetcher.fetch(server, DIGEST) == path
    assert script.ranges == [None]
    assert [p.name for p in path.parent.iterdir()] == [DIGEST]


@pytest.mark.parametrize("fault", ["truncate", "stall"])
def test_a_broken_connection_is_resumed_where_it_broke(
    fetcher: Fetcher, server: str, script: Script, fault: str
) -> None:
    script.faults = [fault]
    assert fetcher.fetch(server, DIGEST).read_bytes() == CONTENT
    assert script.ranges == [None, f"bytes={HALF}-"]


def test_a_later_run_goes_on_with_what_an_earlier_one_left(
    fetcher: Fetcher, server: str, script: Script, tmp_path: Path
) -> None:
    part = tmp_path / "downloads" / f"{DIGEST}.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT[:1234])
    assert fetcher.fetch(server, DIGEST).read_bytes() == CONTENT
    assert script.ranges == ["bytes=1234-"]


@pytest.mark.parametrize("fault", ["no-range", "lies"])
def test_a_server_that_cannot_resume_is_asked_from_the_start(
    fetcher: Fetcher, server: str, script: Script, fault: str
) -> None:
    script.faults = ["truncate", fault]
    assert fetcher.fetch(server, DIGEST).read_bytes() == CONTENT


def test_the_beginning_of_an_older_file_is_thrown_away(
    fetcher: Fetcher, server: str, script: Script, tmp_path: Path
) -> None:
    part = tmp_path / "downloads" / f"{DIGEST}.part"
    part.parent.mkdir()
    part.write_bytes(b"yesterday's")
    assert fetcher.fetch(server, DIGEST).read_bytes() == CONTENT
    assert script.ranges == ["bytes=11-", None]


def test_wrong_bytes_go_to_quarantine_and_are_not_asked_for_again(
    fetcher: Fetcher, server: str, script: Script, tmp_path: Path
) -> None:
    script.faults = ["wrong"]
    with pytest.raises(DigestMismatch, match=DIGEST):
        fetcher.fetch(server, DIGEST)
    wrong = hashlib.sha256(bytes(len(CONTENT))).hexdigest()
    assert (tmp_path / "downloads" / "quarantine" / f"{DIGEST}.{wrong}").is_file()
    assert not (tmp_path / "downloads" / DIGEST).exists()
    assert script.ranges == [None]


def test_a_damaged_download_is_noticed_and_replaced(fetcher: Fetcher, server: str, tmp_path: Path) -> None:
    path = fetcher.fetch(server, DIGEST)
    path.write_bytes(CONTENT[:-1])
    assert fetcher.fetch(server, DIGEST).read_bytes() == CONTENT
    assert len(list((tmp_path / "downloads" / "quarantine").iterdir())) == 1


def test_errors_of_the_server_are_retried_and_then_said_without_the_signature(
    fetcher: Fetcher, server: str, script: Script
) -> None:
    script.faults = ["503", "503"]
    assert fetcher.fetch(server, DIGEST).read_bytes() == CONTENT
    script.faults = ["503"] * 3
    with pytest.raises(SourceError, match="3 attempts") as caught:
        fetcher.fetch(server, "0" * 64)
    assert "SECRET" not in str(caught.value)


def test_not_found_is_said_at_once(fetcher: Fetcher, server: str, script: Script) -> None:
    script.faults = ["404"]
    with pytest.raises(SourceError, match="404"):
        fetcher.fetch(server, DIGEST)
    assert len(script.ranges) == 1


@pytest.mark.parametrize("fault", ["", "unbounded"])
def test_more_than_the_cap_is_refused_whether_announced_or_not(
    tmp_path: Path, server: str, script: Script, fault: str
) -> None:
    script.faults = [fault]
    small = Fetcher(tmp_path, Allowed(plain_loopback=True), Patience(max_bytes=1_000_000))
    with pytest.raises(SourceError, match="cap"):
        small.fetch(server, DIGEST)
    part = tmp_path / "downloads" / f"{DIGEST}.part"
    assert not part.exists() or part.stat().st_size <= 1_000_000


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("file:///etc/passwd", "only https"),
        ("ftp://example.org/x", "only https"),
        ("http://example.org/x", "only https"),
        ("https://169.254.169.254/latest/meta-data", "not a public address"),
        ("https://10.0.0.1/x", "not a public address"),
        ("https://[::ffff:10.0.0.1]/x", "not a public address"),
        ("https://[fd00::1]/x", "not a public address"),
        ("https://me:word@8.8.8.8/x", "password"),
    ],
)
def test_a_redirect_into_our_own_network_is_refused(
    fetcher: Fetcher, server: str, script: Script, location: str, why: str
) -> None:
    script.faults, script.location = ["redirect"], location
    with pytest.raises(SourceError, match=why) as caught:
        fetcher.fetch(server, DIGEST)
    assert "word@" not in str(caught.value)


def test_a_redirect_to_nonsense_is_an_error(fetcher: Fetcher, server: str, script: Script) -> None:
    script.faults, script.location = ["redirect"] * 3, "https://8.8.8.8:port/x"
    with pytest.raises(SourceError, match="3 attempts"):
        fetcher.fetch(server, DIGEST)


def test_a_redirect_to_an_allowed_place_is_followed_but_not_for_ever(
    fetcher: Fetcher, server: str, script: Script
) -> None:
    script.faults, script.location = ["redirect"], "/elsewhere"
    assert fetcher.fetch(server, DIGEST).read_bytes() == CONTENT
    script.faults = ["redirect"] * 6
    with pytest.raises(SourceError, match="5 redirects"):
        fetcher.fetch(server, "0" * 64)


def test_loopback_is_refused_unless_a_test_allows_it(tmp_path: Path) -> None:
    for address in ("https://127.0.0.1:1/x", "https://localhost:1/x", "https://[::1]:1/x"):
        with pytest.raises(SourceError, match="not a public address"):
            open_https(address, DIGEST, tmp_path)


def test_a_digest_is_required(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="sha256"):
        open_https("https://example.org/x.zip", None, tmp_path)


def test_two_at_once_fetch_once(fetcher: Fetcher, server: str, script: Script) -> None:
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(lambda _: fetcher.fetch(server, DIGEST), range(2)))
    assert paths[0] == paths[1]
    assert script.ranges == [None]


def test_the_proxy_of_the_environment_is_used(
    fetcher: Fetcher, server: str, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.split("/weights")[0])
    monkeypatch.setenv("no_proxy", "")
    assert fetcher.fetch("http://127.0.0.1:9/through-the-proxy", DIGEST).read_bytes() == CONTENT
    assert script.paths == ["http://127.0.0.1:9/through-the-proxy"]


CHILD = """
import sys
from pathlib import Path
from components.sources.addresses import Allowed
from components.sources.https import Fetcher
Fetcher(Path(sys.argv[1]), Allowed(plain_loopback=True)).fetch(sys.argv[2], sys.argv[3])
"""


def test_killed_in_the_middle_the_same_command_goes_on(
    fetcher: Fetcher, server: str, script: Script, tmp_path: Path
) -> None:
    script.faults = ["stall"]
    part = tmp_path / "downloads" / f"{DIGEST}.part"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path), server, DIGEST], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while not (part.is_file() and part.stat().st_size > 1_000_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    have = part.stat().st_size
    assert have > 1_000_000
    assert fetcher.fetch(server, DIGEST).read_bytes() == CONTENT
    assert script.ranges == [None, f"bytes={have}-"]
