"""TF-IDF: what a plain model sees of texts."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from components.modalities.base import Describer
from components.modalities.text.decode import MAX_CHARACTERS, read_text

# A plain and strong setting; it is not tuned, so that nothing is chosen for it or against it.
MOST_PIECES = 50_000


class Tfidf:
    """Words and pairs of words, sublinear TF-IDF (Manning, Raghavan & Schütze 2008, section 6.4.1)."""

    def fit(self, payloads: Sequence[bytes]) -> Mapping[str, npt.NDArray[Any]]:
        """Words and numbers: no pickle."""
        vectorizer = _vectorizer(None)
        vectorizer.fit([read_text(payload, MAX_CHARACTERS) for payload in payloads])
        words = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
        return {"words": np.frombuffer(json.dumps(words).encode(), dtype=np.uint8), "idf": vectorizer.idf_}

    def features(self, fitted: Mapping[str, npt.NDArray[Any]], payloads: Sequence[bytes]) -> Any:
        words = json.loads(fitted["words"].tobytes())
        vectorizer = _vectorizer({word: number for number, word in enumerate(words)})
        vectorizer.idf_ = fitted["idf"]
        return vectorizer.transform([read_text(payload, MAX_CHARACTERS) for payload in payloads])


def _vectorizer(vocabulary: dict[str, int] | None) -> TfidfVectorizer:
    return TfidfVectorizer(
        ngram_range=(1, 2),
        min_df=1 if vocabulary else 2,
        max_features=None if vocabulary else MOST_PIECES,
        sublinear_tf=True,
        vocabulary=vocabulary,
    )


DESCRIBERS: Mapping[str, Describer] = MappingProxyType({"tfidf": Tfidf()})
