"""What nobody could read is searched after an opt-out, page by page, and nobody who commits waits for it."""

from collections.abc import Iterator
from typing import Any, cast

import psycopg
import pytest

from consumers.resolver.batch import Batch
from consumers.resolver.metrics import ResolverMetrics
from consumers.resolver.settings import ResolverSettings
from consumers.runtime.opt_outs import bytes_patterns, searches_for
from consumers.runtime.processor import Processor
from consumers.runtime.records import Record
from db.errors import StaleCompanyError
from db.hints import HintStore
from db.searches import NAMES_AT_ONCE, PAGE_OCTETS, PAGE_ROWS, PARTS, Searches
from db.traces import traces
from schemas.events import ChangeType, Movement, Person
from schemas.hints import PersonHint, encode_hint, hint_codec
from tests.opt_outs.people import ANN, TRACES, bob, keep_webhooks, kept_webhooks, opt_out, rows, said, search
from tests.support.changes import NOW
from tests.support.consumption import consume, log_of, shifted

LETTERS = 20_000
_LETTERS = """
INSERT INTO dead_letters (topic, kafka_partition, kafka_offset, key, value, log_time, reason)
SELECT 'memory', n %% 4, 1000000 + n, 'k',
       convert_to(concat('of ', n, CASE WHEN n %% 100 = 0 THEN ' prs-ann-1' END), 'UTF8'), now(), 'no Avro'
FROM generate_series(1, %(letters)s) AS n
"""
_WEBHOOKS = """
INSERT INTO webhook_dead_letters (source, body_sha256, body, field, reason, received_at)
SELECT 's', sha256(n::text::bytea), convert_to(concat('of ', n, CASE WHEN n %% 100 = 0 THEN ' prs-ann-1' END), 'UTF8'),
       'f', 'r', now()
FROM generate_series(1, %(letters)s) AS n
"""
_STEPS = """
INSERT INTO pipeline_operations (company_id, step, idempotency_key, input_hash, status, created_at, output)
SELECT 'acme', 'p.s', n::text, 'h', 'succeeded', now() + n * interval '1 ms',
       jsonb_build_object('member', concat('of ', n, CASE WHEN n %% 100 = 0 THEN ' prs-ann-1' END))
FROM generate_series(1, %(letters)s) AS n
"""
_SEARCHED = ("dead_letters", "webhook_dead_letters", "pipeline_operations")


@pytest.fixture
def searches(database_url: str) -> Iterator[Searches]:
    """Of one consumer."""
    with Searches(database_url) as made:
        yield made


def keep(database_url: str, letters: int = LETTERS) -> None:
    """So many rows in each table that is searched; every hundredth names Ann."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in (_LETTERS, _WEBHOOKS, _STEPS):
            connection.execute(statement.encode(), {"letters": letters})


def left(database_url: str) -> set[str]:
    """Tables that hold anything of her."""
    return {trace.table for trace in traces(database_url, TRACES)}


def wanted(database_url: str, *names: str) -> None:
    """Opt-outs have left searches for these, each its own."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for name in names:
            connection.execute("INSERT INTO erasure_searches (names) VALUES (%s)", ([name],))


def test_an_opt_out_commits_without_looking_at_any_letter(processor: Processor, database_url: str) -> None:
    """It does while somebody else holds every letter, and the search afterwards reads pages by their keys."""
    consume(processor, log_of([said("e1"), bob("b1")]))
    keep(database_url)
    with psycopg.connect(database_url) as other:
        other.execute(f"LOCK TABLE {', '.join(_SEARCHED)} IN ACCESS EXCLUSIVE MODE".encode())
        processor.store._open().execute("SET statement_timeout = '10s'")
        consume(processor, shifted(processor, log_of([opt_out()])))
        other.rollback()
    assert left(database_url) == {*_SEARCHED, "erasure_searches"}

    turns = 1
    with Searches(database_url) as searches:
        bounds = {"rows": PAGE_ROWS, "octets": PAGE_OCTETS}
        for name in PARTS:
            page = {"place": [], "patterns": ["prs-ann-1"], **bounds}
            explained = searches._open().execute(f"EXPLAIN {searches._sql[name]}".encode(), page).fetchall()
            plan = "\n".join(line for (line,) in explained)
            assert not any(f"Seq Scan on {table}" in plan for table in _SEARCHED), plan
        while searches.turn(bytes_patterns):
            turns += 1
    assert turns == len(PARTS) * (LETTERS // PAGE_ROWS + 1)
    assert left(database_url) == set()
    kept = [rows(database_url, f"SELECT count(*) FROM {table}")[0][0] for table in _SEARCHED[1:]]  # noqa: S608  # the test's own
    assert kept == [LETTERS * 99 // 100, LETTERS * 99 // 100 + 1]
    assert rows(database_url, "SELECT count(*) FROM dead_letters WHERE status = 'open'") == [(LETTERS * 99 // 100,)]


def test_a_search_that_was_broken_off_goes_on_where_it_was(searches: Searches, database_url: str) -> None:
    """By whoever comes next: it is in the table until it is done, and so is how far it came."""
    keep(database_url, 2 * PAGE_ROWS)
    wanted(database_url, ANN.id)
    assert searches.turn(bytes_patterns) == 1

    def dies(_: object) -> tuple[str, ...]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searches.turn(dies)
    searches.close()
    turns = 1
    with Searches(database_url) as another:
        while another.turn(bytes_patterns):
            turns += 1
    assert 1 + turns == len(PARTS) * 3
    assert left(database_url) == set()


def test_two_at_a_time_do_not_wait_for_each_other(searches: Searches, database_url: str) -> None:
    """What one is at, the other leaves; it says that there is something, and does nothing."""
    wanted(database_url, ANN.id)
    seen = []

    def meanwhile(names: Any) -> tuple[str, ...]:
        with Searches(database_url, 10) as other:
            seen.append(other.turn(bytes_patterns))
        return bytes_patterns(names)

    assert searches.turn(meanwhile) == 1
    assert seen == [1]


def test_one_pass_searches_for_all_who_wait(searches: Searches, database_url: str) -> None:
    """As long as their names are few: fifty companies that know a person cost one pass, not fifty."""
    keep(database_url, 200)
    few = NAMES_AT_ONCE // 2
    wanted(database_url, "nobody", *(f"who-{n}" for n in range(few - 1)), *[ANN.id] * few, "nobody")
    assert searches.turn(bytes_patterns) == 1
    assert rows(database_url, "SELECT cardinality(names) FROM erasure_searches") == [(few + 1,)]
    search(database_url)
    assert left(database_url) == set()

    wanted(database_url, *(f"who-{n}" for n in range(NAMES_AT_ONCE + 50)))
    assert searches.turn(bytes_patterns) == 51
    search(database_url)


def test_many_names_are_many_searches() -> None:
    """A pattern of a thousand names would take too long, or be refused."""
    assert [len(row.names) for row in searches_for(f"n{i % 250}" for i in range(1000))] == [100, 100, 50]


def test_large_letters_make_short_pages(searches: Searches, database_url: str) -> None:
    """A page is bounded by what it reads, and has at least one row."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for offset in range(3):
            connection.execute(
                "INSERT INTO dead_letters (topic, kafka_partition, kafka_offset, value, log_time, reason)"
                " VALUES ('memory', 0, %s, %s, now(), 'r')",
                (offset, bytes(PAGE_OCTETS) + ANN.id.encode()),
            )
    wanted(database_url, ANN.id)
    for turn in range(3):
        assert rows(database_url, "SELECT count(*) FROM dead_letters WHERE value IS NULL") == [(turn,)]
        searches.turn(bytes_patterns)
    search(database_url)
    assert left(database_url) == set()


def test_a_profile_is_found_in_any_spelling_and_not_in_that_of_another(database_url: str) -> None:
    """Host, language, case, query, escaped slashes and letters make no difference; what is longer is somebody else."""
    hers = [
        *("http://de.linkedin.com/in/Ann-Quixley?trk=x", "https://www.linkedin.com/in/ann-quixley"),
        *(r"https:\/\/www.linkedin.com\/in\/ann-quixley\/de", "linkedin.com/in/m%C3%BCller", "linkedin.com/in/Müller"),
        *("/in/ACoAAB1234567890abc", "urn:li:fsd_profile:ACoAAB1234567890abc"),
    ]
    others = ["linkedin.com/in/ann-quixley-2", "linkedin.com/in/ann-quixleys", "linkedin.com/in/müllerin"]
    keep_webhooks(database_url, *(f'{{"url":"{body}"}}' for body in (*hers, *others)))
    wanted(
        *(database_url, "https://www.linkedin.com/in/ann-quixley", "https://www.linkedin.com/in/müller"),
        "https://www.linkedin.com/in/ACoAAB1234567890abc",
    )
    search(database_url)
    assert kept_webhooks(database_url) == [f'{{"url":"{body}"}}' for body in others]


@pytest.mark.parametrize(
    ("name", "hers", "others"),
    [
        ("http://x.example/p/1", [r"http:\/\/x.example\/p\/1"], [r"http:\/\/x.example\/p\/12"]),
        ("jörg@é.example", ["JÖRG@É.EXAMPLE", r"j\u00f6rg@\u00E9.example", "J\\u00d6rg@É.example"], ["jorg@e.example"]),
        ("o'neil+a@x.example", [r"o\u0027neil\u002Ba@x.example"], ["oneil+a@x.example"]),
        (
            "https://www.linkedin.com/in/müller",
            ["linkedin.com/in/MÜLLER", r"linkedin.com\/in\/m\u00fcller?x"],
            ["/in/müllerx"],
        ),
        ("李小龙-7", [r"\u674e\u5c0f\u9f99-7", "李小龙-7"], ["李小龙-71", r"\u674e\u5c0f\u9f99-71"]),
        ("a/b", [r"a\/b"], [r"xa\/bx"]),
        ("a\U0001d54fb-id", [r"a\ud835\udd4fb-id"], [r"a\ud835\udd4eb-id"]),
    ],
)
def test_escapes_of_json_and_capitals_hide_nobody(
    name: str, hers: list[str], others: list[str], database_url: str
) -> None:
    """What encoders of JSON make of slashes, of letters that are not ASCII, and of what HTML minds."""
    keep_webhooks(database_url, *(f'{{"of":"{body}"}}' for body in (*hers, *others)))
    wanted(database_url, name)
    search(database_url)
    assert sorted(kept_webhooks(database_url)) == sorted(f'{{"of":"{body}"}}' for body in others)


def hint(person: Person, event_id: str, kind: str) -> PersonHint:
    """What a source says of somebody, wherever they are."""
    return PersonHint(event_id, "test", kind, NOW, NOW, person)


def broken(person: Person) -> bytes:
    """A hint that breaks the contract: it names no company, and says that they joined."""
    record = hint_codec().decode(encode_hint(hint(person, "h1", ChangeType.ROLE_CHANGE)))
    return hint_codec().encode({**record, "movement": Movement.JOINED.value})


class Nowhere:
    """Nobody is told anything."""

    def append(self, records: Any) -> int:
        """How many records there were."""
        return len(list(records))


def test_letters_of_hints_are_held_against_opt_outs_too(database_url: str) -> None:
    """And what was held against too few of them is not written."""
    settings = ResolverSettings.model_validate({"database_url": database_url})
    out = encode_hint(hint(ANN, "out", ChangeType.OPTED_OUT))
    with HintStore(database_url) as store:
        batch = Batch(settings, store, cast("Any", Nowhere()), ResolverMetrics())
        batch.records([Record(0, 1, NOW, b"k", broken(ANN), ())])
        batch.records([Record(0, 2, NOW, b"k", out, ()), Record(0, 3, NOW, b"k", broken(Person("bob")), ())])
        batch.records([Record(0, 4, NOW, b"k", broken(ANN), ())])
        found = rows(database_url, "SELECT kafka_offset FROM dead_letters WHERE value IS NULL ORDER BY 1")
        assert found == [(4,)]
        search(database_url)
        found = rows(database_url, "SELECT kafka_offset FROM dead_letters WHERE value IS NULL ORDER BY 1")
        assert found == [(1,), (4,)]
        assert left(database_url) == set()
        store.opt_outs = lambda: 0  # type: ignore[method-assign]  # as read before the opt-out
        with pytest.raises(StaleCompanyError):
            batch.records([Record(0, 5, NOW, b"k", broken(ANN), ())])
