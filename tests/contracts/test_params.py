"""What must stand in params.yaml is what dvc.yaml names: DVC fails on a key that the file leaves to its default."""

from components.params import Params
from components.params.load import TRACKED, WRITTEN_OUT
from components.stages.table import STAGES


def test_sections_that_stages_declare_are_written_out() -> None:
    required = {name for name, field in Params.model_fields.items() if field.is_required()}
    chosen = {key.split(".")[0] for row in STAGES for _, key in row.plugins}
    declared = {name for row in STAGES for name in row.params}
    assert set(TRACKED) | required | chosen | {"seed"} == declared


def test_keys_that_choose_code_are_written_out() -> None:
    assert set(WRITTEN_OUT) == {key for row in STAGES for _, key in row.plugins}
