"""What must stand in every params.yaml, in its shortest form: no domains, no method beside plain fine-tuning."""

WRITTEN: dict[str, object] = {
    "domains": {},
    "head": {"method": "logistic"},
    "tune": {"method": "last_blocks", "then": "none"},
    "objectives": {"keep": "none", "align": "none", "confident": "none", "tasks": {"balance": "fixed"}},
    "weighting": {"method": "none"},
    "pretrain": {"method": "none"},
}
