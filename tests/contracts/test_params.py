"""What must stand in params.yaml is what dvc.yaml names: DVC fails on a key that the file leaves to its default."""

from collections.abc import Iterator

from dvc.stage.cache import _get_cache_hash
from pydantic import BaseModel

from components.params import Params
from components.params.load import section_in
from components.params.written_out import TRACKED, WRITTEN_OUT
from components.stages.table import STAGES


def test_sections_that_stages_declare_are_written_out() -> None:
    required = {name for name, field in Params.model_fields.items() if field.is_required()}
    chosen = {plugin.key.split(".")[0] for row in STAGES for plugin in row.plugins}
    declared = {name for row in STAGES for name in row.params}
    assert set(TRACKED) | required | chosen | {"seed"} == declared


def test_keys_that_choose_code_are_written_out() -> None:
    assert set(WRITTEN_OUT) == {plugin.key for row in STAGES for plugin in row.plugins}


def keys(model: type[BaseModel], at: str = "") -> Iterator[str]:
    """Every key of every section, with its section before it."""
    for name, field in model.model_fields.items():
        yield f"{at}{name}"
        below = section_in(field.annotation)
        if below is not None:
            yield from keys(below, f"{at}{name}.")


def run_key(path: str, value: int) -> str:
    """What DVC's run cache would look a stage up by, if it depended on this key."""
    held: object = value
    for part in reversed(path.split(".")):
        held = {part: held}
    return str(_get_cache_hash({"cmd": "train", "params": {"params.yaml": held}}))


def test_no_key_has_a_name_that_dvc_s_run_cache_overlooks() -> None:
    """It takes `size` and `nfiles`, wherever they stand, for facts about files: results of another size came back."""
    found = list(keys(Params))
    assert {"task.input_size", "gate.rules.metric"} <= set(found)
    assert [key for key in found if run_key(key, 1) == run_key(key, 2)] == []
    assert run_key("task.size", 1) == run_key("task.size", 2), "DVC has mended it: the rule can go"
