"""Words in a column that are probably not meant as they stand: words for no value, and words that look alike."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping

# How pandas, R, SQL and Python write that there is no value, in lower case.
NO_VALUE = {"none", "na", "n/a", "<na>", "#n/a", "#na", "null", "(null)", "nan", "-nan", "nat", "nil"}
NAMED = 12
# Unicode's Default_Ignorable_Code_Point beside those of category Cf: joiners, fillers, selectors of a letter's look.
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def no_value(counts: Mapping[str, int]) -> list[str]:
    """Those of the texts that are words for no value, sorted."""
    return sorted(word for word in counts if word.casefold() in NO_VALUE)


def in_rows(words: Iterable[str], counts: Mapping[str, int]) -> str:
    """`'NA' in 2 rows, 'nan' in 1 row`."""
    return ", ".join(f"{word!r} in {rows(counts[word])}" for word in words)


def rows(count: int) -> str:
    return f"{count} row{'s' if count > 1 else ''}"


def alike(names: Iterable[str]) -> str:
    """Names that people take for one, equal but for case, composition, invisible letters and spaces; '' without any.

    `'Spam' and 'spam'; 'a' and 'A'`, in ASCII.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[_plain(name)].append(name)
    named = [" and ".join(map(ascii, found)) for found in groups.values() if len(found) > 1]
    return "; ".join(named[:NAMED])


def _plain(name: str) -> str:
    if name.isascii():
        return name.casefold().strip()
    visible = "".join(
        letter
        for letter in unicodedata.normalize("NFKC", name).casefold()
        if unicodedata.category(letter) != "Cf" and not INVISIBLE.match(letter)
    )
    return unicodedata.normalize("NFKC", visible).strip()
