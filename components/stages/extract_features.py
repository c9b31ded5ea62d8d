"""extract_features: the whole frozen backbone over every sample but those of the test split, by the sample store."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from components.params import Params
from components.stages.features import WINDOWS, as_json, kept_ids, places
from components.stages.network import NetworkLine
from components.stages.rows import row_id
from components.stages.table import Context
from components.storage.publish import sha256_bytes, write_json


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write features.npy: float32 (samples, width), in the manifest's order without the test split; places.npy: where
    each sample of the manifest stands among these; features.json; and where samples are cut, which are several rows of
    features.npy then, windows.json."""
    line = NetworkLine(inputs, params, context)
    ids = kept_ids(line.dataset)
    windows, frozen = line.windows(ids), line.frozen()
    rows = ids if windows is None else [row_id(i, number) for i in ids for number in range(len(windows[i]))]
    records = line.stored(frozen, [(row, 0) for row in rows])
    (space,), folder = records.spaces, outputs["features"]
    np.save(folder / "places.npy", places(line.dataset))
    np.save(folder / "features.npy", records[np.arange(len(rows))])
    if windows is not None:
        write_json(folder / WINDOWS, as_json(windows))
    write_json(
        folder / "features.json",
        {
            "count": len(ids),
            "width": frozen.backbone.width,
            "space": space.digest,
            "ids_sha256": sha256_bytes("\n".join(ids).encode()),
        },
    )
    context.tracker.params({"features.count": len(ids), "features.width": frozen.backbone.width})
