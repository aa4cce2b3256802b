"""The container files against the code that they start, since most machines that run the tests have no engine."""

import json
import re
import tomllib
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from prometheus_client import CollectorRegistry
from pydantic_settings import BaseSettings

from cli.logs import LogSettings
from cli.main import app
from consumers.relay.settings import RelaySettings
from consumers.resolver.settings import ResolverSettings
from consumers.runtime.health import HealthServer
from consumers.settings import ConsumerSettings
from db.settings import DatabaseSettings
from ingress.settings import IngressSettings
from schemas.settings import KafkaSettings

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
MODELS: dict[str, type[BaseSettings]] = {
    "migrate": DatabaseSettings,
    "topics": KafkaSettings,
    "ingress": IngressSettings,
    "consumer": ConsumerSettings,
    "relay": RelaySettings,
    "resolver": ResolverSettings,
}
POSTGRES_NAMES = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}
KAFKA_SETTINGS = """
    node.id process.roles listeners advertised.listeners listener.security.protocol.map inter.broker.listener.name
    controller.listener.names controller.quorum.voters log.dirs auto.create.topics.enable
    offsets.topic.replication.factor transaction.state.log.replication.factor transaction.state.log.min.isr
    share.coordinator.state.topic.replication.factor share.coordinator.state.topic.min.isr
    group.initial.rebalance.delay.ms group.consumer.session.timeout.ms group.consumer.min.session.timeout.ms
    group.consumer.heartbeat.interval.ms group.consumer.min.heartbeat.interval.ms
"""
KAFKA_NAMES = {f"KAFKA_{name.upper().replace('.', '_')}" for name in KAFKA_SETTINGS.split()} | {
    "CLUSTER_ID",
    "KAFKA_HEAP_OPTS",
}
"""Broker settings (Kafka 4.3's documentation), as the image reads them."""
_REFERENCE = re.compile(r"\$\{(?P<name>\w+)(?P<rule>:[-?])?(?P<text>[^}]*)\}")


def variables(*models: type[BaseSettings]) -> set[str]:
    """The environment variables that settings models read."""
    return {name.upper() for model in models for name in model.model_fields}


def unknown_variables(environment: Mapping[str, object], known: set[str]) -> set[str]:
    """What a container is given, but nobody in it reads."""
    return set(environment) - known


def complaint(words: list[str]) -> str | None:
    """What a user would be told of a command line, which is parsed, not run; None when it is right."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands"):
        if rest[0] not in command.commands:
            return f"No such command {rest[0]!r}"
        command = command.commands[rest.pop(0)]
    try:
        command.make_context(words[0], rest)
    except Exception as error:  # noqa: BLE001  # whatever the parser raises is a refusal
        return str(error) or type(error).__name__
    return None


def instructions(name: str) -> list[str]:
    """The arguments of an instruction of the Dockerfile."""
    return [line.removeprefix(f"{name} ").strip() for line in DOCKERFILE.splitlines() if line.startswith(f"{name} ")]


def filled_in(value: object, given: Mapping[str, str]) -> str:
    """A value with its references replaced, as compose does it."""

    def replaced(match: re.Match[str]) -> str:
        return given.get(match["name"]) or (match["text"] if match["rule"] == ":-" else "")

    return _REFERENCE.sub(replaced, str(value))


def example_names() -> dict[str, str]:
    """Names and values of `.env.example`."""
    lines = [line for line in (ROOT / ".env.example").read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def probed_urls(test: list[str]) -> list[str]:
    """The addresses that a health check asks."""
    return re.findall(r"http://[\w.]+:\d+/\w+", " ".join(test))


@pytest.mark.parametrize("name", OURS)
def test_every_service_runs_a_command_that_exists(name: str) -> None:
    """Commands and options of compose are those of the command line."""
    assert complaint(SERVICES[name]["command"]) is None


def test_the_image_runs_a_command_that_exists() -> None:
    """The entry point is an installed script, and its default words are a command."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]

    assert json.loads(instructions("ENTRYPOINT")[0]) == [*scripts]
    assert complaint(json.loads(instructions("CMD")[0])) is None


@pytest.mark.parametrize("words", [["consume"], ["consumer", "--worker", "2"], ["consumer", "--workers", "two"]])
def test_a_command_that_does_not_exist_would_be_caught(words: list[str]) -> None:
    """The check above refuses unknown commands, unknown options and wrong values."""
    assert complaint(words) is not None


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_our_services_is_read_by_them(name: str) -> None:
    """A variable that nobody reads would be a setting without effect."""
    shared = set(COMPOSE["x-settings"])
    known = variables(MODELS[name], LogSettings)

    assert unknown_variables(SERVICES[name]["environment"], known | shared) == set()
    assert shared <= variables(KafkaSettings, DatabaseSettings, LogSettings)


def test_every_variable_of_the_servers_images_is_known() -> None:
    """The names are those of the images' documentation."""
    assert unknown_variables(SERVICES["kafka"]["environment"], KAFKA_NAMES) == set()
    assert unknown_variables(SERVICES["postgres"]["environment"], POSTGRES_NAMES) == set()


def test_the_images_own_variables_are_read_by_the_ingress() -> None:
    """What the Dockerfile sets for the processes is a setting of the ingress."""
    names = set(re.findall(r"(\w+)=", instructions("ENV")[-1])) - {"PATH"}
    python = {name for name in names if name.startswith("PYTHON")}

    assert unknown_variables(dict.fromkeys(names - python), variables(IngressSettings)) == set()


def test_an_unknown_variable_would_be_caught() -> None:
    """The check above refuses a misspelt name."""
    assert unknown_variables({"KAFKA_BOOTSTRAP_SERVER": ""}, variables(KafkaSettings)) == {"KAFKA_BOOTSTRAP_SERVER"}


@pytest.mark.parametrize("name", OURS)
def test_the_values_are_ones_that_the_settings_accept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the example's values and two secrets, every process can start."""
    given = {
        **example_names(),
        "WEBHOOK_SECRET": "w" * 64,
        "POSTGRES_PASSWORD": "p" * 64,
        "API_TOKEN": "t" * 64,
        "OPT_OUT_KEY": "o" * 64,
    }
    for variable, value in SERVICES[name]["environment"].items():
        monkeypatch.setenv(variable, filled_in(value, given))

    for model in (MODELS[name], LogSettings):
        assert isinstance(model(), model)


def test_the_example_is_what_compose_takes_from_it() -> None:
    """`.env.example` names exactly compose's variables; what is empty in it stops compose with a sentence."""
    found = [*_REFERENCE.finditer((ROOT / "docker-compose.yml").read_text())]
    defaults = {match["name"]: match["text"] for match in found if match["rule"] == ":-"}
    needed = {match["name"]: match["text"] for match in found if match["rule"] == ":?"}

    assert dict.fromkeys(needed, "") | defaults == example_names()
    assert all(text.startswith(f"set {name} in .env") for name, text in needed.items())


def test_everything_is_published_on_loopback_only() -> None:
    """No port is open to the network by default."""
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert len(published) == 3
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_ingress_port_is_the_same_everywhere() -> None:
    """Image, published port and health checks mean one port."""
    port = re.search(r"\bINGRESS_PORT=(\d+)", instructions("ENV")[-1])
    assert port is not None
    target = SERVICES["ingress"]["ports"][0].rsplit(":", 1)[1]
    probed = probed_urls(SERVICES["ingress"]["healthcheck"]["test"]) + probed_urls([*instructions("HEALTHCHECK")])

    assert instructions("EXPOSE") == [port[1]]
    assert target == port[1]
    assert [url.split(":")[2].split("/")[0] for url in probed] == [port[1]] * 2


@pytest.mark.parametrize("name", ["consumer", "relay", "resolver"])
def test_health_checks_of_the_workers_ask_where_they_answer(name: str) -> None:
    """Port and path are the process's own."""
    [url] = probed_urls(SERVICES[name]["healthcheck"]["test"])
    port, _, path = url.removeprefix("http://127.0.0.1:").partition("/")

    assert int(port) == SERVICES[name]["environment"][f"{name.upper()}_HTTP_PORT"]
    with (
        closing(HealthServer("127.0.0.1", 0, lambda: None, lambda: None, CollectorRegistry())) as server,
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/{path}", timeout=5) as answer,
    ):
        assert answer.status == 200


def test_the_ingress_health_checks_ask_for_routes_that_exist() -> None:
    """The paths are among those that the ingress serves."""
    source = "".join(path.read_text() for path in (ROOT / "ingress").rglob("*.py"))
    probed = probed_urls(SERVICES["ingress"]["healthcheck"]["test"]) + probed_urls([*instructions("HEALTHCHECK")])

    for url in probed:
        assert f'"/{url.rsplit("/", 1)[1]}"' in source


def test_addresses_are_those_of_the_services() -> None:
    """Containers and clients on this machine look for the servers where they listen."""
    host, outer, inner = SERVICES["kafka"]["ports"][0].split(":")
    settings: dict[str, str] = COMPOSE["x-settings"]
    kafka, postgres = SERVICES["kafka"]["environment"], SERVICES["postgres"]["environment"]
    bootstrap = settings["KAFKA_BOOTSTRAP_SERVERS"]
    assert f"PLAINTEXT://{bootstrap}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert f"PLAINTEXT://:{bootstrap.split(':')[1]}" in kafka["KAFKA_LISTENERS"].split(",")
    assert f"HOST://{host}:{outer}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert f"HOST://:{inner}" in kafka["KAFKA_LISTENERS"].split(",")
    assert settings["DATABASE_URL"].endswith(f"@postgres:5432/{postgres['POSTGRES_DB']}")
    assert settings["DATABASE_URL"].startswith(f"postgresql://{postgres['POSTGRES_USER']}:")


def test_services_start_in_order() -> None:
    """Tables and topics are there before anything uses them; a server that is waited for can tell that it is well."""
    for name in ("ingress", "consumer", "relay", "resolver"):
        conditions = {other: rule["condition"] for other, rule in SERVICES[name]["depends_on"].items()}
        assert conditions == dict.fromkeys(("migrate", "topics"), "service_completed_successfully")
    for service in SERVICES.values():
        for other, rule in service.get("depends_on", {}).items():
            if rule["condition"] == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"]


def test_data_outlives_the_containers() -> None:
    """Kafka's log and PostgreSQL's files are on named volumes, where the images keep them."""
    volumes = {name: SERVICES[name]["volumes"] for name in ("kafka", "postgres")}

    assert volumes == {"kafka": ["kafka-data:/var/lib/kafka/data"], "postgres": ["postgres-data:/var/lib/postgresql"]}
    assert SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"] == "/var/lib/kafka/data"
    assert set(COMPOSE["volumes"]) == {"kafka-data", "postgres-data"}


@pytest.mark.parametrize("name", OURS)
def test_our_services_may_do_as_little_as_possible(name: str) -> None:
    """No root, no capabilities, no writable files but /tmp."""
    service = SERVICES[name]
    user, group = instructions("USER")[-1].split(":")

    assert int(user) >= 1000
    assert int(group) >= 1000
    assert "user" not in service
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108  # a path in the container
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_images_are_pinned_to_a_version() -> None:
    """No image changes its major version by itself."""
    images = [service["image"] for name, service in SERVICES.items() if name not in OURS]
    images += [re.sub(r" AS \w+$", "", line) for line in instructions("FROM")]

    assert len(images) == 4
    assert all(re.fullmatch(r"[\w/]+:\d[\w.-]*", image) for image in images)


def test_the_image_holds_nothing_that_is_not_locked() -> None:
    """Dependencies come from the locked file, with hashes; the package itself brings no others."""
    installs = [line for line in instructions("RUN") if "/opt/venv/bin/pip install" in line]

    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert "-r /src/requirements/runtime.txt" in installs[0]
    assert "--no-deps" in installs[1]
    assert (ROOT / "requirements" / "runtime.txt").is_file()
