"""`make run`: everything on this machine, in the foreground, until Ctrl-C.

Starts Kafka and PostgreSQL (unless the environment names others), migrates, creates the topics, starts ingress, one
consumer, one resolver and the relay, and says where they are. Stops in the opposite order: first nothing comes in, then
what is under way ends, and is told.
"""

import fcntl
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Final

from local.process import LOOPBACK, Child, LocalServerError, end_leftover, free_port, is_free, spawn
from local.secrets import SECRET_NAMES, kept_secrets, read_env_file, write_env_file
from local.stack import Stack, seconds_since
from local.welcome import welcome
from schemas.signals import Requests

READY_SECONDS: Final = 120.0
"""Two seconds as a rule; an overloaded machine is slow, not broken. Who ends early is told at once."""
INGRESS_STOP_SECONDS: Final = 3.0
WORKER_STOP_SECONDS: Final = 3.0
WATCH_SECONDS: Final = 0.2


def up(data_dir: Path, port: int) -> int:
    """Run everything until SIGINT or SIGTERM; a second signal ends it at once.

    Args:
        data_dir: where data, secrets and logs are kept.
        port: where ingress listens, on loopback.

    Returns:
        The exit code: 0 after a stop that was asked for, 1 when something does not start or ends by itself.
    """
    stopping = _Stopping()
    try:
        with ExitStack() as stack:
            _run(stack, data_dir.absolute(), port, stopping)
    except _StopError:
        return 0
    except (LocalServerError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(_NOT_KEPT.format(folder=data_dir.absolute(), why=error))
        return 1
    return 0


_NOT_KEPT: Final = """\
The data folder {folder} cannot be used: {why}.
See that this user can write all that is in it, and that its disk has space; or keep the data elsewhere:
make run DATA_DIR=/another/folder
"""


class _StopError(Exception):
    """We were asked to stop while things were starting."""


class _Stopping:
    """Turns the first signal into `asked`, a second one into an end at once; children die with us."""

    def __init__(self) -> None:
        self.asked = False
        self._requests = Requests()
        self._fetching = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _: int, __: FrameType | None) -> None:
        if self._requests.insists():
            os._exit(1)
        if self._fetching:
            sys.stderr.write("\nStopped; what has arrived is kept\n")
            os._exit(0)
        if not self.asked:
            self.asked = True
            sys.stderr.write("\nStopping (once more to end at once)\n")

    @contextmanager
    def fetching(self) -> Iterator[None]:
        """A signal ends us at once: a download hears none, and nothing runs yet that is to stop in order."""
        self.check()
        self._fetching = True
        try:
            yield
        finally:
            self._fetching = False

    def check(self) -> None:
        """Leave off starting things.

        Raises:
            _StopError: a signal has come.
        """
        if self.asked:
            raise _StopError


def _run(stack: ExitStack, data_dir: Path, port: int, stopping: _Stopping) -> None:
    began = time.monotonic()
    data_dir.mkdir(parents=True, exist_ok=True)
    stack.enter_context(_locked(data_dir))
    for name in ("relay", "consumer", "resolver", "ingress"):
        end_leftover(data_dir / "logs" / f"{name}.pid")
    (data_dir / "env").unlink(missing_ok=True)  # of a run that was killed
    _check_port(port)
    secrets = _secrets(data_dir)
    servers = Stack(data_dir)
    with stopping.fetching():
        servers.fetch()
    stack.callback(servers.stop)
    bootstrap, url = servers.start()
    stopping.check()
    _prepare(bootstrap, url)
    stopping.check()
    known = {"DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": bootstrap, **secrets}
    children = _start_children(stack, data_dir, port, known, stopping)
    stopping.check()
    known |= {"INGRESS_URL": f"http://{LOOPBACK}:{port}"}
    write_env_file(data_dir / "env", {name: known[name] for name in _TOLD})
    stack.callback((data_dir / "env").unlink, missing_ok=True)
    sys.stdout.write(welcome(known, data_dir, seconds_since(began)))
    sys.stdout.flush()
    _watch([*servers.children(), *children], stopping)


_TOLD: Final = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", *SECRET_NAMES, "INGRESS_URL")


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """One run a data folder.

    Raises:
        LocalServerError: another one is at it.
    """
    with (data_dir / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LocalServerError(
                f"Another run (process {_holder(file)}) uses {data_dir}. Stop it, or use another folder: "
                "make run DATA_DIR=.local2 PORT=8001"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _holder(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip() or "unknown"


def _check_port(port: int) -> None:
    if not is_free(port):
        raise LocalServerError(f"Port {port} is taken. Choose another: make run PORT={port + 1}")


def _secrets(data_dir: Path) -> dict[str, str]:
    """From the environment, else from `.env` here, else made once and kept."""
    chosen = {**kept_secrets(data_dir / "secrets"), **read_env_file(Path(".env"))}
    return {name: os.environ.get(name) or chosen[name] for name in SECRET_NAMES}


def _prepare(bootstrap: str, url: str) -> None:
    from confluent_kafka import KafkaException  # noqa: PLC0415

    from db.errors import DatabaseError  # noqa: PLC0415  # loaded while the servers start
    from db.migrate import MigrationError, migrate  # noqa: PLC0415
    from schemas.admin import TopicConfigError, ensure_topics  # noqa: PLC0415
    from schemas.settings import KafkaSettings  # noqa: PLC0415

    try:
        migrate(url)
        ensure_topics(KafkaSettings(kafka_bootstrap_servers=bootstrap))
    except (DatabaseError, MigrationError, TopicConfigError) as error:
        raise LocalServerError(str(error)) from error
    except KafkaException as error:
        raise LocalServerError(f"Kafka at {bootstrap} cannot be used: {error.args[0].str()}") from error


def _start_children(
    stack: ExitStack, data_dir: Path, port: int, known: Mapping[str, str], stopping: _Stopping
) -> list[Child]:
    """Ingress, resolver, consumer and relay, all ready; ingress is stopped first, then the others side by side."""
    logs, probes, relay_probes, resolver_probes = data_dir / "logs", free_port(), free_port(), free_port()
    logs.mkdir(exist_ok=True)
    environment = {
        **read_env_file(Path(".env")),
        **os.environ,
        **known,
        "INGRESS_HOST": LOOPBACK,
        "INGRESS_PORT": str(port),
        "CONSUMER_HTTP_HOST": LOOPBACK,
        "CONSUMER_HTTP_PORT": str(probes),
        "RELAY_HTTP_HOST": LOOPBACK,
        "RELAY_HTTP_PORT": str(relay_probes),
        "RESOLVER_HTTP_HOST": LOOPBACK,
        "RESOLVER_HTTP_PORT": str(resolver_probes),
        "LOG_FORMAT": "json",
    }
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    workers: list[Child] = []
    stack.callback(_stop_side_by_side, workers)
    workers.extend(  # one by one: those that were started are stopped, should the next one fail to
        spawn(words[0], [sys.executable, "-m", "cli", *words], logs, environment=environment)
        for words in (["relay"], ["consumer", "--workers", "1"], ["resolver"])
    )
    relay, consumer, resolver = workers
    ingress = spawn("ingress", [sys.executable, "-m", "cli", "ingress"], logs, environment=environment)
    stack.callback(ingress.stop, signal.SIGTERM, INGRESS_STOP_SECONDS)
    for child, where in ((ingress, port), (consumer, probes), (resolver, resolver_probes), (relay, relay_probes)):
        await_ready(child, where, stopping.check)
    return [ingress, resolver, consumer, relay]


def _stop_side_by_side(workers: list[Child]) -> None:
    """None of them needs another one to stop: what one has not told the next one yet is in the log or the outbox."""
    with ThreadPoolExecutor(max_workers=len(workers) or 1) as threads:
        for worker in workers:
            threads.submit(worker.stop, signal.SIGTERM, WORKER_STOP_SECONDS)


_ROOT: Final = Path(__file__).resolve().parent.parent


def await_ready(child: Child, port: int, check: Callable[[], None]) -> None:
    """Wait until a child says that it is ready.

    Args:
        child: whom to wait for.
        port: where it says so.
        check: raises when nobody wants that any more.

    Raises:
        LocalServerError: it ended, or is not ready in time; with the last lines of its log.
    """

    def ready() -> bool:
        check()
        return _ready(port)

    child.wait_until(ready, READY_SECONDS)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004  # OK
    except (OSError, urllib.error.URLError):
        return False


def _watch(children: list[Child], stopping: _Stopping) -> None:
    """Wait for the signal to stop.

    Raises:
        LocalServerError: a child ended by itself.
    """
    while not stopping.asked:
        for child in children:
            if (code := child.popen.poll()) is not None:
                raise LocalServerError(f"{child.name} ended by itself with code {code}.\n{child.last_lines()}")
        time.sleep(WATCH_SECONDS)
