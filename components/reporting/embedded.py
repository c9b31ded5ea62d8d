"""Pictures for pages that are not ours: an SVG that carries its colours along, as the address of an image."""

from base64 import b64encode
from collections.abc import Mapping

from markupsafe import Markup

from components.reporting.judgement import rule_row

# Readable on light and dark ground; the page's own colours come from its style sheet.
GROUND, LINE, QUIET = "#8882", "#888", "#88888855"
OUTCOMES = {"pass": "#2f9e6e", "fail": "#e5484d", "inconclusive": "#d9822b"}


def rule_picture(rule: Mapping[str, object]) -> str:
    """The bar of a verdict's rule as a `data:` address; empty where there is nothing to draw."""
    row = rule_row(rule)
    return address(row.bar, OUTCOMES.get(row.outcome, LINE)) if row.bar else ""


def address(drawing: Markup, colour: str) -> str:
    style = (
        f".axis{{stroke:{QUIET}}}.bound{{stroke:{LINE};stroke-width:2}}.allowed{{fill:{GROUND}}}"
        f".interval{{fill:{colour};opacity:.5}}.estimate{{fill:{colour}}}"
    )
    head, body = str(drawing).split(">", 1)
    whole = f'{head} xmlns="http://www.w3.org/2000/svg" width="220" height="26"><style>{style}</style>{body}'
    return "data:image/svg+xml;base64," + b64encode(whole.encode()).decode()
