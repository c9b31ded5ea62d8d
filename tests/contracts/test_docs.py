"""The documents say what the code does: params.md is generated, and no link leads nowhere."""

import re
import runpy
from pathlib import Path

import pytest

from components.stages.table import STAGES

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_params_page_is_up_to_date() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "params.py"))["page"]()
    assert (ROOT / "docs" / "params.md").read_text(encoding="utf-8") == page, "run: python docs/params.py"


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert [t for t in targets if not (path.parent / t).exists()] == []


def test_the_readme_names_every_stage() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [stage.name for stage in STAGES if f"`{stage.name}`" not in text] == []
