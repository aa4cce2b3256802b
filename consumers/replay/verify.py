"""Is live what the log says? Folds the log aside and compares."""

from dataclasses import dataclass

from consumers.replay.aside import Aside, Progress, cut_off
from consumers.replay.compare import hold_against_live
from consumers.replay.log import Offsets
from consumers.settings import ConsumerSettings
from db.comparison import Comparison
from db.shadow import Shadow


@dataclass(frozen=True, slots=True)
class Checked:
    """Live held against a fold of the log.

    Attributes:
        cut_off: where the log begins on partitions of which it has lost the beginning: what was before cannot be in
            the fold.
    """

    comparison: Comparison
    cut_off: Offsets


def verify(settings: ConsumerSettings, progress: Progress, first: int) -> Checked:
    """Fold the log into a scratch schema and compare it with live as of live's positions.

    Args:
        settings: of the live consumers.
        progress: told of every batch.
        first: at most so many rows that differ are named.

    Raises:
        ShadowBusyError: another verification is under way.
        LogError, KafkaException, DatabaseError: see `Aside.fold`.
    """
    lost = cut_off(settings)
    with Shadow(settings.database_url.get_secret_value(), "verify") as shadow:
        shadow.drop()  # the leftover of one that was killed
        shadow.create()
        try:
            with Aside(settings, shadow.url, progress=progress) as aside:
                return Checked(hold_against_live(shadow, aside, settings, None, first), lost)
        finally:
            shadow.drop()
