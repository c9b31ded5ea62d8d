"""params.yaml and the environment as an attacker, or somebody careless, would write them."""

import pytest
from clones import Line

from components.storage.publish import sha256_tree

CANARY = "canary-7f3a9"
# Unfolds to 10^9 values: DVC by itself sits over it for more than a minute.
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("text", [BOMB, "seed: !!python/object/apply:os.system ['touch pwned']\n"])
def test_yaml_that_bites_is_refused(fresh: Line, text: str) -> None:
    (fresh.root / "params.yaml").write_text(text)
    for command in ("check", "version_data"):
        done = fresh.run("components", command, timeout=60)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
    assert not (fresh.root / "pwned").exists()


def test_an_address_with_a_password_stops_everything_and_is_not_repeated(fresh: Line) -> None:
    lock = (fresh.root / "data" / "source.lock").read_bytes()
    fresh.set("data", source=f"https://user:{CANARY}@example.org/pictures.zip", sha256="0" * 64)
    for command in ("check", "refresh", "register"):
        done = fresh.run("components", command)
        assert done.returncode == 2
        assert "holds a password" in done.stderr
        assert CANARY not in done.stdout + done.stderr
    assert (fresh.root / "data" / "source.lock").read_bytes() == lock
    assert holders(fresh) == ["params.yaml"]


@pytest.mark.faults
def test_a_shell_in_parameters_stays_text_and_secrets_stay_where_they_were(fresh: Line, begun: Line) -> None:
    shell = "$(touch pwned); `touch pwned` && touch pwned"
    fresh.set("data", licence=shell)
    fresh.set("tracking", uri=f"http://user:{CANARY}@127.0.0.1:9", experiment=shell)
    secrets = ("AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
    said = ""
    for words in (("components", "refresh"), ("dvc", "repro", "-v", "version_data")):
        done = fresh.run(*words, more=dict.fromkeys(secrets, CANARY))
        assert done.returncode == 0, done.stderr
        said += done.stdout + done.stderr
    assert CANARY not in said
    assert holders(fresh) == ["params.yaml"]
    assert not (fresh.root / "pwned").exists()
    shards = [sha256_tree(line.root / "dataset" / "shards") for line in (fresh, begun)]
    assert shards[0] == shards[1]


@pytest.mark.parametrize(("section", "key"), [("tune", "method"), ("task", "problem"), ("backbone", "name")])
def test_names_that_become_paths_are_names_from_a_table(fresh: Line, section: str, key: str) -> None:
    fresh.set(section, **{key: "x.py; touch pwned; ../../x"})
    done = fresh.run("components", "check")
    assert done.returncode == 2
    assert key in done.stderr
    assert not (fresh.root / "pwned").exists()


def holders(line: Line) -> list[str]:
    """Files of the workspace that hold the canary."""
    files = (path for path in line.root.rglob("*") if path.is_file())
    return sorted(str(p.relative_to(line.root)) for p in files if CANARY.encode() in p.read_bytes())
