"""What is said of a company, brought into one spelling, and which of ours it is."""

from collections.abc import Callable

import psycopg
import pytest

from consumers.steps import InvalidInputError, PipelineContext, resolve_company, validate_company_input


@pytest.mark.parametrize(
    ("said", "domain"),
    [
        ({"website": "https://www.Example.com/about?x=1"}, "example.com"),
        ({"website": "http://user:secret@shop.example.co.uk:8080#top"}, "shop.example.co.uk"),
        ({"domain": " EXAMPLE.com. "}, "example.com"),
        ({"domain": "bücher.example"}, "xn--bcher-kva.example"),
        ({"domain": "given.example", "website": "https://other.example"}, "given.example"),
        ({"company_name": "Acme"}, None),
    ],
)
def test_a_domain_is_read_from_what_people_write(
    make_context: Callable[..., PipelineContext], said: dict[str, str], domain: str | None
) -> None:
    """So that one company has one domain, whoever names it."""
    with make_context() as context:
        assert validate_company_input.execute(said, context).domain == domain


def test_names_are_tidied_and_all_else_is_kept(make_context: Callable[..., PipelineContext]) -> None:
    """Blanks around and within."""
    said = {"company_id": "c1", "company_name": "  Example \n  Works ", "industry": " ", "employee_count": 0}
    with make_context() as context:
        valid = validate_company_input.execute(said, context)
    assert valid.model_dump(exclude_none=True) == {
        "company_id": "c1",
        "company_name": "Example Works",
        "employee_count": 0,
    }


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "name the company by"),
        ({"company_name": "  "}, "name the company by"),
        ({"company_id": "a\tb"}, "company_id: must not contain control characters"),
        ({"company_id": "x" * 256}, "company_id: is longer than 255 bytes"),
        ({"company_id": "c", "employee_count": -1}, "employee_count: Input should be greater than or equal to 0"),
        ({"source": "acme", "company_name": "A"}, "source and their_id belong together"),
        ({"domain": "not a domain"}, "validate_company_input: domain: is no domain"),
        ({"website": "https://localhost/"}, "website: is no domain"),
        ({"website": "https://" + "x" * 70 + ".com"}, "website: is no domain"),
        ({"company_id": 7, "employee_count": "x"}, r"company_id: .*; employee_count: "),
    ],
)
def test_what_is_no_company_is_told_by_field(
    make_context: Callable[..., PipelineContext], said: dict[str, object], message: str
) -> None:
    """All wrong fields at once, where several are."""
    with make_context() as context, pytest.raises(InvalidInputError, match=message):
        validate_company_input.execute(said, context)


@pytest.fixture
def taught(database_url: str) -> str:
    """A database that knows one company, by two aliases."""
    with psycopg.connect(database_url) as connection:
        connection.execute("""
            INSERT INTO companies (company_id, name, domain, employee_count, pending_count, kafka_partition, revision)
            VALUES ('ours', 'Our Company', 'our.example', 40, 0, 0, 1)
        """)
        connection.execute("""
            INSERT INTO company_aliases (source, kind, alias, company_id)
            VALUES ('acme', 'id', '77', 'ours'), ('', 'domain', 'our.example', 'ours')
        """)
    return database_url


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"company_id": "ours"}, ("ours", "company_id", True)),
        ({"company_id": "nobody-spoke-of-it"}, ("nobody-spoke-of-it", "company_id", False)),
        ({"source": "acme", "their_id": "77", "domain": "other.example"}, ("ours", "their_id", True)),
        ({"source": "acme", "their_id": "78", "domain": "our.example"}, ("ours", "domain", True)),
        ({"domain": "our.example"}, ("ours", "domain", True)),
        ({"source": "acme", "their_id": "78"}, ("acme:78", "their_id", False)),
        ({"domain": "other.example"}, (None, "nothing", False)),
        ({"company_name": "Our Company"}, (None, "nothing", False)),
    ],
)
def test_a_company_is_found_by_id_then_by_domain_never_by_name(
    taught: str, make_context: Callable[..., PipelineContext], said: dict[str, str], found: tuple[object, ...]
) -> None:
    """As ingress does; a source's id that nobody has linked is the id that ingress gives it."""
    assert taught
    with make_context() as context:
        resolved = resolve_company.execute(said, context)
    company_id = resolved.company.company_id if resolved.company else None
    assert (company_id, resolved.found_by, resolved.known) == found


def test_what_is_known_completes_what_was_said(taught: str, make_context: Callable[..., PipelineContext]) -> None:
    """What was said wins."""
    assert taught
    with make_context() as context:
        company = resolve_company.execute({"company_id": "ours", "company_name": "New Name"}, context).company
    assert company is not None
    assert (company.company_name, company.domain, company.employee_count) == ("New Name", "our.example", 40)
