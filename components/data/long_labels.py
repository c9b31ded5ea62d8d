"""Labels that are too long for a cell of the manifest, which each stage reads whole: a mask, all boxes of a picture.

Their texts lie in labels.bin, each once, in the order of their SHA-256, with nothing between them. Of such a label the
manifest's cell holds the digest, and two more columns say where its bytes lie; without long labels there are none.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from components.storage.publish import write_bytes

FILE = "labels.bin"
LONG = 1000  # characters that still lie in the manifest
OFFSET, SIZE = "label_offset", "label_size"


class LongLabels:
    """Those of a data set."""

    def __init__(self, labels: Iterable[str]) -> None:
        texts = {label: label.encode() for label in labels if len(label) > LONG}
        self._digests = {label: hashlib.sha256(text).hexdigest() for label, text in texts.items()}
        self._bytes = dict(sorted((self._digests[label], text) for label, text in texts.items()))
        self._offsets, at = dict[str, int](), 0
        for digest, text in self._bytes.items():
            self._offsets[digest] = at
            at += len(text)

    def __len__(self) -> int:
        return len(self._bytes)

    def cell(self, label: str) -> str:
        """What the manifest says in the place of a label."""
        return self._digests.get(label, label)

    def offset(self, label: str) -> int:
        return self._offsets.get(self.cell(label), 0)

    def size(self, label: str) -> int:
        """Bytes of a long label; 0 of one that lies in the manifest."""
        return len(self._bytes[self.cell(label)]) if label in self._digests else 0

    def write(self, folder: Path) -> None:
        """labels.bin, where there are any."""
        if self._bytes:
            write_bytes(folder / FILE, b"".join(self._bytes.values()))
