"""What a run of a pipeline is: who runs, which run it is, and where things are."""

import re
from types import TracebackType
from typing import Final, Self

from consumers.steps.errors import InvalidInputError
from db.operations import Operations
from db.settings import DatabaseSettings
from db.steps import StepReads
from schemas.events import InvalidChangeError, check_id
from schemas.settings import KafkaSettings

_PIPELINE: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class PipelineSettings(KafkaSettings, DatabaseSettings):
    """Where the log and the database are: the same variables as of all processes."""


class PipelineContext:
    """One run of one pipeline, used by one thread; a context that closes its connections.

    Args:
        pipeline: its name, in lower case letters, digits, `-` and `_`. Runs are recorded under it, and what it says
            about people has the source `pipeline-<name>`.
        run: the idempotency key of all its steps: whoever runs the same again gets what came out the first time.
        settings: where PostgreSQL and Kafka are; read from the environment unless given.
        wait_seconds: how long a step waits for the broker and for consumers, and twice that for whoever runs the same.

    Raises:
        InvalidInputError: a name is wrong.
    """

    def __init__(
        self,
        pipeline: str,
        run: str,
        settings: PipelineSettings | None = None,
        wait_seconds: float = 60.0,
    ) -> None:
        if not _PIPELINE.fullmatch(pipeline):
            raise InvalidInputError("pipeline: lower case letters, digits, - and _ only, a letter first, at most 63")
        check_key("run", run)
        self.pipeline, self.run = pipeline, run
        self.settings = settings or PipelineSettings()
        self.wait_seconds = wait_seconds
        url = self.settings.database_url.get_secret_value()
        self.operations = Operations(url, self.settings.database_statement_timeout_seconds)
        self.reads = StepReads(url, self.settings.database_statement_timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.operations.close()
        self.reads.close()

    @property
    def source(self) -> str:
        """Of the changes that the pipeline says."""
        return f"pipeline-{self.pipeline}"


def check_key(name: str, value: str) -> None:
    """Hold an idempotency key against the limits that every id has.

    Raises:
        InvalidInputError: it breaks one.
    """
    try:
        check_id(name, value)
    except InvalidChangeError as error:
        raise InvalidInputError(str(error)) from error
