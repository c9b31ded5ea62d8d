"""What people see of a verdict in Prefect."""

from base64 import b64decode
from xml.etree import ElementTree

from flows.summary import markdown


def test_the_verdict_is_a_table_and_its_words_do_not_break_it() -> None:
    rules = [
        {"outcome": "pass", "rule": "accuracy at least 0.8", "evidence": "0.876 (0.851 to 0.899, n = 711)"},
        {"outcome": "fail", "rule": "accuracy on plant=a|b at least 0.9", "evidence": "0.7\nof 30"},
    ]
    table = markdown({"verdict": "fail", "rules": rules}).splitlines()
    assert table[0] == "# fail"
    assert table[2:] == [
        "| outcome | rule | evidence |",
        "|---|---|---|",
        "| pass | accuracy at least 0.8 | 0.876 (0.851 to 0.899, n = 711) |",
        "| fail | accuracy on plant=a\\|b at least 0.9 | 0.7 of 30 |",
    ]


def test_a_rule_with_an_interval_has_a_picture_that_needs_no_other_file() -> None:
    rule = {"outcome": "pass", "rule": "accuracy at least 0.8", "evidence": "0.9", "bound": 0.8}
    row = markdown({"rules": [{**rule, "estimate": 0.9, "low": 0.85, "high": 0.95}]}).splitlines()[-1]
    coded = row.partition("base64,")[2].partition(")")[0]
    drawn = ElementTree.fromstring(b64decode(coded))
    kinds = [element.get("class") for element in drawn.iter() if element.get("class")]
    assert kinds == ["chart", "allowed", "axis", "bound", "interval", "estimate"]
    assert "0.9 (0.85 to 0.95), bound 0.8" in "".join(drawn.itertext())
