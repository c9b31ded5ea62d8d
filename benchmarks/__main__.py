"""`python -m benchmarks [NAME …]`: measure what we claim; results go to benchmarks/results/, with the machine."""

import argparse
import sys
from importlib import import_module

NAMES = (
    "features",
    "tuning",
    "head",
    "memory",
    "accuracy",
    "controls",
    "methods",
    "heads",
    "scoring",
    "drift",
    "unlabelled_accuracy",
    "kmm_ridge",
    "guarantees",
    "regression",
    "multi_label",
    "fairness",
    "startup",
    "unchanged",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*NAMES, []], help=f"of {', '.join(NAMES)} (default: all)"
    )
    for name in parser.parse_args().names or NAMES:
        sys.argv = [name]  # each has options of its own
        import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
