"""The sentences of the sentiment example, from a small archive of the same form."""

import csv
import io
import tarfile
from pathlib import Path

import pytest

from components.errors import DataError
from examples.sentiment import fetch
from examples.tables import as_csv

HELD = {
    "movieReviewSnippets_GroundTruth.txt": "1\t2.26666666667\tA ''Conan''  &amp; more\r\n2\t0\tSeen.\r\n",
    "tweets_GroundTruth.txt": '7\t-0.999\t&lt;3 not "this", no\r\n',
    "amazonReviewSnippets_GroundTruth.txt": "31_5\t-1\tbroke.\r\n31_6\t0.05\tit is black",
    "nytEditorialSnippets_GroundTruth.txt": "500_1\t1.0\tCafé.\r\n",
    "tweets_anonDataRatings.txt": "7\t-0.999\t1.0\t[-1]\r\n",
    "_README_.txt": "not a table",
}


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as made:
        for name, text in HELD.items():
            member = tarfile.TarInfo(f"hutto_ICWSM_2014/{name}")
            member.size = len(text.encode())
            made.addfile(member, io.BytesIO(text.encode()))
    return (tmp_path / "a.tar.gz").read_bytes()


def test_a_line_becomes_a_row(archive: bytes) -> None:
    assert list(fetch.sentences(archive)) == [
        ("movies/1", "movies", "", "clear", "2.267", "positive", "A ''Conan'' & more"),
        ("movies/2", "movies", "", "faint", "0.000", "", "Seen."),
        ("tweets/7", "tweets", "", "faint", "-0.999", "negative", '<3 not "this", no'),
        ("amazon/31_5", "amazon", "amazon-31", "clear", "-1.000", "negative", "broke."),
        ("amazon/31_6", "amazon", "amazon-31", "faint", "0.050", "positive", "it is black"),
        ("news/500_1", "news", "news-500", "clear", "1.000", "positive", "Café."),
    ]


def test_the_table_gives_back_what_was_said(archive: bytes) -> None:
    rows = list(fetch.sentences(archive))
    read = list(csv.DictReader(io.StringIO(as_csv(fetch.COLUMNS, rows).decode())))
    assert [tuple(row[name] for name in fetch.COLUMNS) for row in read] == rows


def test_fewer_sentences_than_were_published_are_refused(archive: bytes) -> None:
    with pytest.raises(DataError, match=r"'movies': 2, 'tweets': 1.*'movies': 10605"):
        fetch.check(list(fetch.sentences(archive)))
    whole = [("", name) for name, count in fetch.PUBLISHED.items() for _ in range(count)]
    fetch.check(whole)
    with pytest.raises(DataError):
        fetch.check(whole[1:])


def test_a_table_that_is_there_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "data" / "sentences.csv"
    target.parent.mkdir()
    target.write_bytes(b"made")
    monkeypatch.setattr(fetch, "MADE_SHA256", fetch.sha256_file(target))
    monkeypatch.setattr(fetch.sdist, "fetch", None)  # would fail if it were called
    fetch.fetch(target.parent, tmp_path)
    assert target.read_bytes() == b"made"
