"""Every error that Graftline raises on purpose.

GraftlineError                 1  something to correct; says what, what is allowed, and the remedy
├── ParamsError                2  params.yaml is wrong
├── SourceError               10  bytes could not be fetched
│   ├── DigestMismatch        11  bytes are not the ones that were named
│   └── SourceRefused         21  the source cannot be used as it is: another attempt changes nothing
├── DataError                 12  a sample, or the data as a whole, cannot be used
├── CheckpointError           13  a checkpoint is not what its architecture asks for
├── StorageError              14  something on disk is missing, damaged, full, read-only or another user's
├── ProviderError             15  the required execution provider is not active
├── TrainingError             16  training cannot go on
│   ├── NonFiniteLoss         17  NaN or infinity
│   └── OutOfMemory           16  RAM or the GPU's memory does not hold a batch
├── ExportError               18  the exported model is not the trained one
├── EvaluationError           19  nothing can be measured
├── RegistryError             20  the registry refused or cannot be reached
├── OutOfResources            71  memory, open files or processes ran out
├── Unexpected                70  nobody raised it on purpose: a mistake in Graftline, with a file about it
├── GateRefused                3  the verdict is not `pass`: nothing is registered
├── Busy                      75  another run holds this workspace; try again later
└── Interrupted               75  stopped by a signal; the same command resumes

The number is the exit code of `python -m components` and `python -m flows.…`;
`components.ending` tells them.
"""

import re
from collections.abc import Iterable

TRACKED = False  # texts and exit codes

# Both begin at fixed words, so that a line of 10 MB takes no time.
_USER = re.compile(r"(?<=://)[^/@\s]*@")
_SECRET = re.compile(
    r"(?P<name>(?:token|secret|password|passwd|signature|credential|api[-_]?key)[A-Za-z_-]{0,100}=)[^&\s]+",
    re.I,
)

# Of longer names no nearest one is looked for.
LETTERS = 100
# Behind a hint that a caller puts at the end of its sentence.
_MEANT_END = re.compile(r"(; did you mean '[^'\n]*'\?)\.")
_DIGITS = re.compile(r"[0-9]+")
_WORD = re.compile(r"[a-z]{4,}")


def redact(text: str) -> str:
    """`text` without the user part of addresses and without the values of secret-looking query parts."""
    return _SECRET.sub(r"\g<name>***", _USER.sub("***@", text))


def first_line(error: BaseException, otherwise: str = "") -> str:
    """What a foreign error says in its first line; where it says nothing `otherwise`, or its type's name."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else otherwise or type(error).__name__


def meant(name: str, allowed: Iterable[str]) -> str:
    """What a message adds behind a wrong `name`: "; did you mean 'label'?", or nothing where none is near."""
    near = nearest(name, allowed)
    return "" if near is None else f"; did you mean {near!r}?"


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """The name among `allowed` that `name` is probably a slip of; None where none is near.

    Near is what one slip of the keyboard in four letters makes of it, two in seven and so on, and what has the same
    words, where these are half of the longer one.
    """
    distance, found = min(((_apart(name, other), other) for other in allowed), default=(LETTERS, ""))
    return found if distance < LETTERS else None


def _apart(name: str, other: str) -> int:
    """Letters that differ; LETTERS where that is too many for a slip."""
    one, two = name.casefold(), other.casefold()
    longer = max(len(one), len(two))
    if longer > LETTERS:
        return LETTERS
    words, others = set(_WORD.findall(one)), set(_WORD.findall(two))
    within = 2 * sum(map(len, words & others)) >= longer and (words <= others or others <= words)
    wrong = _edits(one, two)
    # Another number is no slip: int4 is not int8.
    numbers = one != two and _DIGITS.sub("", one) == _DIGITS.sub("", two)
    slip = wrong <= (longer - 1) // 3 and not numbers
    return wrong if slip or within else LETTERS


def _edits(one: str, two: str) -> int:
    """Letters to insert, delete, replace, or swap with their neighbour (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, other in enumerate(two, 1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == two[j - 2] and one[i - 2] == other:
                least = min(least, older[j - 2] + 1)
            row.append(least)
    return row[-1]


def capped(text: str, line: int = 2000, lines: int = 200) -> str:
    """`text` with the middle of every longer line left out, and with the first `lines` lines only.

    A message quotes what it was given: a label of 10 MB must not become a message of 20 MB.
    """
    kept = text.split("\n", lines)
    if len(kept) > lines:
        kept[lines:] = [f"… ({kept[lines].count(chr(10)) + 1} more lines)"]
    return "\n".join(_without_middle(each, line) for each in kept)


def _without_middle(line: str, most: int) -> str:
    if len(line) <= most:
        return line
    half = most // 2
    return f"{line[:half]}… ({len(line) - 2 * half} characters left out) …{line[-half:]}"


def short_digests(one: str, other: str, least: int = 12) -> tuple[str, str]:
    """Two digests, cut short behind the first digit in which they differ; `nothing` for an empty one."""
    same = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    size = max(least, same + 4)
    first, second = (
        f"{digest[:size]}…" if len(digest) > size else digest or "nothing" for digest in (one, other)
    )
    return first, second


class GraftlineError(Exception):
    """Base of all errors raised on purpose.

    `remedy` is one sentence on what to do; it is printed behind the message. Both are `capped`, and
    without secrets: a foreign error that they quote may name an address with its password.
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = capped(redact(_MEANT_END.sub(r"\1", message)))
        self.remedy = capped(redact(remedy))
        super().__init__(f"{self.message} {self.remedy}".strip())


class ParamsError(GraftlineError):
    exit_code = 2


class SourceError(GraftlineError):
    exit_code = 10


class DigestMismatch(SourceError):
    exit_code = 11


class SourceRefused(SourceError):
    exit_code = 21


class DataError(GraftlineError):
    exit_code = 12


class CheckpointError(GraftlineError):
    exit_code = 13


class StorageError(GraftlineError):
    exit_code = 14


class ProviderError(GraftlineError):
    exit_code = 15


class TrainingError(GraftlineError):
    exit_code = 16


class NonFiniteLoss(TrainingError):
    exit_code = 17


class OutOfMemory(TrainingError):
    pass


class ExportError(GraftlineError):
    exit_code = 18


class EvaluationError(GraftlineError):
    exit_code = 19


class RegistryError(GraftlineError):
    exit_code = 20


class OutOfResources(GraftlineError):
    exit_code = 71


class Unexpected(GraftlineError):
    exit_code = 70


class GateRefused(GraftlineError):
    exit_code = 3


class Busy(GraftlineError):
    exit_code = 75


class Interrupted(GraftlineError):
    exit_code = 75
