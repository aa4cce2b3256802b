# ruff: noqa: PLC0415 -- clients and drivers are loaded inside the commands, so that --help starts fast
"""`person-changes person erase|find`: what a person may ask of whoever runs the system."""

import time
import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from cli.environment import read_settings
from cli.failures import FAILED, USAGE, CommandError
from cli.output import AsJson, counted, emit, now_ms, say, table
from cli.servers import database_trouble, kafka_trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumers.resolver.settings import ResolverSettings
    from db.hints import HintStore
    from schemas.hints import PersonHint

PersonId = Annotated[str, typer.Argument(metavar="PERSON", help="The person's id.")]
Source = Annotated[str, typer.Option(help="Whose id it is; needed where the id is only a number.")]
Email = Annotated[str | None, typer.Option(help="An e-mail address of theirs: refuses them under other ids too.")]
Profile = Annotated[str | None, typer.Option("--linkedin-url", help="The same for their LinkedIn profile.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait until no company knows them.")]
OPERATOR = "operator"
_LOOK_SECONDS = 0.1
_BROKER_SECONDS = 10.0


def erase_command(  # an argument an option
    person: PersonId,
    source: Source = OPERATOR,
    email: Email = None,
    linkedin_url: Profile = None,
    wait: Wait = 60.0,
    as_json: AsJson = False,
) -> None:
    """Erase a person everywhere, and refuse what is said of them from now on.

    Publishes an opt-out, as a provider's webhook does, and waits until resolver and consumers have carried it out. It
    is safe to run again. docs/privacy.md says what is erased and what remains.
    """
    from consumers.resolver.settings import ResolverSettings
    from db.hints import HintStore

    settings = read_settings(ResolverSettings)
    hint = _opt_out(person, source, email, linkedin_url)
    url, began = settings.database_url.get_secret_value(), time.monotonic()
    with database_trouble(url), HintStore(url) as store:
        companies = len(_knowing(store, hint))
        _publish(settings, hint)
        with kafka_trouble(settings.kafka_bootstrap_servers):
            _wait_for_it(settings, store, hint, wait, _read_after(settings, hint))
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        emit({"companies": companies, "event_id": hint.event_id, "seconds": seconds})
    else:
        say(f"erased at {counted(companies, 'company', 'companies')} after {seconds:g} s; later changes are refused")


def find_command(person: PersonId, email: Email = None, linkedin_url: Profile = None, as_json: AsJson = False) -> None:
    """Say in which tables anything holds a person's id, address or profile; exit code 1 if one does.

    Every row of every table is read, so it may take minutes. An id that is part of other ids is found in them too. The
    table erasure_searches holds them while letters are searched for them, seconds to minutes after an opt-out.
    """
    from db.settings import DatabaseSettings
    from db.traces import traces

    url = read_settings(DatabaseSettings).database_url.get_secret_value()
    with database_trouble(url):
        found = traces(url, [text for text in (person, email, linkedin_url) if text])
    if as_json:
        emit({"found": [trace._asdict() for trace in found]})
    elif found:
        table(("schema", "table", "column", "rows"), [tuple(trace) for trace in found], right=("rows",))
    else:
        say("no table holds anything of them")
    if found:
        raise typer.Exit(FAILED)


def _opt_out(person: str, source: str, email: str | None, linkedin_url: str | None) -> "PersonHint":
    from consumers.engine.erasure import is_counter
    from schemas.events import ChangeType, InvalidChangeError, Person
    from schemas.hints import PersonHint, validate_hint

    if is_counter(person) and source == OPERATOR:
        raise CommandError(f"{person} is only a number, which each source counts by itself: add --source", USAGE)
    now = now_ms()
    who = Person(person, email=email, linkedin_url=linkedin_url)
    try:
        return validate_hint(PersonHint(f"erase-{uuid.uuid4().hex}", source, ChangeType.OPTED_OUT, now, now, who))
    except InvalidChangeError as error:
        raise CommandError(str(error), USAGE) from error


def _publish(settings: "ResolverSettings", hint: "PersonHint") -> None:
    from schemas.appender import Appender, NotAppendedError
    from schemas.outgoing import outgoing

    with kafka_trouble(settings.kafka_bootstrap_servers):
        try:
            Appender(settings, "person-changes-cli", 30.0).append([outgoing(hint, settings)])
        except NotAppendedError as error:
            raise CommandError(f"the opt-out was not published: {error}; run it again") from error


def _knowing(store: "HintStore", hint: "PersonHint") -> set[str]:
    from db.hints import HintedPerson

    return {row.company_id for row in store.known([HintedPerson(hint.source, hint.person.id)])}


def _read_after(settings: "ResolverSettings", hint: "PersonHint") -> "Callable[[], bool]":
    """Whether the resolver has settled all that the hint's partition holds by now; marks may be older than the hint."""
    from confluent_kafka import Consumer, TopicPartition

    from schemas.topics import hint_key, partition_for

    topic = settings.person_hints_topic
    consumer = Consumer(settings.consumer_config("person-changes-cli", settings.resolver_group))
    count = len(consumer.list_topics(topic, timeout=_BROKER_SECONDS).topics[topic].partitions)
    place = TopicPartition(topic, partition_for(hint_key(hint.source, hint.person.id), count))
    _, end = consumer.get_watermark_offsets(place, timeout=_BROKER_SECONDS)
    return lambda: bool(consumer.committed([place], timeout=_BROKER_SECONDS)[0].offset >= end)


def _wait_for_it(
    settings: "ResolverSettings", store: "HintStore", hint: "PersonHint", seconds: float, read: "Callable[[], bool]"
) -> None:
    """Until the hint is read, its mark kept, nobody knows the person, and what nobody could read was searched.

    Raises:
        CommandError: it takes too long.
    """
    from consumers.engine.erasure import names_of
    from consumers.opt_outs import Marks

    marks, deadline = Marks(settings.opt_out_keys).of(hint.source, hint.person), time.monotonic() + seconds
    while True:
        refused, knowing = read() and store.opted_out(sorted(marks)) == marks, _knowing(store, hint)
        if refused and not knowing and not store.searching(names_of([hint.person])):
            return
        if time.monotonic() > deadline:
            where = _where(len(knowing)) if refused else "nobody has read it"
            who = "a consumer" if refused else "the resolver"
            raise CommandError(
                f"the opt-out is published, but after {seconds:g} s {where}: is {who} running? It will be carried out "
                "once it does; run `person-changes person erase` again to see it done"
            )
        time.sleep(_LOOK_SECONDS)


def _where(companies: int) -> str:
    if companies:
        return f"{counted(companies, 'company', 'companies')} still know them"
    return "letters that nobody could read are still searched for them"
