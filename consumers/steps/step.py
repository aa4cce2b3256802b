"""A step: a named function from one frozen value to another that has one effect, however often it is called.

Each run is a row of `pipeline_operations`. Whoever calls while another is at the same run waits for it, and gets what
it gave; what failed, or was left behind by a crash, is run again.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError

from consumers.steps.context import PipelineContext, check_key
from consumers.steps.errors import InvalidInputError, OtherInputError
from consumers.steps.models import Value
from db.errors import DatabaseError
from db.operations import Begun, Done, OperationKey, OtherInput

In = TypeVar("In", bound=Value)
Out = TypeVar("Out", bound=Value)
MAX_ERROR_CHARACTERS: Final = 1000


@dataclass(frozen=True, slots=True)
class Run:
    """What the work of a step is given besides its input.

    Attributes:
        first_at: when the first attempt began, by the database's clock, ms UTC; the same in every later one.
        at: when this one began.
        name: the same in every attempt of this run, and in no other run.
    """

    context: PipelineContext
    first_at: int
    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Step(Generic[In, Out]):
    """A step of a pipeline.

    Attributes:
        name: as it is recorded, after the pipeline's name.
        takes: the class of its input.
        gives: the class of its output.
        about: the company that a run is recorded for.
        work: what it does; its effects must be the same when it is done again after a crash.
        lay: what the input adds to what came out, each time that it is returned: nothing of it is recorded. Pure.
    """

    name: str
    takes: type[In]
    gives: type[Out]
    about: Callable[[In], str]
    work: Callable[[In, Run], Out]
    lay: Callable[[In, Out], Out] = lambda _, output: output

    def execute(self, given: In | Mapping[str, Any], context: PipelineContext, *, key: str | None = None) -> Out:
        """Run the step, unless it was run: then what came out is returned.

        Args:
            given: the input, or its fields by name.
            context: the run of the pipeline.
            key: the idempotency key, where the run's name does not do: the same step for the same company twice.

        Raises:
            InvalidInputError: the input or the key is wrong.
            OtherInputError: the key was used with another input.
            OperationBusyError: somebody else is at it for too long.
            RetryableDatabaseError: the database is away; call again.
            Exception: what the work raised; it was recorded, and calling again runs it again.
        """
        asked = self._validated(given)
        key = context.run if key is None else key
        check_key("key", key)
        operation = OperationKey(self.about(asked), f"{context.pipeline}.{self.name}", key)
        while True:
            with context.operations.held(operation, 2 * context.wait_seconds):
                output = self._once(asked, operation, context)
            if output is not None:
                return self.lay(asked, output)

    def _once(self, asked: In, operation: OperationKey, context: PipelineContext) -> Out | None:
        """What came out, now or before; None when somebody has overtaken us after our connection broke."""
        match context.operations.begin(operation, _hash(asked)):
            case Done(output):
                return self.gives.model_validate(output)
            case OtherInput():
                raise OtherInputError(
                    f"{operation.step} was run for {operation.company_id} with the key {operation.key!r} and another "
                    "input: give this run a key of its own"
                )
            case Begun() as begun:
                return self._run(asked, operation, begun, context)

    def _run(self, asked: In, operation: OperationKey, begun: Begun, context: PipelineContext) -> Out | None:
        began = time.monotonic()
        try:
            output = self.work(asked, Run(context, begun.first_at, begun.at, _name(operation)))
        except BaseException as error:
            with suppress(DatabaseError):  # it stays `running`, which nobody holds: calling again runs it again
                why = f"{type(error).__name__}: {error}"[:MAX_ERROR_CHARACTERS]
                context.operations.fail(operation, begun, why, time.monotonic() - began)
            raise
        kept = context.operations.succeed(operation, begun, output.model_dump(mode="json"), time.monotonic() - began)
        return output if kept else None

    def _validated(self, given: In | Mapping[str, Any]) -> In:
        if isinstance(given, self.takes):
            return given
        try:
            return self.takes.model_validate(given)
        except ValidationError as error:
            told = (
                f"{'.'.join(map(str, each['loc'])) or 'input'}: {each['msg'].removeprefix('Value error, ')}"
                for each in error.errors()
            )
            raise InvalidInputError(f"{self.name}: {'; '.join(told)}") from error


def _hash(asked: Value) -> str:
    text = json.dumps(asked.model_dump(mode="json"), sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _name(operation: OperationKey) -> str:
    return hashlib.blake2b(json.dumps(operation).encode(), digest_size=16).hexdigest()
