"""tweets.csv: path, valence, text.

The tweets of Hutto & Gilbert, VADER (ICWSM 2014), of which the example `sentiment` takes the sign. At least 20 people
rated each from -4 (extremely negative) to 4 (extremely positive); `valence` is their mean, with three digits.
"""

from pathlib import Path

from components.storage.publish import sha256_file, write_bytes
from examples import archives, sdist
from examples.sentiment.fetch import INNER, REQUIREMENT, SHA256, check, sentences
from examples.tables import as_csv

MADE_SHA256 = "c0ed8ecb52952a160a043521c4148e5789bd3e3ff780f65e885089397add9fc0"
DOMAIN = "tweets"


def fetch(folder: Path, cache: Path) -> None:
    """Write `folder`/tweets.csv, unless it is there."""
    target = folder / "tweets.csv"
    if target.exists() and sha256_file(target) == MADE_SHA256:
        return
    [(_, inner)] = archives.files(sdist.fetch(REQUIREMENT, SHA256, cache), suffix=INNER)
    rows = list(sentences(inner))
    check(rows)
    kept = ((path, valence, text) for path, domain, _, _, valence, _, text in rows if domain == DOMAIN)
    write_bytes(target, as_csv(("path", "valence", "text"), kept))
