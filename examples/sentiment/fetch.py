"""sentences.csv: path, domain, group, strength, valence, label, text.

The data of Hutto & Gilbert, VADER (ICWSM 2014). At least 20 people gave each sentence a valence from -4 to 4; its mean
is `valence`, the sign of it `label`. A mean of 0 has none, and its sentence is left out: 37 of the movies, 4 tweets,
98 of Amazon, 244 of the news. `strength` is `clear` from 1 on (a whole step of a rater's scale), else `faint`: a third,
most of the news among them, and harder (balanced accuracy of frozen MiniLM 0.66 against 0.83, validation side).

`group` names the review or article that a sentence comes from: 300 reviews of 5 products, 498 articles. The files of
the movies and of the tweets name none.
"""

import html
from collections.abc import Iterator
from pathlib import Path

from components.errors import DataError
from components.storage.publish import sha256_file, write_bytes
from examples import archives, sdist
from examples.tables import as_csv

REQUIREMENT = "vaderSentiment==3.3.2"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER = "/additional_resources/hutto_ICWSM_2014.tar.gz"
MADE_SHA256 = "572b27e4c60e425efe8378b671dc6a2f3b5aa01154974286bc3ebbfe583af1d8"
FILES = {
    "movieReviewSnippets": "movies",
    "tweets": "tweets",
    "amazonReviewSnippets": "amazon",
    "nytEditorialSnippets": "news",
}
# Sentences as the data's own description counts them.
PUBLISHED = {"movies": 10_605, "tweets": 4_200, "amazon": 3_708, "news": 5_190}
COLUMNS = ("path", "domain", "group", "strength", "valence", "label", "text")
TRUTH = "_GroundTruth.txt"
CLEAR = 1.0


def fetch(folder: Path, cache: Path) -> None:
    """Write `folder`/sentences.csv, unless it is there."""
    target = folder / "sentences.csv"
    if target.exists() and sha256_file(target) == MADE_SHA256:
        return
    [(_, inner)] = archives.files(sdist.fetch(REQUIREMENT, SHA256, cache), suffix=INNER)
    rows = list(sentences(inner))
    check(rows)
    write_bytes(target, as_csv(COLUMNS, (row for row in rows if row[5])))


def sentences(archive: bytes) -> Iterator[tuple[str, ...]]:
    """Rows in the order of the archive, with an empty label where the mean valence is 0."""
    for name, data in archives.files(archive, suffix=TRUTH):
        domain = FILES[name.rsplit("/", 1)[-1].removesuffix(TRUTH)]
        for line in data.decode().splitlines():
            number, mean, text = line.split("\t")
            valence = float(mean)
            label = "positive" if valence > 0 else "negative" if valence < 0 else ""
            strength = "clear" if abs(valence) >= CLEAR else "faint"
            source, part, _ = number.partition("_")
            group = f"{domain}-{source}" if part else ""
            said = " ".join(html.unescape(text).split())
            yield f"{domain}/{number}", domain, group, strength, f"{valence:.3f}", label, said


def check(rows: list[tuple[str, ...]]) -> None:
    """DataError where a domain has not as many sentences as were published."""
    found = {domain: sum(row[1] == domain for row in rows) for domain in PUBLISHED}
    if found != PUBLISHED:
        raise DataError(f"{REQUIREMENT} holds {found} sentences; {PUBLISHED} were published.")
