"""What people see of a verdict in Prefect."""

from flows.summary import markdown


def test_the_verdict_is_a_table_and_its_words_do_not_break_it() -> None:
    rules = [
        {"outcome": "pass", "rule": "accuracy at least 0.8", "evidence": "0.876 (0.851 to 0.899, n = 711)"},
        {"outcome": "fail", "rule": "accuracy on plant=a|b at least 0.9", "evidence": "0.7"},
    ]
    table = markdown({"verdict": "fail", "rules": rules}).splitlines()
    assert table[0] == "# fail"
    assert table[2:] == [
        "| outcome | rule | evidence |",
        "|---|---|---|",
        "| pass | accuracy at least 0.8 | 0.876 (0.851 to 0.899, n = 711) |",
        "| fail | accuracy on plant=a\\|b at least 0.9 | 0.7 |",
    ]
