"""Everything again from the log: fold it aside, show the difference, promote or discard."""

from consumers.replay.aside import Aside, Progress, cut_off
from consumers.replay.compare import Promoted, hold_against_live, promote
from consumers.replay.verify import Checked
from consumers.settings import ConsumerSettings
from db.shadow import Shadow

NAME = "rebuild"


class NothingToPromoteError(RuntimeError):
    """No fold was begun."""


class LogCutOffError(RuntimeError):
    """The log has lost its beginning, so a fold of it does not know all that live knows."""


def rebuild(settings: ConsumerSettings, progress: Progress, first: int) -> Checked:
    """Fold the log into the shadow, which stays, and compare; one that was interrupted goes on where it was.

    Args:
        settings: of the live consumers.
        progress: told of every batch.
        first: at most so many rows that differ are named.

    Raises:
        ShadowBusyError: another rebuild is under way.
        LogError, KafkaException, DatabaseError: see `Aside.fold`.
    """
    lost = cut_off(settings)
    with _shadow(settings) as shadow:
        if not shadow.exists():
            shadow.create()
        with Aside(settings, shadow.url, progress=progress) as aside:
            return Checked(hold_against_live(shadow, aside, settings, None, first), lost)


def promote_rebuild(
    settings: ConsumerSettings, progress: Progress, *, accept_cut_off: bool, accept_split: bool = False
) -> Promoted:
    """Fold on to where live is now, take its place, and drop the shadow.

    Raises:
        NothingToPromoteError: there is no shadow.
        LogCutOffError: the log has lost its beginning, and nobody has accepted that.
        SplitCompaniesError: companies have changes on several partitions, and nobody has accepted that.
        ShadowBusyError: another rebuild is under way.
        LogError, KafkaException, DatabaseError: see `Aside.fold`; live is as it was.
    """
    with _shadow(settings) as shadow:
        if not shadow.exists():
            raise NothingToPromoteError("nothing was rebuilt yet: run `person-changes rebuild` and read what it shows")
        refuse_cut_off(settings, accept_cut_off=accept_cut_off)
        with Aside(settings, shadow.url, progress=progress) as aside:
            done = promote(shadow, aside, settings, None, accept_split=accept_split)
        shadow.drop()
        return done


def discard_rebuild(settings: ConsumerSettings) -> bool:
    """Forget the shadow; whether there was one.

    Raises:
        ShadowBusyError: a rebuild is under way.
        DatabaseError: the database is away or refuses.
    """
    with _shadow(settings) as shadow:
        found = shadow.exists()
        shadow.drop()
        return found


def refuse_cut_off(settings: ConsumerSettings, *, accept_cut_off: bool) -> None:
    """Let live not be replaced by less than it knows, unless somebody wants that.

    Raises:
        LogCutOffError: names where the log begins.
    """
    lost = cut_off(settings)
    if lost and not accept_cut_off:
        places = ", ".join(f"partition {partition} at offset {low}" for partition, low in sorted(lost.items()))
        raise LogCutOffError(
            f"the log has lost its beginning (it begins on {places}): what was before is in live, but not in what was "
            "folded, and would be gone. --accept-cut-off-log promotes all the same."
        )


def _shadow(settings: ConsumerSettings) -> Shadow:
    return Shadow(settings.database_url.get_secret_value(), NAME)
