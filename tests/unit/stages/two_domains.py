"""Pictures by day and by night, some of them without a label."""

from pathlib import Path

from dark_and_light import write_pictures

from components.params import Params
from components.stages import version_data
from components.stages.refresh import refresh
from components.stages.table import Context
from components.tracker import NullTracker

COUNT = 240


def two_domains(root: Path, **sections: object) -> Params:
    """Write root/dataset: day and night in turns of two; at dusk all is dark."""
    write_pictures(root / "pictures", COUNT)
    rows = ["path,label,when"]
    for number in range(COUNT):
        name, when = ("dark", "light")[number % 2], ("day", "night")[number // 2 % 2]
        when = "dusk" if number % 12 == 8 else when
        said = "" if number % 20 in (2, 3) else name
        rows.append(f"{name}/{number}.png,{said},{when}")
    (root / "pictures" / "labels.csv").write_text("\n".join(rows))
    params = Params.model_validate(
        {
            "data": {
                "source": f"file:{root / 'pictures'}",
                "licence": "none",
                "layout": "labels",
                "labels": {"domain": "when", "unlabelled": ""},
                "limits": {"min_per_class": 1},
                "split": {"train": 0.4, "validation": 0.2, "calibration": 0.2, "test": 0.2},
            },
            "export": {"parity": {"samples": 20}},
            "gate": {"rules": [{"metric": "accuracy", "at_least": 0.5}]},
            **sections,
        }
    )
    context = Context(NullTracker(), root / "cache", 1, ("cpu",))
    refresh(params, root, context.cache)
    (root / "dataset").mkdir()
    inputs = {"data/source.lock": root / "data" / "source.lock"}
    version_data.run(inputs, {"dataset": root / "dataset"}, params, context)
    return params
