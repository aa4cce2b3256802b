"""A pipeline of a test's own."""

from collections.abc import Callable

import pytest

from consumers.steps import PipelineContext, PipelineSettings

MakeContext = Callable[..., PipelineContext]


@pytest.fixture
def make_context(database_url: str) -> MakeContext:
    """Contexts of one pipeline, without Kafka: `make_context("run", wait_seconds=1)`."""

    def make(run: str = "today", wait_seconds: float = 60.0) -> PipelineContext:
        settings = PipelineSettings.model_validate({"database_url": database_url})
        return PipelineContext("nightly", run, settings, wait_seconds)

    return make
