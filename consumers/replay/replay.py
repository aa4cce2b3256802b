"""Some companies again from the log: those that a range of it touches, or chosen ones.

A company's state follows from all of its records, so all of them are folded, not only those of the range: the range
says whose state to make anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumers.replay.aside import Aside, Progress, cut_off
from consumers.replay.compare import Promoted, hold_against_live, promote
from consumers.replay.log import bounds, offsets_at, read_log
from consumers.replay.rebuild import refuse_cut_off
from consumers.replay.verify import Checked
from consumers.settings import ConsumerSettings
from db.shadow import Shadow
from schemas.topics import company_key


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records say whose state is made anew; what is left open chooses all.

    Attributes:
        companies: only these; empty: all that the range touches.
        since: log time of the first record, ms.
        until: log time of the first record that is not meant any more, ms.
        offsets: by partition, the first offset and the first that is not meant any more; other partitions are not
            meant at all, unless this is empty.
    """

    companies: frozenset[str] = frozenset()
    since: int | None = None
    until: int | None = None
    offsets: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def has_range(self) -> bool:
        """Whether the log must be read to know the companies."""
        return self.since is not None or self.until is not None or bool(self.offsets) or not self.companies


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found, and did.

    Attributes:
        companies: whose state was folded again, in order.
        promoted: None after a dry run, and when nothing differs.
    """

    companies: tuple[str, ...]
    checked: Checked
    promoted: Promoted | None = None


def replay(
    settings: ConsumerSettings,
    selection: Selection,
    progress: Progress,
    first: int,
    *,
    dry_run: bool,
    accept_cut_off: bool,
    accept_split: bool = False,
) -> Replayed:
    """Fold the companies of a selection again, compare, and put right what differs.

    Args:
        settings: of the live consumers.
        selection: whose records.
        progress: told of every batch of the fold.
        first: at most so many rows that differ are named.
        dry_run: change nothing.
        accept_cut_off: also when the log has lost its beginning.
        accept_split: also when companies have changes on several partitions.

    Raises:
        LogCutOffError: the log has lost its beginning, and this is no dry run.
        SplitCompaniesError: companies have changes on several partitions, and their rows would be replaced.
        ShadowBusyError: another replay is under way.
        LogError, KafkaException, DatabaseError: see `Aside.fold`; live is as it was.
    """
    if not dry_run:
        refuse_cut_off(settings, accept_cut_off=accept_cut_off)
    lost, companies = cut_off(settings), touched(settings, selection)
    with Shadow(settings.database_url.get_secret_value(), "replay") as shadow:
        shadow.drop()  # the leftover of one that was killed
        shadow.create()
        try:
            keys = frozenset(company_key(company) for company in companies)
            with Aside(settings, shadow.url, keys, progress) as aside:
                comparison = hold_against_live(shadow, aside, settings, companies, first)
                right = dry_run or comparison.equal
                done = None if right else promote(shadow, aside, settings, companies, accept_split=accept_split)
                return Replayed(companies, Checked(comparison, lost), done)
        finally:
            shadow.drop()


def touched(settings: ConsumerSettings, selection: Selection) -> tuple[str, ...]:
    """The companies that a selection means, in order.

    Raises:
        LogError, KafkaException: see `read_log`.
    """
    if not selection.has_range:
        return tuple(sorted(selection.companies))
    logs = bounds(settings)
    starts = {partition: low for partition, (low, _) in logs.items()}
    ends = {partition: high for partition, (_, high) in logs.items()}
    if selection.since is not None:
        starts = offsets_at(settings, logs, selection.since)
    if selection.until is not None:
        ends = offsets_at(settings, logs, selection.until)
    if selection.offsets:
        meant = {p: selection.offsets.get(p, (ends[p], ends[p])) for p in logs}
        starts = {p: max(starts[p], first) for p, (first, _) in meant.items()}
        ends = {p: min(ends[p], end) for p, (_, end) in meant.items()}
    keys = {record.key for records in read_log(settings, starts, ends) for record in records if record.key}
    found = {_company(key) for key in keys} - {None}
    return tuple(sorted(c for c in found if c and (c in selection.companies or not selection.companies)))


def _company(key: bytes) -> str | None:
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None
