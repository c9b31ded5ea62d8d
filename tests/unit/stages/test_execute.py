"""The stage runner: what a stage may see, and what is refused before any work."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import StorageError
from components.params import load_params
from components.stages.execute import Sections, check_versions, execute
from components.stages.table import STAGES, stage

ROOT = Path(__file__).parents[3]


def test_a_stage_sees_only_the_sections_that_its_row_declares() -> None:
    seen = Sections(load_params(ROOT / "params.yaml"), stage("train_head"))
    assert seen.head
    with pytest.raises(AttributeError, match="does not declare the section 'tune'"):
        _ = seen.tune


def test_another_version_than_the_locked_one_is_refused(tmp_path: Path) -> None:
    text = (ROOT / "versions.json").read_text()
    (tmp_path / "versions.json").write_text(text.replace('"numpy": "', '"numpy": "0'))
    with pytest.raises(StorageError, match=r"numpy .* is installed, versions\.json says 0"):
        check_versions(stage("train_head"), tmp_path)
    for row in STAGES:
        check_versions(row, ROOT)


def test_a_missing_input_is_named_with_the_remedy(tmp_path: Path) -> None:
    shutil.copy(ROOT / "versions.json", tmp_path)
    with pytest.raises(StorageError, match=r"release, which gate reads, does not exist\. Run: dvc repro"):
        execute("gate", tmp_path, load_params(ROOT / "params.yaml"))


def test_the_command_line_explains_itself_without_heavy_imports() -> None:
    script = (
        "import sys; from components.__main__ import parser; text = parser().format_help();"
        "assert not {'torch', 'mlflow', 'prefect', 'pydantic', 'numpy'} & set(sys.modules); print(text)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for row in STAGES:
        assert row.name in done.stdout
        assert row.help.split()[0] in done.stdout
