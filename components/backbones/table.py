"""The table of backbones: one line each, with what is known before it is built. Its name is its file's, and
`backbone.name` in params.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.choices import Facts

TRACKED = False  # stages depend on the file of the chosen backbone


@dataclass(frozen=True)
class Row:
    """A backbone, imported when it is chosen: `place` is `module:row` below this package."""

    place: str
    facts: Facts


BACKBONES: Mapping[str, Row] = {
    "efficientnet_lite0": Row("efficientnet_lite0:ENTRY", Facts("images", 16)),
    "efficientnet_lite1": Row("efficientnet_lite1:ENTRY", Facts("images", 21)),
    "efficientnet_lite2": Row("efficientnet_lite2:ENTRY", Facts("images", 21)),
    "mobilenet_v2": Row("mobilenet_v2:ENTRY", Facts("images", 17)),
    "minilm_l6": Row("minilm_l6:ENTRY", Facts("texts", 6, longest=512, norms="layer")),
    "timm/convnext": Row("timm.convnext:FAMILY", Facts("images", norms="layer")),
    "timm/efficientnet": Row("timm.efficientnet:FAMILY", Facts("images")),
    "timm/resnet": Row("timm.resnet:FAMILY", Facts("images")),
    "transformers/bert": Row("transformers.bert:FAMILY", Facts("texts", norms="layer")),
    "transformers/convnext": Row("transformers.convnext:FAMILY", Facts("images", norms="layer")),
    "transformers/distilbert": Row("transformers.distilbert:FAMILY", Facts("texts", norms="layer")),
    "transformers/resnet": Row("transformers.resnet:FAMILY", Facts("images")),
    "transformers/vit": Row("transformers.vit:FAMILY", Facts("images", norms="layer")),
}
