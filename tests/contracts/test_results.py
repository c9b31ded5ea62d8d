"""Prefect keeps no result of ours: whoever can write to its storage would have us read his pickle.

What flows hand to each other are paths, digests and JSON, read by `storage.publish.read_json`.
"""

import ast
import json
import os
import pickle
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE
from prefect.results import ResultRecord

import flows

FOLDER = Path(flows.__file__).parent


def _decorated() -> Iterator[str]:
    """Modules of flows/ that make flows or tasks."""
    for path in sorted(FOLDER.glob("*.py")):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        if {"task", "flow"} & {call.id for call in calls if isinstance(call, ast.Name)}:
            yield f"flows.{path.stem}"


MODULES = list(_decorated())


def test_the_modules_that_are_asked_are_those_with_flows() -> None:
    assert {"flows.pipeline", "flows.launch", "flows.batch", "flows.watch"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_no_flow_and_no_task_keeps_or_reads_results(name: str) -> None:
    """Whatever PREFECT_RESULTS_PERSIST_BY_DEFAULT says: what is said at a flow or task comes first."""
    found = [value for value in vars(import_module(name)).values() if isinstance(value, Flow | Task)]
    assert found
    for made in found:
        assert made.persist_result is False, made.name
        assert getattr(made, "cache_policy", NO_CACHE) == NO_CACHE, made.name
        assert getattr(made, "result_storage_key", None) is None, made.name


class Evil:
    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def test_the_attack_is_real(tmp_path: Path) -> None:
    """A record names its own serializer: a default of JSON would not help whoever reads one."""
    marker = tmp_path / "executed"
    import base64

    payload = base64.encodebytes(pickle.dumps(Evil(str(marker)))).decode()
    serializer = {"type": "pickle", "picklelib": "cloudpickle"}
    metadata = {"storage_key": "x", "expiration": None, "serializer": serializer, "prefect_version": "3.8.8"}
    data = {"metadata": metadata, "result": payload}
    ResultRecord.deserialize(json.dumps(data).encode())
    assert marker.exists()
