"""Which changes a company has had, and for how long that is remembered. Pure."""

from collections.abc import Callable, Mapping

from consumers.engine.state import Identity


class Memory:
    """The part of the inbox that a fold needs.

    How long a change is remembered is counted in log time from when it was read. So it follows from the log who is a
    duplicate (law L6), whenever the row itself is deleted.

    Args:
        seen: log time of changes that were read before, ms.
        lasts_ms: for how long; None: for ever.
    """

    def __init__(self, seen: Mapping[Identity, int], lasts_ms: int | None) -> None:
        self._seen, self._lasts = dict(seen), lasts_ms

    def has(self, identity: Identity, log_time: int) -> bool:
        """Whether a change is remembered at a log time."""
        at = self._seen.get(identity)
        return at is not None and (self._lasts is None or log_time < at + self._lasts)

    def add(self, identity: Identity, log_time: int) -> None:
        """Remember a change from its log time on."""
        self._seen[identity] = log_time

    def forget(self, meant: Callable[[str], bool]) -> None:
        """No event of an id that is meant is remembered."""
        self._seen = {identity: at for identity, at in self._seen.items() if not meant(identity.event_id)}

    @property
    def seen(self) -> Mapping[Identity, int]:
        """All that was added or given, with its log time."""
        return self._seen
