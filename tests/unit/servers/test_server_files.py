"""Ports and passwords are chosen once, are for their owner, and stand in no command."""

import os
import shutil
import stat
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.errors import GraftlineError, StorageError
from components.params import load_params
from components.params.operation import TrackingParams
from components.registry.store import locate
from components.runtime.distribution import check_server
from components.storage.servers import use_servers
from infra.servers import launch, operate, postgres
from infra.servers import layout as layouts
from infra.servers.layout import Layout, Settings, make_settings, new_settings, read_settings, write_secret
from infra.servers.programs import NAMES, environment_file, program
from infra.servers.supervision import configure

ROOT = Path(__file__).parents[3]
CLIENT = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD", "PREFECT_API_URL", "PREFECT_API_AUTH_STRING")


def passwords(settings: Settings) -> set[str]:
    return {str(value) for key, value in vars(settings).items() if not key.endswith("_port")}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_ports_and_passwords_are_kept_and_all_different(where: Layout) -> None:
    assert read_settings(where) is None
    made = make_settings(where)
    assert make_settings(where) == made == read_settings(where)
    assert len(passwords(made)) == 5
    assert min(map(len, passwords(made))) >= 43  # 32 bytes
    assert mode(where.settings) == 0o600
    assert passwords(made).isdisjoint(passwords(new_settings()))


def test_a_port_where_somebody_listens_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "PORTS", range(20000, 20005))
    monkeypatch.setattr(layouts, "listening", lambda port: port == 20003)
    assert sorted(layouts.free_ports(4)) == [20000, 20001, 20002, 20004]


def test_damaged_settings_are_not_replaced_by_new_ones(where: Layout) -> None:
    write_secret(where.settings, '{"postgres_port": 1}')
    with pytest.raises(StorageError, match=r"settings\.json is not what"):
        make_settings(where)


def test_no_password_stands_in_a_command_or_in_a_file_that_others_can_read(
    where: Layout, programs: None
) -> None:
    settings = make_settings(where)
    configure(where, settings)
    write_secret(where.environment, environment_file(settings))
    words = [word for name in NAMES for word in program(name, where, settings).words]
    assert not [word for word in words for secret in passwords(settings) if secret in word]
    for file in (path for path in where.folder.rglob("*") if path.is_file()):
        assert mode(file) == 0o600, file


def test_the_servers_programs_send_nothing_home_and_listen_on_loopback(where: Layout, programs: None) -> None:
    settings = make_settings(where)
    made = {name: program(name, where, settings) for name in ("postgres", "mlflow", "prefect", "worker")}
    for name in ("mlflow", "prefect", "worker"):
        assert made[name].environment["DO_NOT_TRACK"] == "1"
    for name in ("mlflow", "prefect"):
        assert made[name].words[made[name].words.index("--host") + 1] == "127.0.0.1"
    assert "listen_addresses=127.0.0.1" in made["postgres"].words
    assert "--host" not in made["worker"].words, "it serves nobody"
    mlflow, prefect = made["mlflow"].environment, made["prefect"].environment
    assert mlflow["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert made["mlflow"].words[made["mlflow"].words.index("--app-name") + 1] == "basic-auth"
    assert prefect["PREFECT_SERVER_API_AUTH_STRING"].endswith(f":{settings.prefect_password}")


def test_the_page_of_the_embedded_store_listens_on_loopback_and_runs_no_jobs(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.registry.server import serve

    monkeypatch.delenv("GRAFTLINE_HOME", raising=False)
    (tmp_path / ".graftline" / "mlflow").mkdir(parents=True)
    shutil.copyfile(empty_store, tmp_path / ".graftline" / "mlflow" / "mlflow.db")
    told: dict[str, Any] = {}

    def start(words: list[str], env: dict[str, str], check: bool) -> "subprocess.CompletedProcess[str]":
        told.update(words=words, env=env)
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr("components.registry.server.subprocess.run", start)
    serve(tmp_path, load_params(ROOT / "params.yaml"), 5999)
    assert told["words"][told["words"].index("--host") + 1] == "127.0.0.1"
    assert told["env"]["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


def test_containers_are_reached_from_loopback_alone_and_ask_for_passwords() -> None:
    services = yaml.safe_load((ROOT / "infra" / "compose.yaml").read_text())["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert len(ports) >= 4
    assert [port for port in ports if not str(port).startswith("127.0.0.1:")] == []
    assert not [name for name, service in services.items() if "network_mode" in service]
    mlflow, prefect = (services[name]["environment"] for name in ("mlflow", "prefect"))
    assert mlflow["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert mlflow["MLFLOW_AUTH_ADMIN_PASSWORD"].startswith("${MLFLOW_PASSWORD:?")
    assert "PREFECT_PASSWORD:?" in prefect["PREFECT_SERVER_API_AUTH_STRING"]


def test_what_names_other_servers_is_not_handed_on(
    where: Layout, programs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere/api")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store")
    environment = program("worker", where, make_settings(where)).environment
    assert "elsewhere" not in environment["PREFECT_API_URL"]
    assert environment["AWS_ENDPOINT_URL"] == "http://store"


def test_a_workspace_with_servers_uses_them(where: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CLIENT:
        monkeypatch.setenv(name, "")  # so that what is set below goes again
        monkeypatch.delenv(name)
    tracking = TrackingParams()
    assert locate(where.root, tracking).uri.startswith("sqlite:///")
    settings = make_settings(where)
    write_secret(where.environment, environment_file(settings))
    assert locate(where.root, TrackingParams(uri="sqlite:////tmp/own.db")).uri == "sqlite:////tmp/own.db"
    assert locate(where.root, tracking).uri == f"http://127.0.0.1:{settings.mlflow_port}"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == settings.mlflow_password


def test_another_server_in_the_environment_gets_none_of_our_passwords(
    where: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CLIENT:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://elsewhere")
    write_secret(where.environment, environment_file(make_settings(where)))
    use_servers(where.root)
    assert locate(where.root, TrackingParams()).uri == "https://elsewhere"
    assert "MLFLOW_TRACKING_PASSWORD" not in os.environ
    assert "PREFECT_API_AUTH_STRING" in os.environ


def test_a_temporary_folder_that_others_can_open_is_refused(tmp_path: Path) -> None:
    launch._private(tmp_path / "mine")
    launch._private(tmp_path / "mine")
    assert mode(tmp_path / "mine") == 0o700
    (tmp_path / "mine").chmod(0o755)
    (tmp_path / "link").symlink_to(tmp_path)
    for folder in ("mine", "link"):
        with pytest.raises(StorageError, match="not a folder for this user alone"):
            launch._private(tmp_path / folder)


def test_missing_programs_are_named_with_their_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GraftlineError, match="apt-get install postgresql"):
        postgres.binary("postgres")
    for version in ("9", "15", "101"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "postgres").touch()
    assert postgres.binary("postgres") == tmp_path / "101" / "bin" / "postgres"


def test_an_old_postgresql_in_the_path_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name in ("postgres", "initdb"):
        (tmp_path / name).touch(mode=0o755)
    for version, allowed in (("13.22", False), ("14.9", True), ("", False)):
        (tmp_path / "postgres").write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        if allowed:
            assert postgres.binary("postgres") == tmp_path / "postgres"
        else:
            with pytest.raises(GraftlineError, match="version 14 or newer"):
                postgres.binary("postgres")


@pytest.mark.parametrize("name", ["mlflow", "prefect"])
def test_a_server_of_a_version_that_is_not_allowed_is_not_started(
    where: Layout, programs: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    check_server(name)
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda asked: "2.9.0" if asked == name else real(asked))
    with pytest.raises(GraftlineError, match=rf"{name} 2\.9\.0 is installed, and no server of it is started"):
        operate.up(where)
    assert not where.settings.exists(), "before anything is written"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's PostgreSQL runs as somebody else")
def test_a_folder_that_is_closed_to_postgresql_is_named(
    tmp_path: Path, programs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setenv("GRAFTLINE_HOME", str(closed / "home"))
    here = layouts.layout(tmp_path)
    with pytest.raises(StorageError, match=r"is closed to the user .*chmod o\+x"):
        postgres.initialise(here, make_settings(here))


def test_nor_is_the_page_of_the_embedded_store_or_the_temporary_server_of_a_flow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from components.registry.server import serve
    from flows.server import temporary_server

    real = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: "2.9.0" if name in ("mlflow", "prefect") else real(name)
    )
    params = load_params(ROOT / "params.yaml")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "60")
    with pytest.raises(GraftlineError, match=r"mlflow 2\.9\.0 is installed, and no server of it is started"):
        serve(tmp_path, params, 5999)
    # Tests of flows leave the address of their own server in Prefect's settings.
    nowhere = temporary_settings(restore_defaults={PREFECT_API_URL})
    with nowhere, pytest.raises(GraftlineError, match=r"prefect 2\.9\.0 is installed"), temporary_server():
        pass
