"""The documents say what the code does: params.md is generated, and no link leads nowhere."""

import copy
import re
import runpy
import shlex
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from components.params.load import check
from components.stages.table import STAGES

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

BARE = re.compile(r"\bdvc (pull|fetch|checkout)\b")


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


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_no_document_has_people_pull_by_dvc_itself(path: Path) -> None:
    """Who can write to the remote would write into their workspace: `python -m components pull` looks first."""
    fenced = re.findall(r"^```.*?^```", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert [line for block in fenced for line in block.splitlines() if BARE.search(line)] == []


def commands() -> list[str]:
    """What README tells people to type: lines of code blocks without a language, and spans."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line for language, block in blocks if not language for line in block.splitlines()]
    spans = re.findall(r"`((?:make|python -m) [^`]+)`", text)
    return sorted({line.partition(" #")[0].strip() for line in (*lines, *spans)})


@pytest.mark.parametrize("command", commands())
def test_readme_names_commands_that_exist(command: str) -> None:
    """With their options; what a command does is tested elsewhere."""
    program, *words = shlex.split(command)
    if program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert words[0] in targets
        return
    assert (program, words[0]) == ("python", "-m")
    parser = import_module("components.__main__" if words[1] == "components" else words[1]).parser()
    with suppress(SystemExit):  # options that are missing where only the command is named
        parser.parse_args(words[2:])
        return
    assert words[2:] in ([], ["--help"])


def situations() -> list[list[str]]:
    """The rows of methods.md's table, each as its cells."""
    section = (
        (ROOT / "docs" / "methods.md")
        .read_text(encoding="utf-8")
        .split("## By situation")[1]
        .split("\n## ")[0]
    )
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return rows[1:]


def written(cell: str) -> list[dict[str, dict[str, object]]]:
    """What a cell says of params.yaml: spans that are whole sections, their placeholders filled."""
    filled = [
        span.replace("…", "type").replace("COLUMN", "type") for span in re.findall(r"`(\w+: \{.*?\})`", cell)
    ]
    return [yaml.safe_load(span) for span in filled]


def test_most_situations_have_something_to_write() -> None:
    assert sum(bool(written(row[1])) for row in situations()) > len(situations()) / 2


@pytest.mark.parametrize("row", situations(), ids=lambda row: row[0])
def test_what_methods_advises_is_accepted(row: list[str]) -> None:
    """What is to be written, together; then each that stands beside it."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["data"]["labels"]["domain"] = "type"
    first, beside = written(row[1]), written(row[2])
    if any("domains" in section for section in first):
        first.append({"domains": {"source": ["mono"], "target": ["poly"]}})
    together = merged(values, *first)
    check(together)
    for section in beside:
        check(merged(together, section))


def merged(
    values: dict[str, dict[str, object]], *sections: dict[str, dict[str, object]]
) -> dict[str, object]:
    made = copy.deepcopy(values)
    for section in sections:
        for name, held in section.items():
            made[name] |= held
    return made  # type: ignore[return-value]
