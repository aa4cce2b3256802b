# ruff: noqa: PLC0415 -- clients and drivers are loaded inside the commands, so that --help starts fast
"""`person-changes company`: companies that other people know by ids of their own."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from cli.environment import read_settings
from cli.failures import USAGE, CommandError
from cli.output import AsJson, counted, emit, note, now_ms, say
from cli.rosters import read_state
from cli.servers import database_trouble, kafka_trouble

if TYPE_CHECKING:
    from consumers.engine.state import CompanyState
    from consumers.settings import ConsumerSettings
    from db.store import Store
    from schemas.events import PersonChange

company_app = typer.Typer(no_args_is_help=True, help="Tell which companies of other people's are ours.")

Theirs = Annotated[str, typer.Argument(metavar="SOURCE:THEIRS", help="The company as it is now: source:their id.")]
Ours = Annotated[str, typer.Argument(metavar="OURS", help="Our id of the company that it is.")]
Domain = Annotated[
    list[str] | None, typer.Option(help="A domain that means the company too, whoever names it. May be repeated.")
]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait until what was said so far is applied.")]
_LOOK_SECONDS = 0.1


@company_app.callback()
def company() -> None:
    """Tell which companies of other people's are ours."""


@company_app.command("link")
def link_command(theirs: Theirs, ours: Ours, domain: Domain = None, wait: Wait = 60.0, as_json: AsJson = False) -> None:
    """Join a company that a source knows by an id of its own with the company of ours that it is.

    What the source says from now on is said of our company. All that is known of its people so far is said once more
    under our id, with the times and the senders that it had, and everybody leaves the other. Run it again at any time:
    what was moved is not moved twice.
    """
    from consumers.settings import ConsumerSettings
    from db.store import Store
    from ingress.aliases import CACHE_SECONDS
    from schemas.appender import Appender, NotAppendedError
    from schemas.outgoing import outgoing

    _teach(theirs, ours, domain or [])
    note(f"{theirs} means {ours} from now on; every ingress knows in {CACHE_SECONDS:g} s")
    time.sleep(CACHE_SECONDS)
    settings = read_settings(ConsumerSettings)
    url = settings.database_url.get_secret_value()
    with database_trouble(url), Store(url) as store, kafka_trouble(settings.kafka_bootstrap_servers):
        _wait_for_consumers(settings, store, wait)
        state = read_state(store, theirs)
        changes = _changes(store, state, ours) if state is not None else []
        try:
            appended = Appender(settings, "person-changes-cli", 60.0).append(
                outgoing(change, settings) for change in changes
            )
        except NotAppendedError as error:
            raise CommandError(f"not all of the roster was moved: {error}; run it again") from error
    people = len(state.roster) if state is not None else 0
    if as_json:
        emit({"theirs": theirs, "ours": ours, "people": people, "changes": appended})
    else:
        say(f"{counted(people, 'person', 'people')} moved from {theirs} to {ours}, {counted(appended, 'change')}")


def _teach(theirs: str, ours: str, domains: list[str]) -> None:
    from db.aliases import AliasRow, AliasStore, domain_key, id_key
    from db.settings import DatabaseSettings
    from schemas.events import InvalidChangeError, check_id

    source, colon, alias = theirs.partition(":")
    if not (source and colon and alias):
        raise CommandError(f"{theirs} is no id of a source's: it must look like acme:77", USAGE)
    if theirs == ours:
        raise CommandError(f"{theirs} is {ours} already", USAGE)
    try:
        check_id("OURS", ours)
    except InvalidChangeError as error:
        raise CommandError(str(error), USAGE) from error
    keys = [id_key(source, alias), *(domain_key(domain) for domain in domains)]
    url = read_settings(DatabaseSettings).database_url.get_secret_value()
    with database_trouble(url), AliasStore(url) as store:
        store.teach([AliasRow(*key, ours) for key in keys], theirs, ours)


def _wait_for_consumers(settings: "ConsumerSettings", store: "Store", seconds: float) -> None:
    """Until what the log has by now is applied: what is not would not be moved.

    Raises:
        CommandError: it takes too long.
    """
    from cli.broker import connect, log_ends, partitions_of

    client, topic = connect(settings), settings.person_changes_topic
    ends = log_ends(client, topic, partitions_of(client, topic))
    wanted = {partition: end for partition, (start, end) in ends.items() if end > start}
    deadline = time.monotonic() + seconds
    while any(row.next_offset < wanted[p] for p, row in store.positions(topic, [*wanted]).items()):
        if time.monotonic() > deadline:
            raise CommandError(
                f"the alias counts, but no consumer has applied the log within {seconds:g} s, so nothing was moved: "
                "see `person-changes status`, then run it again"
            )
        time.sleep(_LOOK_SECONDS)


def _changes(store: "Store", state: "CompanyState", ours: str) -> "list[PersonChange]":
    """What moves the roster; the same moment twice, to ask in between which of it our company has had."""
    from consumers.engine.state import Identity
    from consumers.linking import link
    from db.rows import EventKey

    now = now_ms()
    keys = {EventKey(ours, change.source, change.event_id) for change in link(state, ours, now)}
    known = store.companies([ours], sorted(keys)).seen
    return link(state, ours, now, {Identity(row.source, row.event_id) for row in known})
