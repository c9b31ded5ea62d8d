"""The stage runner: what a stage may see, and what is refused before any work."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from threadpoolctl import threadpool_info, threadpool_limits
from two_domains import two_domains

from components.errors import DataError, StorageError
from components.params import load_params
from components.params.domains import DomainsParams
from components.stages import execute as runner
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


def test_versions_that_nobody_wrote_down_are_restored_or_written(tmp_path: Path) -> None:
    said = (
        r"versions\.json does not exist.*git checkout versions\.json.*python -m components versions --write"
    )
    with pytest.raises(StorageError, match=said):
        check_versions(stage("train_head"), tmp_path)


def test_a_missing_input_is_named_with_the_remedy(tmp_path: Path) -> None:
    shutil.copy(ROOT / "versions.json", tmp_path)
    with pytest.raises(
        StorageError, match=r"release, which gate reads, does not exist\. Run: .*dvc repro export"
    ):
        execute("gate", tmp_path, load_params(ROOT / "params.yaml"))


def test_a_domain_that_no_sample_is_of_is_refused_before_anything_is_computed_from_the_data(
    tmp_path: Path,
) -> None:
    params = two_domains(tmp_path).model_copy(
        update={"domains": DomainsParams(source=("day",), target=("nigth",))}
    )
    shutil.copy(ROOT / "versions.json", tmp_path)
    (tmp_path / "adapted").mkdir()
    with pytest.raises(DataError, match=r"'nigth', which no sample is of; did you mean 'night'\?"):
        execute("extract_features", tmp_path, params)


def test_another_python_than_the_project_s_says_how_to_activate_it(tmp_path: Path) -> None:
    """A bare interpreter that has none of the dependencies."""
    bare = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); "]
    bare[-1] += "from components.__main__ import main; sys.exit(main(['check']))"
    done = subprocess.run(bare, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == StorageError.exit_code
    assert "has no module 'yaml': it is not the environment of `make setup`" in done.stderr
    assert "source .venv/bin/activate" in done.stderr


def test_the_command_line_explains_itself_without_heavy_imports() -> None:
    script = (
        "import sys; from components.__main__ import parser; text = parser().format_help();"
        "assert not {'torch', 'mlflow', 'prefect', 'pydantic', 'numpy'} & set(sys.modules); print(text)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for row in STAGES:
        assert row.name in done.stdout
        assert row.help.split()[0] in done.stdout


def test_sums_of_blas_do_not_depend_on_the_number_of_threads(tmp_path: Path, monkeypatch) -> None:
    seen: list[int] = []

    def run(inputs: object, outputs: dict[str, Path], params: object, context: object) -> None:
        seen.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        outputs["probe"].joinpath("done").touch()

    monkeypatch.setitem(sys.modules, "components.stages.probe", SimpleNamespace(run=run))
    params = load_params(ROOT / "params.yaml")
    probe = replace(stage("train_head"), name="probe", inputs=(), outputs=("probe",))
    with threadpool_limits(2, "blas"):
        runner._run(probe, tmp_path, {"probe": tmp_path / "partial"}, params, None)
    assert seen
    assert set(seen) == {1}
