"""What may be chosen by name: tasks, backbones, methods. A name here is a line there, in the room's own table.

They stand apart from the sections that use them, because a stage depends on its sections' modules: a new name must
not run anything again.
"""

from collections.abc import Mapping
from typing import Literal

Task = Literal["image_classification", "text_classification"]
Backbone = Literal["efficientnet_lite0", "minilm_l6", "mobilenet_v2"]
Method = Literal["bias_only", "gradual_unfreezing", "last_blocks", "layerwise_rates"]

# What a task shows and what a backbone sees must be of one kind.
SHOWS: Mapping[str, str] = {"image_classification": "images", "text_classification": "texts"}
SEES: Mapping[str, str] = {"efficientnet_lite0": "images", "minilm_l6": "texts", "mobilenet_v2": "images"}
