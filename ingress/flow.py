"""When a connection is read: never ahead of the requests that wait on it."""

import asyncio
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl


class Flow(FlowControl):
    """Nothing more is read while requests wait for those before them: what a connection keeps is of one read."""

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        """Read on, unless some wait; only the last of them can lack a part of its body."""
        if not self._waiting:
            super().resume_reading()
