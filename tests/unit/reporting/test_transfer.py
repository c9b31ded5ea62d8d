from pathlib import Path

from components.params.task import TaskParams
from components.reporting import transfer
from components.reporting.material import gather

TASK = TaskParams()


def test_overfitting_and_movement_are_said_in_words_and_numbers(workspace: Path) -> None:
    found = {
        fact.name: fact.value for fact in transfer.training(gather(workspace, workspace / ".graftline", TASK))
    }
    assert found["Gap between them"] == "+0.070"
    assert found["Weights moved, of their length"] == "1.40%"
    assert found["Features alike before and after (CKA)"] == "0.724"


def test_the_source_task_before_and_after(workspace: Path) -> None:
    found = transfer.source(gather(workspace, workspace / ".graftline", TASK))
    assert found is not None
    assert (found.domains, [row.name for row in found.models.rows]) == ("mono", ["before", "the release"])
    assert found.lost[0].value == "-0.040"


def test_without_domains_there_is_nothing_to_say(tmp_path: Path) -> None:
    material = gather(tmp_path, tmp_path / ".graftline", TASK)
    assert transfer.source(material) is None
    assert transfer.training(material) == []
