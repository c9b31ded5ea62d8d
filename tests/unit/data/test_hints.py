"""What `check` advises where labels, columns or paths of a table are not what was meant."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from written import PARAMS

from components.data.before import check_source
from components.errors import DataError
from components.params import load_params

REGRESSION = {
    "task": {"modality": "image", "problem": "regression", "range": [0, 1]},
    "head": {"method": "linear"},
    "gate": {"rules": [{"metric": "rmse", "at_most": 1}]},
}
LONG = "A long text about {},\nof several lines, which is longer than any name of a class"


def refused(root: Path, table: str, labels: Mapping[str, object], **sections: object) -> str:
    """What `check` says of a table of images that are all there."""
    source = root / "source"
    source.mkdir(exist_ok=True)
    for number in range(12):
        (source / f"{number}.png").write_bytes(b"not read")
    (source / "t.csv").write_text(table)
    data = {
        "source": "file:source",
        "licence": "ours",
        "layout": "manifest",
        "limits": {} if "task" in sections else {"min_per_class": 2},
        "labels": {"file": "t.csv", **labels},
    }
    values = {**PARAMS, "export": {"parity": {"samples": 1}}, "data": data, **sections}
    (root / "params.yaml").write_text(yaml.safe_dump(values))
    params = load_params(root / "params.yaml")
    try:
        check_source(params, root)
    except DataError as error:
        return str(error)
    return ""


def rows(*labels: str, header: str = "path,label\n") -> str:
    return header + "".join(f"{number}.png,{label}\n" for number, label in enumerate(labels))


def test_classes_the_wrong_way_round(tmp_path: Path) -> None:
    table = rows(*"010101")
    said = refused(tmp_path, table, {"classes": {"0": "ok", "1": "bad"}})
    assert 'wants the class name first, then the value as it is written: {ok: "0", bad: "1"}.' in said
    assert "wants the class name first" not in refused(tmp_path, table, {"classes": {"a": "0", "b": "2"}})


def test_a_domain_that_no_row_has(tmp_path: Path) -> None:
    table = rows("a,day", "b,day", "a,night", "b,night", header="path,label,when\n")
    labels = {"domain": "when"}
    said = refused(tmp_path, table, labels, domains={"source": ["day"], "target": ["nigth"]})
    assert (
        "domains.target names 'nigth', which no row of t.csv has in the column 'when'; did you mean 'night'?"
        in said
    )
    assert "It holds: day (2), night (2)." in said
    assert refused(tmp_path, table, labels, domains={"source": ["day"], "target": ["night"]}) == ""


def test_an_absolute_path_inside_of_the_source(tmp_path: Path) -> None:
    inside = rows("a", "b") + f"{tmp_path}/source/ok/3.png,a\n"
    assert "leaves the source. Write it relative to the table's folder: ok/3.png." in refused(
        tmp_path, inside, {}
    )
    outside = rows("a", "b") + "/elsewhere/3.png,a\n"
    assert "the files must lie in the folder of data.source." in refused(tmp_path, outside, {})


@pytest.mark.parametrize("sections", [{}, REGRESSION], ids=["classes", "numbers"])
def test_texts_in_the_place_of_labels_are_shortened(tmp_path: Path, sections: dict[str, object]) -> None:
    said = refused(tmp_path, rows(*(f'"{LONG.format(n)}"' for n in range(12))), {}, **sections)
    assert "'A long text about 3, of several lines,…'" in said
    assert "longer than any name" not in said
    assert said.count("A long text about ") == 10
    assert said.count("Is data.labels.label, 'label', the right column?") == 1


def test_texts_that_begin_alike_stay_different(tmp_path: Path) -> None:
    said = refused(tmp_path, rows(*(f'"{LONG.format("x")} {n}"' for n in range(3))), {})
    assert "class 'A long text about x, of several lines,…' has 1 sample, " in said
    assert "class 'A long text about x, of severa… (3)' has 1 sample, " in said


def test_long_values_that_are_declared_are_no_mistake(tmp_path: Path) -> None:
    classes = {"one": LONG.format(1), "two": LONG.format(2), "three": "other"}
    said = refused(tmp_path, rows(*(f'"{LONG.format(n % 2 + 1)}"' for n in range(6))), {"classes": classes})
    assert "class 'three' is empty" in said
    assert "belong to no class" not in said


def test_numbers_outside_the_range(tmp_path: Path) -> None:
    said = refused(tmp_path, rows("0.5", "3.5", "-2", "1"), {}, **REGRESSION)
    assert "outside task.range 0 to 1" in said
    assert (
        "The data hold label from -2 to 3.5. Where these numbers are right, change task.range: [-2, 3.5], or wider."
        in said
    )
    assert "the right column" not in said
    several = {**REGRESSION, "task": {**REGRESSION["task"], "range": {"a": [0, 1]}}}  # type: ignore[dict-item]
    table = rows("1,7", "2,8", header="path,a,b\n")
    assert "change task.range: {a: [1, 2], b: [7, 8]}, or wider." in refused(
        tmp_path, table, {"label": ["a", "b"]}, **several
    )


def test_a_table_without_a_header(tmp_path: Path) -> None:
    hint = "name all columns in data.labels.header, in their order, these among them: path, label."
    assert hint in refused(tmp_path, rows("a", "b", header=""), {})
    assert hint not in refused(tmp_path, rows("a", "b", header="path,labels\n"), {})
    assert hint not in refused(tmp_path, rows("a", "b", header="paths;labels\n"), {})


def test_an_empty_table(tmp_path: Path) -> None:
    said = refused(tmp_path, "", {})
    assert said.startswith("t.csv is empty. It needs a line with the columns' names")
