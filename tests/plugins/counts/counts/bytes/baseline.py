"""What a plain model sees of bytes: each of them, as the network does."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from components.modalities.base import Describer


class Spread:
    """Mean and standard deviation of the bytes: their order is not seen."""

    def fit(self, payloads: Sequence[bytes]) -> Mapping[str, npt.NDArray[Any]]:
        return {"scale": np.array([127.5])}

    def features(self, fitted: Mapping[str, npt.NDArray[Any]], payloads: Sequence[bytes]) -> Any:
        rows = np.stack([np.frombuffer(payload, dtype=np.uint8) for payload in payloads]).astype(np.float64)
        return np.column_stack([rows.mean(axis=1), rows.std(axis=1)]) / fitted["scale"] - 1


DESCRIBERS: Mapping[str, Describer] = MappingProxyType({"spread": Spread()})
