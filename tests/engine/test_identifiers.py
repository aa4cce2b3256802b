"""Profile URLs, e-mail addresses and names in one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.identifiers import (
    EMAIL,
    MEMBER,
    NUMBER,
    SALES,
    SLUG,
    Identifier,
    are_plain,
    email_of,
    is_personal,
    name_tokens,
    names_agree,
    profile_of,
    profile_url,
)

_PARTS = st.sampled_from(
    [
        *(
            "https://",
            "www.",
            "de.",
            "linkedin.com",
            "/",
            "in",
            "sales/lead/",
            "?trk=1",
            "#a",
            "%C3%BC",
            "%2F",
            "%",
            "ü",
        ),
        *("ACoAABcDeFgHiJkLm", "ACwAABcDeFgHiJkLm", "urn:li:member:", "urn:li:fsd_profile:", "007", "john", "İ", "ß"),
        *("@", "+", ".", "gmail.com", "münchen.de", "info", "x", " ", ",", "(", "\N{FULLWIDTH COMMERCIAL AT}"),
    ]
)
WILD = st.text() | st.lists(_PARTS, max_size=9).map("".join)


@pytest.mark.parametrize(
    "text",
    [
        "https://www.linkedin.com/in/john-doe",
        "http://linkedin.com/in/john-doe/",
        "HTTPS://WWW.LINKEDIN.COM/IN/John-Doe?trk=people#about",
        "de.linkedin.com/in/john-doe/de",
        "//www.linkedin.com/in/john%2Ddoe",
        "https://www.linkedin.com/mwlite/in/john-doe",
        " linkedin.com/en-us/in/john-doe/details/experience/ ",
    ],
)
def test_a_profile_has_one_spelling(text: str) -> None:
    """Scheme, host, language, case, query, encoding and what follows make no difference."""
    assert profile_of(text) == Identifier(SLUG, "john-doe")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("https://www.linkedin.com/in/ACoAABcDeFgHiJkLm", MEMBER, "ACoAABcDeFgHiJkLm"),
        ("urn:li:fsd_profile:ACoAABcDeFgHiJkLm", MEMBER, "ACoAABcDeFgHiJkLm"),
        ("urn:li:fs_miniProfile:ACoAABcDeFgHiJkLm", MEMBER, "ACoAABcDeFgHiJkLm"),
        ("https://www.linkedin.com/sales/lead/ACwAABcDeFgHiJkLm,NAME_SEARCH,x1", SALES, "ACwAABcDeFgHiJkLm"),
        ("urn:li:fs_salesProfile:(ACwAABcDeFgHiJkLm,NAME_SEARCH,x1)", SALES, "ACwAABcDeFgHiJkLm"),
        ("urn:li:member:0012345", NUMBER, "12345"),
        ("https://www.linkedin.com/in/J%C3%B6rg-M", SLUG, "jörg-m"),
        ("https://www.linkedin.com/in/acoustics-fan", SLUG, "acoustics-fan"),
    ],
)
def test_member_ids_are_told_from_names_that_members_chose(text: str, kind: str, value: str) -> None:
    """The former never change, and keep their case; the latter do."""
    assert profile_of(text) == Identifier(kind, value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "john-doe", "https://linkedin.com/in/", "https://www.linkedin.com/company/acme", "linkedin.com/in/a%2Fb"),
        "https://linkedin.com.evil.test/in/john-doe",
        "https://notlinkedin.com/in/john-doe",
        "https://evil.test/?u=linkedin.com/in/john-doe",
        "urn:li:person:yrZCpj2Z12",
        "linkedin.com/in/" + "a" * 2000,
    ],
)
def test_what_is_nobodys_profile_is_none(text: str) -> None:
    """Other sites, companies, and ids that each application of LinkedIn's is told another one of."""
    assert profile_of(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" John.Doe+news@GMail.com ", "johndoe@gmail.com"),
        ("johndoe@googlemail.com", "johndoe@gmail.com"),
        ("mailto:John.Doe@Acme.test.", "john.doe@acme.test"),
        ("a@MÜNCHEN.de", "a@xn--mnchen-3ya.de"),
        ("a@xn--mnchen-3ya.de", "a@xn--mnchen-3ya.de"),
    ],
)
def test_an_address_has_one_spelling(text: str, value: str) -> None:
    """Case, tags, the dots of one provider, and domains beyond ASCII."""
    assert email_of(text) == Identifier(EMAIL, value)


@pytest.mark.parametrize(
    "text", ["", "x", "a@b", "@b.de", "a@", "a b@c.de", "a@b.de, c@d.de", "+tag@gmail.com", "a@b..de", "a@" + "b" * 400]
)
def test_what_is_no_address_is_none(text: str) -> None:
    """Nothing is guessed."""
    assert email_of(text) is None


@given(
    st.sampled_from(["john", "john.doe", "a_b-c", ".", "info", "no-reply", "x" * 400]) | st.text("ab1._-", min_size=1),
    st.sampled_from(["acme.test", "gmail.com", "googlemail.com", "my_firm.example.com", "test", "-.-"]),
)
def test_an_address_that_needs_no_reading_reads_the_same(name: str, domain: str) -> None:
    """A blank before an address makes no difference, although only without it the address is taken as it is."""
    text = f"{name}@{domain}"
    assert email_of(text) == email_of(f" {text}")


_SPELLINGS = st.sampled_from(
    [
        "a@b.test",
        "A@b.test",
        "a+x@b.test",
        "a@b.test.",
        " a@b.test",
        "a@b.test ",
        "mailto:a@b.test",
        "a@b.test c@d.test",
        *("info@b.test", "a.b@gmail.com", "ab@gmail.com", "ab@googlemail.com", "a@münchen.de", "a@xn--mnchen-3ya.de"),
        *("c@d.test", "x", "", "a@b"),
    ]
) | st.text("aA.@+ m", max_size=8)


@given(st.lists(_SPELLINGS, max_size=4, unique=True))
def test_plain_addresses_that_differ_are_different_ones(addresses: list[str]) -> None:
    """Of addresses that are plain together, none has to be read to see that no two of them are one."""
    read = [found for text in addresses if (found := email_of(text)) is not None]
    assert not are_plain(addresses) or len(set(read)) == len(read)


def test_ordinary_addresses_are_plain() -> None:
    """The usual case does not have to be read; who has dots that one provider does not see, has."""
    assert are_plain(["john.doe@acme.test", "info@acme.test", "a_b-c@x.example.com"])
    assert not are_plain(["john.doe@acme.test", "john.doe@gmail.com"])


@pytest.mark.parametrize("text", ["info@acme.test", "Sales+dach@acme.test", "KONTAKT@acme.test", "no-reply@acme.test"])
def test_an_address_that_several_people_read_is_nobodys(text: str) -> None:
    """Two people who have it in common have nothing in common."""
    assert email_of(text) is None


def test_free_mailboxes_are_personal() -> None:
    """Their domain says nothing of a company; any other is taken for work."""
    assert is_personal("john@gmail.com")
    assert is_personal("john@web.de")
    assert not is_personal("john@acme.test")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("John Smith", "SMITH, John"),
        ("José García", "Jose Garcia"),
        ("Dr. Anna-Lena Groß", "anna lena gross"),
        ("John Smith", "John A. Smith"),
        ("John Smith", "John Michael Smith"),
        ("Łukasz Ørsted", "Lukasz Orsted"),
        ("李 明", "李 明"),
    ],
)
def test_names_that_can_be_one_persons(one: str, other: str) -> None:
    """Case, accents, order, titles, initials and names between."""
    assert names_agree(one, other)
    assert names_agree(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("John Smith", "Jane Smith"), ("John", "John Smith"), ("J. Smith", "John Smith"), (None, "John Smith"), ("", "")],
)
def test_names_that_confirm_nothing(one: str | None, other: str) -> None:
    """One word of two, an initial, or no name at all."""
    assert not names_agree(one, other)
    assert not names_agree(other, one)


@given(WILD)
def test_a_profile_reads_back_as_itself(text: str) -> None:
    """Normalised once is normalised for ever, and nothing makes it raise."""
    found = profile_of(text)
    assert found is None or profile_of(profile_url(found)) == found


@given(WILD)
def test_an_address_reads_back_as_itself(text: str) -> None:
    """The same for addresses; one that was found has a name and a domain."""
    found = email_of(text)
    assert found is None or (email_of(found.value) == found and found.value.count("@") == 1)


@given(WILD, WILD)
def test_names_agree_in_both_directions(one: str, other: str) -> None:
    """Whatever is written there; and their words are words already."""
    assert names_agree(one, other) == names_agree(other, one)
    assert name_tokens(" ".join(name_tokens(one))) == name_tokens(one)
