"""A tiny line on texts: reviews with a number or with several labels each, by a BERT of random weights. No download."""

import csv
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
import yaml
from texts import WORDS, write_tokenizer
from transformers import BertConfig, BertModel

from components.params import Params, load_params
from components.sources import open_source
from components.stages.execute import Sections
from components.stages.refresh import refresh
from components.stages.table import STAGES, Context
from components.tracker import NullTracker

COUNT, TOKENS = 240, 32
TOPICS = ("room", "food", "staff")
VALUES = {
    "awful": -4,
    "dirty": -3,
    "bad": -2,
    "slow": -1,
    "plain": 0,
    "fine": 1,
    "good": 2,
    "lovely": 3,
    "superb": 4,
}
OTHER = (
    "the",
    "was",
    "and",
    "we",
    "stayed",
    "in",
    "may",
    "june",
    "july",
    "for",
    "a",
    "week",
    "with",
    "friends",
)
FILES = ("model.safetensors", "config.json", "tokenizer.json")
PROBLEMS: Mapping[str, dict[str, object]] = {
    "regression": {
        "labels": {"label": "value"},
        "task": {"unit": "points", "range": [-4, 4]},
        "head": {"method": "linear", "l2": [1e-3, 1e-1]},
        "gate": {
            "rules": [
                {"metric": "rmse", "at_most": 1.6, "by": "estimate"},
                {"metric": "coverage", "at_least": 0.7},
            ],
            "better_than_controls": {"metric": "spearman"},
        },
    },
    "multi_label": {
        "labels": {"label": "topics"},
        "task": {"none": ""},
        "head": {"method": "logistic", "l2": [1e-3, 1e-2]},
        "select": {"threshold": {"rule": "best_f1"}},
        "gate": {
            "rules": [{"metric": "macro_f1", "at_least": 0.6}, {"metric": "hamming_loss", "at_most": 0.35}],
            "better_than_controls": {"metric": "macro_f1"},
        },
    },
}


def write_reviews(path: Path, count: int = COUNT, seed: int = 0) -> None:
    """A sentence or more on none to all of the topics; `value` is the mean of the words for them, and some noise."""
    draw = np.random.default_rng(seed)
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "value", "topics", "season"])
        for number in range(count):
            topics = [topic for topic in TOPICS if draw.random() < 0.5]
            mood = draw.integers(-3, 4)
            close = [word for word, value in VALUES.items() if abs(value - mood) <= 1]
            said = [str(draw.choice(close)) for _ in topics] or [str(draw.choice(close))]
            season = str(draw.choice(["may", "june", "july"]))
            text = " and ".join(
                f"the {topic} was {word}" for topic, word in zip(topics or ["week"], said, strict=True)
            )
            value = float(np.clip(np.mean([VALUES[word] for word in said]) + draw.normal(0, 0.3), -4, 4))
            text = f"We stayed in {season} for a week with {number} friends. {text.capitalize()}."
            writer.writerow([f"r{number}", text, round(value, 2), "|".join(topics), season])


def publish(folder: Path) -> dict[str, str]:
    """Write a BERT that knows the words of the reviews; the section `backbone` that names it."""
    words = (*WORDS[:5], *sorted({*TOPICS, *VALUES, *OTHER, ".", *(f"{n}" for n in range(10))}))
    write_tokenizer(folder, words)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(
        **sizes, vocab_size=len(words), max_position_embeddings=TOKENS, initializer_range=0.15
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    sha256 = open_source(f"file:{folder}", None, folder, FILES).revision
    return {"name": "transformers/bert", "uri": f"file:{folder}", "sha256": sha256, "licence": "CC0"}


def written(place: Path, problem: str) -> dict[str, object]:
    """params.yaml for reviews and a BERT that are written below `place`."""
    write_reviews(place / "reviews" / "reviews.csv")
    own = PROBLEMS[problem]
    labels = {"file": "reviews.csv", "text": "text", "slices": ["season"], **own["labels"]}
    return {
        "seed": 5,
        "data": {
            "source": f"file:{place / 'reviews'}",
            "licence": "CC0",
            "layout": "manifest",
            "labels": labels,
            "split": {"train": 0.45, "validation": 0.15, "calibration": 0.1, "test": 0.3},
            "limits": {} if problem == "regression" else {"min_per_class": 4},
            "near_duplicates": "off",  # few words: they are all alike
        },
        "domains": {},
        "task": {"modality": "text", "problem": problem, "input_size": TOKENS, **own["task"]},
        "augment": {"views": 2},
        "backbone": publish(place / "bert"),
        "pretrain": {"method": "none"},
        "features": {"batch": 8},
        "head": own["head"],
        "tune": {
            "method": "last_blocks",
            "then": "none",
            "blocks": 1,
            "epochs": 3,
            "head_epochs": 1,
            "batch": 16,
            "learning_rate": 5e-3,
        },
        "objectives": {"keep": "none", "align": "none", "confident": "none", "tasks": {"balance": "fixed"}},
        "weighting": {"method": "none"},
        "controls": {"scratch": {"epochs": 1}},
        "select": own.get("select", {}),
        "export": {"parity": {"samples": 40, "batches": [1, 7]}, "calibration_samples": 16},
        "evaluate": {},
        "gate": own["gate"],
        "tracking": {"model": "reviews"},
    }


def run_line(root: Path, problem: str) -> tuple[Params, Context]:
    """All stages in `root`, each with the sections of params.yaml that its row declares."""
    (root / "params.yaml").write_text(yaml.safe_dump(written(root, problem), sort_keys=False))
    return run_stages(root)


def run_stages(root: Path) -> tuple[Params, Context]:
    """All stages by `root`/params.yaml, in this process."""
    params = load_params(root / "params.yaml")
    context = Context(NullTracker(), root / ".graftline", 1, ("cpu",))
    refresh(params, root, context.cache)
    for row in STAGES:
        outputs = {name: root / name for name in row.outputs}
        for path in outputs.values():
            if not path.suffix:
                path.mkdir()
        inputs = {name: root / name for name in row.inputs}
        run = import_module(f"components.stages.{row.name}").run
        run(inputs, outputs, Sections(params, row), context)
    return params, context
