"""Promotion with a real registry and releases whose accuracy is known: who becomes champion, and who does not."""

import shutil
from pathlib import Path

import pytest
from promoted import Line

from components.errors import DigestMismatch, GateRefused, RegistryError
from components.inference.bundle import open_bundle
from components.registry.fetch import fetch
from components.registry.reference import Shelf
from components.registry.register import DIGEST_TAG
from components.stages import evaluate
from components.stages.promote import promote
from components.storage.publish import read_json, sha256_tree, write_json
from flows.standing import ruling_lines


@pytest.fixture
def line(new_line: Line) -> Line:
    return new_line


def test_the_first_release_needs_its_gates_only(line: Line) -> None:
    done = line.promoted()
    assert (done.outcome, done.champion, line.champion) == ("promote", "1", "1")
    assert line.kinds == ["promote", "moved"]
    target = line.entries[-1].note.target
    assert target is not None
    assert target.digest == sha256_tree(line.root / "release")
    assert line.desk.alias("challenger") is None


def test_what_is_champion_already_is_said_and_not_written_again(line: Line) -> None:
    line.promoted()
    done = promote(line.root, line.params)
    assert (done.outcome, done.champion) == ("champion", "1")
    assert list(ruling_lines(done)) == ["Promotion: version 1 is champion already"]
    assert line.kinds == ["promote", "moved"]


def test_a_better_release_follows_and_a_worse_one_does_not(line: Line) -> None:
    line.promoted(boundary=160)
    better = line.promoted()
    assert (better.outcome, line.champion) == ("promote", "2")
    assert better.ruling.reasons[0].startswith("it is superior: balanced_accuracy")
    worse = line.promoted(boundary=170)
    assert (worse.outcome, worse.champion, line.champion) == ("keep", "2", "2")
    assert line.kinds == ["promote", "moved", "promote", "moved", "keep"]
    promote(line.root, line.params)
    assert line.kinds[-2:] == ["moved", "keep"], "the same ruling again is no news"
    facts = line.entries[-1].note.facts
    assert facts["test_samples"] > 100
    assert facts["git_dirty"] == "false"


def test_both_are_asked_about_every_raw_test_sample(line: Line) -> None:
    """Champion: decided wrong between 128 and 160. Candidate: all right. McNemar counts them."""
    from components.data.dataset import Dataset

    line.promoted(boundary=160)
    done = line.promoted()
    decisions = next(rule for rule in done.ruling.rules if rule.kind == "decisions")
    dataset = Dataset.open(line.root / "dataset")
    gained = int(decisions.evidence.split()[0])
    accuracy = next(rule for rule in done.ruling.rules if rule.metric == "accuracy")
    assert decisions.n == len(dataset.ids("test"))
    assert accuracy.estimate == pytest.approx((gained - int(decisions.evidence.split()[2])) / decisions.n)
    digest = evaluate.test_digest(dataset.ids("test"))
    assert evaluate.count(line.root / ".graftline", digest) == 1, "a look at the test side is counted"


def test_as_good_is_enough_with_newer_data_only(line: Line, datasets: dict[str, Path]) -> None:
    line.promoted()
    assert line.promoted(parity_note="another file").outcome == "keep"
    line.take(datasets["more"])
    # 180 samples cannot show a loss below 0.02: that takes 213, without a decision that differs.
    done = line.given(margin=0.05).promoted(boundary=128.5)
    assert (done.outcome, line.champion) == ("promote", "3")
    assert "newer samples" in done.ruling.reasons[0]


def test_a_champion_that_knows_test_samples_is_no_opponent(line: Line, datasets: dict[str, Path]) -> None:
    line.promoted(boundary=160)
    line.take(datasets["other"])
    done = line.promoted()
    assert (done.outcome, line.champion) == ("refused", "1")
    assert "the champion was made from" in done.ruling.reasons[0]
    assert line.kinds[-1] == "refused"


def test_a_champion_of_format_1_is_compared_beaten_and_brought_back(line: Line) -> None:
    """Wrong between 128 and 160; what was registered before the format changed stays an opponent and a way back."""
    first = line.promoted(boundary=160, format_1=True)
    assert "format" not in read_json(line.stored("1") / "release" / "manifest.json")
    done = line.promoted()
    assert (first.outcome, done.outcome, line.champion) == ("promote", "promote", "2")
    accuracy = next(rule for rule in done.ruling.rules if rule.metric == "accuracy")
    assert accuracy.estimate is not None
    assert 0 < accuracy.estimate < 0.3
    with line.desk.locked():
        line.desk.rollback(None, "ada@host", "callers know the old format only")
    fetched = fetch(line.root, line.params.tracking)
    assert fetched.version == "1"
    assert open_bundle(fetched.folder).decision.promises["positive"] == "light"
    assert line.promoted(boundary=190).outcome == "keep", "and it is an opponent again"


@pytest.mark.parametrize(("dirty", "words"), [("true", "no commit holds"), ("", "no git commit was known")])
def test_uncommitted_work_is_not_promoted_unless_allowed(line: Line, dirty: str, words: str) -> None:
    done = line.promoted(dirty=dirty)
    assert (done.outcome, line.champion) == ("refused", None)
    assert words in done.ruling.reasons[0]
    assert promote(line.root, line.given(allow_dirty=True).params).outcome == "promote"


def test_todays_gate_is_asked_and_not_yesterdays(line: Line) -> None:
    line.registered(boundary=160)
    strict = [{"metric": "accuracy", "at_least": 0.99}]
    values = {**line.params.model_dump(mode="json"), "gate": {"rules": strict}}
    done = promote(line.root, type(line.params).model_validate(values))
    assert done.outcome == "refused"
    assert any("accuracy at least 0.99" in reason for reason in done.ruling.reasons)


def test_other_classes_are_another_model(line: Line) -> None:
    line.promoted(boundary=160)
    line.registered(classes=["dark", "bright"], positive="bright")
    done = promote(line.root, line.params)
    assert done.outcome == "refused"
    assert "the candidate between bright, dark" in done.ruling.reasons[0]


def test_classes_in_another_order_are_the_same_classes(line: Line) -> None:
    """The champion calls class 0 light: its answers are turned, so it is wrong throughout, and beaten."""
    line.promoted()
    line.registered(classes=["light", "dark"], positive="dark")
    done = promote(line.root, line.params)
    accuracy = next(rule for rule in done.ruling.rules if rule.metric == "accuracy")
    assert accuracy.estimate is not None
    assert accuracy.estimate < -0.9


def test_a_release_that_nobody_registered_is_refused(line: Line) -> None:
    line.release()
    with pytest.raises(GateRefused, match=r"no version of cells.*components register"):
        promote(line.root, line.params)
    verdict = {"verdict": "inconclusive", "release_sha256": sha256_tree(line.root / "release")}
    write_json(line.root / "verdict.json", verdict)
    with pytest.raises(
        GateRefused, match=r"no version of cells: the gate's verdict .* is inconclusive\. See .*html"
    ):
        promote(line.root, line.params)


def test_data_that_changed_since_the_release_are_refused(line: Line, datasets: dict[str, Path]) -> None:
    line.registered()
    line.take(datasets["more"])
    reasons = promote(line.root, line.params).ruling.reasons
    assert any("made from other data" in reason for reason in reasons)
    assert any("another test side" in reason for reason in reasons)


def test_changed_or_lost_bytes_of_the_champion_stop_everything(line: Line) -> None:
    line.promoted(boundary=160)
    line.registered()
    before, model = line.kinds, line.stored("1") / "release" / "model.onnx"
    kept = model.read_bytes()
    model.write_bytes(kept[:-1] + b"\0")
    with pytest.raises(DigestMismatch, match=r"cells version 1 .* other bytes"):
        promote(line.root, line.params)
    shutil.rmtree(line.stored("1"))
    with pytest.raises(RegistryError, match=r"cells version 1 .* cannot be read"):
        promote(line.root, line.params)
    assert (line.champion, line.kinds) == ("1", before)


def test_a_tag_that_says_otherwise_changes_nothing(line: Line) -> None:
    """The champion's bytes and its tag are exchanged together: the ledger knows better."""
    line.promoted(boundary=160)
    line.registered()
    model = line.stored("1") / "release" / "parity.json"
    model.write_text("{}")
    client = line.desk.connection.client
    client.set_model_version_tag("cells", "1", "graftline.release_sha256", sha256_tree(model.parent))
    with pytest.raises(DigestMismatch):
        promote(line.root, line.params)


def test_who_scores_or_monitors_asks_the_ledger_and_not_the_registry_alone(line: Line) -> None:
    line.promoted(boundary=160)
    line.promoted()
    tracking, client = line.params.tracking, line.desk.connection.client
    assert fetch(line.root, tracking).version == "2"
    client.set_registered_model_alias("cells", "champion", "1")
    shelf = Shelf(line.root, tracking)
    for look in (lambda: fetch(line.root, tracking), shelf.find):
        with pytest.raises(RegistryError, match="somebody moved it past the ledger"):
            look()
    assert fetch(line.root, tracking, "1").version == "1"
    client.set_registered_model_alias("cells", "champion", "2")
    client.set_model_version_tag("cells", "2", DIGEST_TAG, "0" * 64)
    for version in (None, "2"):
        with pytest.raises(DigestMismatch, match="check who can write to the registry"):
            fetch(line.root, tracking, version)
        with pytest.raises(DigestMismatch, match="check who can write to the registry"):
            shelf.find(version)


def test_an_alias_without_a_ledger_is_not_believed(line: Line) -> None:
    """The ledger is deleted, and the classes of the released manifest are exchanged together with the tag."""
    line.promoted(boundary=160)
    shutil.rmtree(line.root / ".graftline" / "mlflow" / "mlflow.ledger")
    manifest = line.stored("1") / "release" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"dark",', '"?",').replace('"light"\n', '"dark"\n'))
    client, tracking = line.desk.connection.client, line.params.tracking
    client.set_model_version_tag("cells", "1", DIGEST_TAG, sha256_tree(manifest.parent))
    shelf = Shelf(line.root, tracking)
    for look in (lambda: fetch(line.root, tracking), shelf.find):
        with pytest.raises(RegistryError, match=r"nothing serves.*flows\.promote clear"):
            look()
    line.desk.clear("ada@host")
    line.registered()
    assert promote(line.root, line.params).outcome == "promote"
    assert fetch(line.root, tracking).version == "2"


def test_what_was_rolled_back_does_not_come_back_by_itself(line: Line) -> None:
    line.promoted(boundary=160)
    line.promoted()
    desk = line.desk
    with desk.locked():
        now = desk.rollback(None, "ada@host", "it is too eager")
    assert now.champion is not None
    assert (now.champion.number, line.champion) == ("1", "1")
    done = promote(line.root, line.params)
    assert done.outcome == "refused"
    assert "rollback --to 2" in done.ruling.reasons[0]
    with desk.locked():
        desk.rollback("2", "ada@host", "")
    assert line.champion == "2"


def test_an_older_version_is_never_promoted(line: Line) -> None:
    line.registered(boundary=160)
    old = line.root / "old"
    for name in ("release", "evaluation"):
        shutil.copytree(line.root / name, old / name)
    line.promoted()
    for name in ("release", "evaluation"):
        shutil.rmtree(line.root / name)
        shutil.copytree(old / name, line.root / name)
    done = promote(line.root, line.params)
    assert (done.outcome, line.champion) == ("refused", "2")
    assert "version 1 < 2" in done.ruling.reasons[0]


def test_there_is_nothing_to_roll_back_to_before_the_second(line: Line) -> None:
    line.promoted()
    with pytest.raises(GateRefused, match="nothing to go back to"):
        line.desk.rollback(None, "ada@host", "")
    with pytest.raises(GateRefused, match="version 7 was never champion"):
        line.desk.rollback("7", "ada@host", "")


def test_a_person_decides_where_params_ask_for_one(line: Line) -> None:
    line.promoted(boundary=160)
    asked = line.given(approval="required")
    asked.registered()
    assert promote(line.root, asked.params).outcome == "waits"
    assert (line.champion, line.desk.alias("challenger")) == ("1", "2")
    assert promote(line.root, asked.params).outcome == "waits"
    assert line.kinds == ["promote", "moved", "challenge"]
    desk = line.desk
    with pytest.raises(GateRefused, match=r"version 3 does not wait for approval \(waiting: 2\)"):
        desk.approve("3", "ada@host", "")
    for _ in range(2):  # again does no harm
        now = desk.approve("2", "ada@host", "seen by the line's owner")
        assert now.champion is not None
        assert now.champion.number == "2"
    assert (line.champion, desk.alias("challenger")) == ("2", None)
    decided = line.entries[-2].note
    assert (decided.kind, decided.who) == ("promote", "ada@host")
    assert decided.reasons[-1] == "approved by ada@host: seen by the line's owner"
    assert decided.facts["proposed_by"] == line.entries[2].note.who


def test_a_no_is_kept_and_a_changed_champion_ends_the_wait(line: Line) -> None:
    line.promoted(boundary=160)
    line.given(approval="required").promoted(boundary=140)
    desk = line.desk
    desk.reject("2", "ada@host", "not before the audit")
    assert line.kinds[-1] == "reject"
    assert (line.champion, desk.alias("challenger")) == ("1", None)
    line.given(approval="required").promoted(boundary=130)
    line.promoted()
    with pytest.raises(GateRefused, match="does not wait"):
        desk.approve("3", "ada@host", "")
    assert line.champion == "4"


def test_an_alias_that_somebody_moved_past_the_ledger_stops_promotion_until_a_person_decides(
    line: Line,
) -> None:
    line.promoted(boundary=160)
    line.registered()
    desk = line.desk
    desk.connection.client.set_registered_model_alias("cells", "champion", "2")
    with pytest.raises(
        RegistryError, match=r"points to version 2, the ledger says version 1.*rollback --to 1"
    ):
        promote(line.root, line.params)
    desk.rollback("1", "ada@host", "")
    assert line.champion == "1"
    assert line.entries[-2].note.facts == {"alias": "2"}
    assert promote(line.root, line.params).outcome == "promote"


def test_a_shared_registry_without_a_lock_is_refused(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAFTLINE_LEDGER_DATABASE", raising=False)
    line.release()
    tracking = line.params.tracking.model_copy(update={"uri": "https://u:canary@mlflow.example.org"})
    with pytest.raises(RegistryError, match=r"is shared.*GRAFTLINE_LEDGER_DATABASE") as caught:
        promote(line.root, line.params.model_copy(update={"tracking": tracking}))
    assert "canary" not in str(caught.value)
