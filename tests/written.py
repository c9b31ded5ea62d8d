"""What must stand in every params.yaml, in its shortest form (no domains, no method beside plain fine-tuning), and a
whole file."""

WRITTEN: dict[str, object] = {
    "domains": {},
    "head": {"method": "logistic"},
    "tune": {"method": "last_blocks", "then": "none"},
    "objectives": {"keep": "none", "align": "none", "confident": "none", "tasks": {"balance": "fixed"}},
    "weighting": {"method": "none"},
    "pretrain": {"method": "none"},
}
PARAMS: dict[str, object] = {
    "seed": 0,
    "task": {"modality": "image", "problem": "classification"},
    "augment": {},
    "backbone": {"name": "efficientnet_lite0"},
    **WRITTEN,
    **{name: {} for name in ("features", "controls", "select", "export", "evaluate")},
    "data": {"source": "file:.", "licence": "CC0", "layout": "folders"},
    "gate": {"rules": [{"metric": "accuracy", "at_least": 0.5}]},
}
