"""Which backbone and which methods to begin with, and why: `RULES`, in code. A plain rule, and no oracle."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.evaluation.transferability import differ

SURE = 0.05
FEW_SHOT, FEW, MANY = 5, 16, 100
CONFUSED = 3  # classes
SHIFTED, APART = 0.5, 1.0

RULES = (
    "backbone.name: the highest LogME (You et al., ICML 2021). Those that a paired jackknife over five groups does "
    f"not tell apart from it (p ≥ {SURE}) are level: the one in use is kept, or else the smallest is taken.",
    f"head.method, of classes: prototypes up to {FEW_SHOT} labels of the rarest class (1 and 5 shots of Snell et al., "
    "NeurIPS 2017).",
    "tune.method: of texts LoRA, of images all of the upper layers. On the benchmark's mails LoRA was better or "
    "level; on its cells the two were level.",
    f"tune.best_by, of classes: the problem's first metric (balanced accuracy) up to {MANY} labels of the rarest "
    "class. On the cells with 16 a class, epochs chosen by the loss cost one seed of three 0.28, and the others "
    "nothing. The bound is a rule of thumb: with 64 the two were not compared.",
    f"weighting and objectives.align: only where a domain has up to {FEW} labels of its rarest class or label. Weights "
    f"from proxy A-distance {SHIFTED:g} to {APART:g}, because they need overlap (Cortes et al., NeurIPS 2010); "
    f"alignment above. The bounds are rules of thumb; at {APART:g}, a line tells three of four samples apart. MMD is "
    "the first choice: on none of the benchmark's seven pairs did it do measurable harm, and its seeds lay within "
    "0.05; those of DANN fell on both sides of the control on five.",
    "objectives.confident, of classes: where alignment is called for, or more samples are without a label than with "
    "one; MCC is the first choice. Beside MMD it gained most with ten classes, and something on texts; without MMD "
    "nothing there. Not of images of two classes: it took from what MMD gave, and with one seed of three it called "
    "nearly all cells defective.",
    "domains.criterion, of classes: information maximisation, where something adapts and no label of the target may be "
    "seen.",
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
        labels: of each, those of its rarest class or label; 0 where one has none.
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
        sees: kind of samples, as in `names.Facts.sees`.
        used: the backbone in params.yaml.
        labels: class, or label, → training samples that have it; '' → all labelled ones, of other targets.
        counted: what `labels` are of: `class`, `label`, or ''.
        classes: whether a sample has one of several classes: some methods know nothing else.
        unlabelled: training samples without a label.
        best_by: the problem's first metric, where `tune.best_by` may name it.
    """

    sees: str
    used: str
    candidates: tuple[Candidate, ...]
    labels: Mapping[str, int]
    unlabelled: int
    gaps: tuple[Gap, ...]
    counted: str = "class"
    classes: bool = True
    best_by: str | None = None


@dataclass(frozen=True)
class Advice:
    """`method`: key of params.yaml → value. `reasons`: a sentence each, in the order of what they are about."""

    backbone: str
    method: Mapping[str, str]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Choice:
    """`name` becomes the value of `key`, because of `fact`."""

    key: str
    name: str
    fact: str


WHY = {  # of a key, or of what is chosen
    "prototypes": "a class is its mean, which needs the fewest labels (Snell et al., NeurIPS 2017)",
    "tune.best_by": "the loss rises as answers get too sure, while decisions still get better",
    "last_blocks": "the head first, then the blocks, so that a raw head does not spoil good features "
    "(Kumar et al., ICLR 2022)",
    "lora": "level with full fine-tuning on GLUE, with under 1 % of its parameters (Hu et al., ICLR 2022); it wants "
    "some ten times the learning rate",
    "mmd": "kernel means are matched, without a network of its own (Long et al., ICML 2015)",
    "information_maximisation": "the source's labels can stop a training before it adapts; sure and varied answers to "
    "the target's samples do not (Liang et al., ICML 2020)",
    "ulsif": "weights in closed form (Kanamori et al., JMLR 2009)",
    "mcc": "the network confuses fewer pairs of classes (Jin et al., ECCV 2020)",
}


def recommend(facts: Facts) -> Advice:
    """What `RULES` say of the facts. Raises ValueError without a candidate or without a label."""
    if not facts.candidates or not facts.labels:
        raise ValueError("a recommendation needs features of one backbone, and labels")
    backbone, reason = _backbone(facts)
    method: dict[str, str] = {}
    reasons = [f"backbone.name: {backbone.name}. {reason}"]
    for choice in _choices(facts):
        method[choice.key] = choice.name
        why = WHY.get(choice.key) or WHY[choice.name]
        reasons.append(f"{choice.key}: {choice.name}. {choice.fact}; {why}.")
    return Advice(backbone.name, method, (*reasons, *_remarks(facts, method)))


def _choices(facts: Facts) -> Iterator[_Choice]:
    between = list(_between_domains(facts))
    yield from _learning(facts)
    yield from between
    yield from _adapting(facts, between)


def _backbone(facts: Facts) -> tuple[Candidate, str]:
    best = max(facts.candidates, key=lambda one: (one.log_me, one.name))
    if len(facts.candidates) == 1:
        return best, "The only one with features: nothing was compared. To compare, add --fill all."
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


def _learning(facts: Facts) -> Iterator[_Choice]:
    """Head, tuned layers, and what finds the epoch, by labels of the rarest class."""
    rarest = min(facts.labels, key=lambda name: (facts.labels[name], name))
    count = facts.labels[rarest]
    held = f"{rarest!r}, the rarest class, has {count} labels"
    if facts.classes and count <= FEW_SHOT:
        yield _Choice("head.method", "prototypes", f"{held}, no more than {FEW_SHOT}")
    method = "lora" if facts.sees == "texts" else "last_blocks"
    yield _Choice("tune.method", method, f"The network sees {facts.sees}")
    if facts.classes and facts.best_by is not None and count <= MANY:
        yield _Choice("tune.best_by", facts.best_by, f"{held}, no more than {MANY}")


def _between_domains(facts: Facts) -> Iterator[_Choice]:
    """The widest gap between declared domains, one of which has hardly a label."""
    wanting = [gap for gap in facts.gaps if gap.declared and min(gap.labels) <= FEW]
    gap = max(wanting, key=lambda one: one.a_distance, default=None)
    if gap is None or gap.a_distance < SHIFTED:
        return
    far = f"{gap.sides[0]} and {gap.sides[1]} have proxy A-distance {gap.a_distance:.2f}"
    of = f" of its rarest {facts.counted}" if facts.counted else ""
    few = f"and {gap.sides[gap.labels.index(min(gap.labels))]} has {min(gap.labels)} labels{of}"
    if gap.a_distance <= APART:
        yield _Choice("weighting.method", "ulsif", f"{far}: they overlap; {few}")
        return
    yield _Choice("objectives.align", "mmd", f"{far}, more than {APART:g}, {few}")


def _adapting(facts: Facts, between: Sequence[_Choice]) -> Iterator[_Choice]:
    """What samples without labels are good for, and what then says when to stop."""
    if not facts.classes:
        return
    labelled = sum(facts.labels.values())
    aligned = any(choice.key == "objectives.align" for choice in between)
    mostly = _mostly_unlabelled(facts) and facts.sees != "texts"
    few = facts.sees == "images" and len(facts.labels) < CONFUSED
    confident = facts.unlabelled > 0 and (aligned or mostly) and not few  # see RULES
    if confident:
        fact = f"{facts.unlabelled} samples have no label, {labelled} have one; there are {len(facts.labels)} classes"
        yield _Choice("objectives.confident", "mcc", fact)
    hidden = [gap for gap in facts.gaps if gap.declared and min(gap.labels) == 0]
    if hidden and (aligned or confident):
        gap = hidden[0]
        fact = f"no label of {gap.sides[gap.labels.index(0)]} may be seen"
        yield _Choice("domains.criterion", "information_maximisation", fact)


def _mostly_unlabelled(facts: Facts) -> bool:
    return facts.unlabelled > sum(facts.labels.values())


def _remarks(facts: Facts, method: Mapping[str, str]) -> Iterator[str]:
    """What calls for no method: samples without a label, and gaps between sides that both have labels."""
    such = {"texts": "texts, without MMD", "images": "images of two classes"}.get(facts.sees)
    if such and facts.classes and _mostly_unlabelled(facts) and "objectives.confident" not in method:
        yield (
            f"objectives.confident: none, although {facts.unlabelled} samples have no label: on the benchmark MCC "
            f"gained nothing on {such}."
        )
    for gap in facts.gaps:
        if gap.a_distance > APART and min(gap.labels) > (FEW if gap.declared else 0):
            yield (
                f"{gap.column}: {gap.sides[0]} and {gap.sides[1]} are told apart (proxy A-distance "
                f"{gap.a_distance:.2f}), and both have labels: train on both, with a gate rule for each."
            )
