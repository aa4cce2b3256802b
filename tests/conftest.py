"""Real servers for the tests, one pair a session however many workers there are; a topic and a schema a test."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import hypothesis
import psycopg
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from psycopg import sql

from db.migrate import migrate
from local.hold import Servers, borrow, release
from tests.support.system import System

MakeTopic = Callable[..., str]

_FOLDER: Final = "PERSON_CHANGES_TEST_SERVERS"
_OWNER: Final = "PERSON_CHANGES_TEST_OWNER"
_SERVER_FIXTURES: Final = frozenset({"servers"})
_REQUEST_SECONDS: Final = 15.0
SYSTEM_PARTITIONS: Final = 6

# Whatever processes and settings a test makes, they know each other's opt-outs.
os.environ["OPT_OUT_KEY"] = "a key of opt-outs for tests only"
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """The session's process makes the folder; its workers inherit the name."""
    if not _is_worker(config):
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="person-changes-test-")
        os.environ[_OWNER] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """The session is over, on whatever way: the servers end with it."""
    if not _is_worker(config) and (folder := os.environ.pop(_FOLDER, None)):
        release(Path(folder))
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, so that `-m "not servers"` leaves it out."""
    for item in items:
        if _SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("servers")


@pytest.fixture(scope="session")
def servers() -> Servers:
    """Kafka and PostgreSQL of this session."""
    return borrow(Path(os.environ[_FOLDER]), int(os.environ[_OWNER]), dict(os.environ))


@pytest.fixture(scope="session")
def kafka_bootstrap(servers: Servers) -> str:
    """Kafka's bootstrap servers."""
    return servers.bootstrap


@pytest.fixture(scope="session")
def server_database_url(servers: Servers) -> str:
    """The libpq URI of the session's database; nothing is migrated in its schema `public`."""
    return servers.database_url


@pytest.fixture
def make_database(server_database_url: str) -> Iterator[Callable[[], str]]:
    """Make schemas of this test's own, migrated: returns the libpq URI; gone afterwards."""
    made: list[sql.Identifier] = []

    def make() -> str:
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(server_database_url, autocommit=True) as conn:
            conn.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        made.append(sql.Identifier(name))
        separator = "&" if "?" in server_database_url else "?"
        url = f"{server_database_url}{separator}options={quote(f'-c search_path={name}')}"
        migrate(url)
        return url

    yield make
    with psycopg.connect(server_database_url, autocommit=True) as conn:
        conn.execute("SELECT set_config('lock_timeout', '10s', false)")
        for schema in made:
            conn.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))


@pytest.fixture
def database_url(make_database: Callable[[], str]) -> str:
    """The libpq URI of a schema of this test's own, migrated."""
    return make_database()


@pytest.fixture(scope="session")
def _admin(kafka_bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka_bootstrap})


@pytest.fixture
def make_topic(_admin: AdminClient) -> Iterator[MakeTopic]:
    """Make topics of this test's own: `make_topic(partitions=4, **{"retention.ms": "1000"})` returns the name."""
    made: list[str] = []

    def make(partitions: int = 4, **config: str) -> str:
        name = f"test-{uuid.uuid4().hex[:12]}"
        settings = {"message.timestamp.type": "LogAppendTime", **config}
        topic = NewTopic(name, num_partitions=partitions, replication_factor=-1, config=settings)
        _admin.create_topics([topic], request_timeout=_REQUEST_SECONDS)[name].result()
        made.append(name)
        return name

    yield make
    if made:
        for future in _admin.delete_topics(made, request_timeout=_REQUEST_SECONDS).values():
            future.exception()


@pytest.fixture
def topic(make_topic: MakeTopic) -> str:
    """A topic of this test's own, with four partitions."""
    return make_topic()


@pytest.fixture
def system(kafka_bootstrap: str, make_topic: MakeTopic, database_url: str, tmp_path: Path) -> Iterator[System]:
    """A topic and a schema for consumers and ingress of this test's own, which end with it."""
    made = System(kafka_bootstrap, make_topic(SYSTEM_PARTITIONS), SYSTEM_PARTITIONS, database_url, tmp_path)
    yield made
    made.close()
