"""Secrets of the environment are in nothing that a whole life leaves: training, registry, ledger, scores, logs."""

import subprocess
import sys
from pathlib import Path

import pytest
from canaries import MARK, found, planted
from lines import clone
from test_line import draw, recipe

from components.registry.desk import CHAMPION


@pytest.mark.faults
def test_canaries_are_found_nowhere(tmp_path: Path) -> None:
    """By hand as README says it, and once more by a source whose address holds a token, which is refused."""
    draw(tmp_path / "images")
    workspace, key = clone(tmp_path), tmp_path / "keys" / "ledger.pem"
    recipe(workspace.folder / "params.yaml")
    workspace.environment |= planted(key)
    workspace.change("promotion", "allow_dirty", True)
    workspace.change("gate", "rules", [{"metric": "accuracy", "at_least": 0.0, "by": "estimate"}])
    workspace.change("gate", "operational", {"batch1_ms_p95": 9000, "samples_per_second": 0.1})
    said = ""
    for words in (
        ("flows.train", "--promote"),
        ("flows.promote", "verify"),
        ("flows.promote", "history"),
        ("flows.score", "--input", "../images", "--output", "scores"),
        ("dvc", "repro", "-v"),
        ("components", "gc", "--dry-run"),
    ):
        done = workspace.run(*words)
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
        said += done.stdout + done.stderr
    params = workspace.folder / "params.yaml"
    kept = params.read_text()
    workspace.change("data", "source", f"https://token:{MARK}@example.org/pictures.zip")
    for words in (("components", "refresh"), ("flows.train",), ("dvc", "repro")):
        done = workspace.run(*words)
        assert done.returncode != 0
        said += done.stdout + done.stderr
    params.write_text(kept)
    assert MARK not in said
    assert key.exists()
    assert CHAMPION in said
    assert list((workspace.folder / ".graftline" / "prefect").rglob("*.db")), (
        "Prefect's database is searched, too"
    )
    assert list((workspace.folder / "scores").rglob("*.parquet"))
    assert found(tmp_path, key) == []


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    import base64
    import gzip

    import pyarrow as pa
    import pyarrow.parquet as pq

    secret = planted(tmp_path / "key.pem")["HF_TOKEN"]
    (tmp_path / "key.pem").write_text("-----BEGIN\nMC4CAQAwBQYDK2Vw\n-----END\n")
    (tmp_path / "copy.txt").write_text("key: MC4CAQAwBQYDK2Vw")
    (tmp_path / "a.log").write_text(f"token={secret}")
    (tmp_path / "b.gz").write_bytes(gzip.compress(secret.encode()))
    (tmp_path / "c.txt").write_bytes(base64.b64encode(f"ada:{secret}".encode()))
    pq.write_table(pa.table({"x": [secret]}), tmp_path / "d.parquet", compression="zstd")
    (tmp_path / "e.txt").write_text("nothing")
    there = ["a.log", "b.gz", "c.txt", "copy.txt", "d.parquet"]
    assert found(tmp_path, tmp_path / "key.pem") == there
    assert found(tmp_path, tmp_path / "key.pem", also=["nothing"]) == [*there, "e.txt"]


@pytest.mark.faults
def test_a_push_that_failed_repeats_no_address(tmp_path: Path) -> None:
    from components.errors import RegistryError
    from components.stages.push import push

    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    words = [sys.executable, "-m", "dvc"]
    remote = f"https://user:{MARK}@127.0.0.1:9/store"
    for more in (["init", "-q"], ["remote", "add", "-q", "-d", "far", remote]):
        subprocess.run([*words, *more], cwd=tmp_path, check=True)
    (tmp_path / "dvc.yaml").write_text("stages: {make: {cmd: echo x > out, outs: [out]}}\n")
    subprocess.run([*words, "repro", "-q"], cwd=tmp_path, check=True)
    with pytest.raises(RegistryError, match="did not take everything") as caught:
        push(tmp_path)
    assert MARK not in str(caught.value)
