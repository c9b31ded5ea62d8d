"""What may be chosen by name: backbones, formats, modalities, problems, heads, methods. A name here is a line in the
room's own table, or an entry point of another distribution (`components.params.plugins`).

They stand apart from the sections that use them, because a stage depends on its sections' modules: a new name must
not run anything again.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Literal

from components.choices import Facts
from components.params.choosing import Named


def own_weights(name: str) -> str:
    """What to write for a network that the catalogue does not have."""
    plain = name.casefold()
    family = next((one for one in FAMILIES if one.rpartition("/")[2] in plain), "LIBRARY/FAMILY")
    return (
        f". A checkpoint of your own is named by its family and its address, with all four keys: {{name: {family}, "
        "uri: file:FOLDER, sha256: DIGEST, licence: LICENCE} (docs/methods.md)"
    )


Backbone = Annotated[str, Named("backbones", otherwise=own_weights)]
Layout = Annotated[str, Named("data/formats")]
Modality = Annotated[str, Named("modalities")]
Problem = Annotated[str, Named("problems")]
Head = Annotated[str, Named("heads")]
Method = Annotated[str, Named("methods")]
Keep = Annotated[str, Named("keep", optional=True)]
Align = Annotated[str, Named("align", optional=True)]
Confident = Annotated[str, Named("confident", optional=True)]
Balance = Annotated[str, Named("balances")]
Then = Annotated[str, Named("adaptations", optional=True)]
Weighting = Annotated[str, Named("weightings", optional=True)]
Pretraining = Annotated[str, Named("pretrainings", optional=True)]
Criterion = Literal["source", "information_maximisation"]

# Of fewer classes, random choices are hardly different tasks.
FEWEST_CLASSES = 5


_backbones = import_module("components.backbones.table").BACKBONES
BACKBONES: Mapping[str, Facts] = {name: row.facts for name, row in _backbones.items()}
# Families that a library defines: which network it is, and its weights, the user's own address says.
FAMILIES = tuple(name for name in BACKBONES if "/" in name)
