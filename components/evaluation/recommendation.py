"""Which backbone and which methods to begin with, and why: `RULES`, in code. A plain rule, and no oracle.

A name that `components/params/names.py` does not hold is not recommended: the next best one is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args, get_origin

from components.evaluation.transferability import differ
from components.params import names

SURE = 0.05
FEW_SHOT, FEW, MANY = 5, 16, 100
PARAMETERS_PER_LABEL = 10_000
SHIFTED, APART = 0.5, 1.0

RULES = (
    "backbone.name: the highest LogME (You et al., ICML 2021). Those that a paired jackknife over five groups does "
    f"not tell apart from it (p ≥ {SURE}) are level: the one in use is kept, or else the smallest is taken.",
    f"head.method: prototypes up to {FEW_SHOT} labels of the rarest class (1 and 5 shots of Snell et al., NeurIPS "
    "2017).",
    f"tune.method: biases up to {FEW} labels of the rarest class (most shots of Zhou et al., IJCV 2022); gradual "
    f"unfreezing up to {MANY} (Howard & Ruder, ACL 2018, try 100 in all); then all of the upper layers, or LoRA "
    f"above {PARAMETERS_PER_LABEL:,} parameters a label. As bounds these are rules of thumb.",
    f"weighting and objectives.align: only where a domain has up to {FEW} labels of its rarest class. Weights from "
    f"proxy A-distance {SHIFTED:g} to {APART:g}, because they need overlap (Cortes et al., NeurIPS 2010); alignment "
    f"above. The bounds are rules of thumb; at {APART:g}, a line tells three of four samples apart. MMD is the first "
    "choice: on the benchmark's four pairs of pictures it did no harm, as DANN did on one.",
    "objectives.confident: where alignment is called for, or more samples are without a label than with one. MCC is "
    "the first choice: it gained on all four, with MMD or alone. On texts only where alignment is called for: of ten "
    "methods from movies to tweets, only MMD with MCC gained (+0.028, -0.002 to +0.057); MCC without it lost 0.047.",
    "domains.criterion: information maximisation, where something adapts and no label of the target may be seen.",
)


@dataclass(frozen=True)
class Candidate:
    """A backbone whose features are known.

    Attributes:
        parameters: numbers that training adapts.
        without: LogME without each group of samples, from `log_me_without`; empty where labels are too few.
    """

    name: str
    parameters: int
    log_me: float
    without: tuple[float, ...]


@dataclass(frozen=True)
class Gap:
    """Two domains, or two slices where `column` is not the domain's.

    Attributes:
        samples: of each, labelled or not.
        labels: of each, those of its rarest class; 0 where a class has none.
        a_distance: proxy A-distance, 0 to 2.
    """

    column: str
    sides: tuple[str, str]
    samples: tuple[int, int]
    labels: tuple[int, int]
    a_distance: float

    @property
    def declared(self) -> bool:
        return self.column == "domain"


@dataclass(frozen=True)
class Facts:
    """What `recommend` may look at: nothing but the training side.

    Attributes:
        sees: kind of samples, as in `names.SEES`.
        used: the backbone in params.yaml.
        labels: class → labelled training samples.
        unlabelled: training samples without a label.
        offered: names that may be recommended.
    """

    sees: str
    used: str
    candidates: tuple[Candidate, ...]
    labels: Mapping[str, int]
    unlabelled: int
    gaps: tuple[Gap, ...]
    offered: frozenset[str]


@dataclass(frozen=True)
class Advice:
    """`method`: key of params.yaml → value. `reasons`: a sentence each, in the order of what they are about."""

    backbone: str
    method: Mapping[str, str]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Choice:
    """The first of `wanted` that is offered becomes the value of `key`, because of `fact`."""

    key: str
    wanted: Sequence[str]
    fact: str


WHY = {
    "prototypes": "a class is its mean, which needs the fewest labels (Snell et al., NeurIPS 2017)",
    "bias_only": "head and biases alone hold up on small data (Ben Zaken et al., ACL 2022)",
    "gradual_unfreezing": "one unit more at a time, so that few labels do not spoil low layers "
    "(Howard & Ruder, ACL 2018)",
    "last_blocks": "the head first, then the blocks, so that a raw head does not spoil good features "
    "(Kumar et al., ICLR 2022)",
    "layerwise_rates": "low layers of a transformer serve every task and move less (Clark et al., ICLR 2020)",
    "lora": "level with full fine-tuning on GLUE, with under 1 % of its parameters (Hu et al., ICLR 2022)",
    "coral": "covariances are matched, without a network of its own (Sun & Saenko, ECCV workshops 2016)",
    "mmd": "kernel means are matched, without a network of its own (Long et al., ICML 2015)",
    "information_maximisation": "the source's labels can stop a training before it adapts; sure and varied answers to "
    "the target's samples do not (Liang et al., ICML 2020)",
    "dann": "a discriminator has samples enough (Ganin et al., JMLR 2016)",
    "cdan": "the discriminator sees the classes, too, so it does not mix them (Long et al., NeurIPS 2018)",
    "ulsif": "weights in closed form (Kanamori et al., JMLR 2009)",
    "kliep": "weights that fit the target's density (Sugiyama et al., NeurIPS 2007)",
    "kmm": "weights that match kernel means (Huang et al., NeurIPS 2006)",
    "entropy": "the boundary moves to where samples are rare (Grandvalet & Bengio, NeurIPS 2004)",
    "mcc": "the network confuses fewer pairs of classes (Jin et al., ECCV 2020)",
}


def offered() -> frozenset[str]:
    """Every name of a method that params.yaml accepts today."""
    lists = [v for k, v in vars(names).items() if get_origin(v) is Literal and k not in ("Task", "Backbone")]
    return frozenset(name for one in lists for name in get_args(one))


def recommend(facts: Facts) -> Advice:
    """What `RULES` say of the facts. Raises ValueError without a candidate or without a label."""
    if not facts.candidates or not facts.labels:
        raise ValueError("a recommendation needs features of one backbone, and labels")
    backbone, reason = _backbone(facts)
    method: dict[str, str] = {}
    reasons = [f"backbone.name: {backbone.name}. {reason}"]
    for choice in _choices(facts, backbone):
        name = next((name for name in choice.wanted if name in facts.offered), None)
        if name is not None:
            method[choice.key] = name
            reasons.append(f"{choice.key}: {name}. {choice.fact}; {WHY[name]}.")
    return Advice(backbone.name, method, (*reasons, *_remarks(facts, method)))


def _choices(facts: Facts, backbone: Candidate) -> Iterator[_Choice]:
    between = list(_between_domains(facts))
    yield from _learning(facts, backbone)
    yield from between
    yield from _adapting(facts, between)


def _backbone(facts: Facts) -> tuple[Candidate, str]:
    best = max(facts.candidates, key=lambda one: (one.log_me, one.name))
    if len(facts.candidates) == 1:
        return best, "The only one with features: nothing was compared."
    near = [one for one in facts.candidates if one is best or not _below(one, best)]
    chosen = min(near, key=lambda one: (one.name != facts.used, one.parameters, one.name))
    if len(near) == 1:
        second = max((one for one in facts.candidates if one is not best), key=lambda one: one.log_me)
        return best, (
            f"LogME {best.log_me:.3f} is the highest; {second.name}, the next, has {second.log_me:.3f}, "
            f"and the difference is more than chance (p < {SURE})."
        )
    others = ", ".join(f"{one.name} {one.log_me:.3f}" for one in near if one is not chosen)
    tie = (
        "it is in use"
        if chosen.name == facts.used
        else f"it is the smallest ({chosen.parameters:,} parameters)"
    )
    why = "labels are too few" if not best.without else f"differences may be chance (p ≥ {SURE})"
    return chosen, f"LogME {chosen.log_me:.3f} is too close to tell from {others}: {why}; {tie}."


def _below(one: Candidate, best: Candidate) -> bool:
    return bool(one.without) and differ(one.without, best.without) < SURE


def _learning(facts: Facts, backbone: Candidate) -> Iterator[_Choice]:
    """Head and tuned layers, by labels of the rarest class and by size."""
    rarest = min(facts.labels, key=lambda name: (facts.labels[name], name))
    count, total = facts.labels[rarest], sum(facts.labels.values())
    held = f"{rarest!r}, the rarest class, has {count} labels"
    if count <= FEW_SHOT:
        yield _Choice("head.method", ["prototypes"], f"{held}, no more than {FEW_SHOT}")
    if count <= FEW:
        yield _Choice("tune.method", ["bias_only", "gradual_unfreezing"], f"{held}, no more than {FEW}")
    elif count <= MANY:
        wanted = ["gradual_unfreezing", "layerwise_rates", "last_blocks"]
        yield _Choice("tune.method", wanted, f"{held}, from {FEW + 1} to {MANY}")
    else:
        share = backbone.parameters / total
        large = share > PARAMETERS_PER_LABEL
        wanted = ["layerwise_rates"] if facts.sees == "texts" else ["last_blocks"]
        size = f"{share:,.0f} parameters a label are {'more' if large else 'no more'} than {PARAMETERS_PER_LABEL:,}"
        yield _Choice("tune.method", [*["lora"] * large, *wanted], f"{held}, more than {MANY}, and {size}")


def _between_domains(facts: Facts) -> Iterator[_Choice]:
    """The widest gap between declared domains, one of which has hardly a label."""
    wanting = [gap for gap in facts.gaps if gap.declared and min(gap.labels) <= FEW]
    gap = max(wanting, key=lambda one: one.a_distance, default=None)
    if gap is None or gap.a_distance < SHIFTED:
        return
    far = f"{gap.sides[0]} and {gap.sides[1]} have proxy A-distance {gap.a_distance:.2f}"
    few = (
        f"and {gap.sides[gap.labels.index(min(gap.labels))]} has {min(gap.labels)} labels of its rarest class"
    )
    if gap.a_distance <= APART:
        yield _Choice("weighting.method", ["ulsif", "kliep", "kmm"], f"{far}: they overlap; {few}")
        return
    wanted = ["mmd", "dann", "cdan", "coral"]
    yield _Choice("objectives.align", wanted, f"{far}, more than {APART:g}, {few}")


def _adapting(facts: Facts, between: Sequence[_Choice]) -> Iterator[_Choice]:
    """What samples without labels are good for, and what then says when to stop."""
    labelled = sum(facts.labels.values())
    aligned = any(choice.key == "objectives.align" for choice in between)
    mostly = _mostly_unlabelled(facts) and facts.sees != "texts"  # see RULES
    if (aligned and facts.unlabelled) or mostly:
        fact = f"{facts.unlabelled} samples have no label, {labelled} have one"
        yield _Choice("objectives.confident", ["mcc", "entropy"], fact)
    hidden = [gap for gap in facts.gaps if gap.declared and min(gap.labels) == 0]
    if hidden and (aligned or mostly):
        gap = hidden[0]
        fact = f"no label of {gap.sides[gap.labels.index(0)]} may be seen"
        yield _Choice("domains.criterion", ["information_maximisation"], fact)


def _mostly_unlabelled(facts: Facts) -> bool:
    return facts.unlabelled > sum(facts.labels.values())


def _remarks(facts: Facts, method: Mapping[str, str]) -> Iterator[str]:
    """What calls for no method: texts without alignment, and gaps between sides that both have labels."""
    if _mostly_unlabelled(facts) and facts.sees == "texts" and "objectives.align" not in method:
        yield (
            f"objectives.confident: none, although {facts.unlabelled} samples have no label: nothing calls for "
            "alignment, and MCC without MMD lost on the benchmark's texts."
        )
    for gap in facts.gaps:
        if gap.a_distance > APART and min(gap.labels) > (FEW if gap.declared else 0):
            yield (
                f"{gap.column}: {gap.sides[0]} and {gap.sides[1]} are told apart (proxy A-distance "
                f"{gap.a_distance:.2f}), and both have labels: train on both, with a gate rule for each."
            )
