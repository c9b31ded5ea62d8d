"""Section `promotion`: when a registered version takes the champion's place. It shapes no locked byte."""

from typing import Annotated, Literal

from pydantic import Field

from components.params.base import Section
from components.params.learning import AUTO, Metric

Share = Annotated[float, Field(ge=0)]


class SliceAllowance(Section):
    """What a slice of the test side may lose against the champion.

    Attributes:
        metric: `auto` is the one that a candidate may not lose in any case (accuracy), which is defined on every slice.
        at_most: the loss that every slice is allowed.
        of: another allowance for a slice by name, `column=value`.
        by: `interval` asks the whole paired interval to stay within the allowance, `estimate` only the estimate.
        least: slices of fewer samples are shown and not judged.
    """

    metric: Metric = AUTO
    at_most: Share = 0.05
    of: dict[str, Share] = Field(default_factory=dict)
    by: Literal["interval", "estimate"] = "interval"
    least: int = Field(default=30, ge=10)


class PromotionParams(Section):
    """Candidate against champion on the same test samples; see docs/gates.md.

    Attributes:
        metric: a candidate is superior where the paired interval of its gain in this one lies above 0.
        margin: what accuracy and every gated metric may lose and still count as not inferior.
        margins: another margin for a metric by name; `recall` is that of each class that the gate has a rule about.
            That of one of several numbers goes by its whole name, `rmse of width`, and is in its unit.
        approval: `required`: a person decides, by `python -m flows.promote approve`.
        allow_dirty: promote what was trained or registered with changes that no commit holds.
    """

    metric: Metric = AUTO
    margin: Share = 0.02
    margins: dict[Metric, Share] = Field(default_factory=dict)
    slices: SliceAllowance = SliceAllowance()
    approval: Literal["none", "required"] = "none"
    allow_dirty: bool = False
