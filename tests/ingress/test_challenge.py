"""LinkedIn's question for proof: answered without broker and database, and never for a text that others choose."""

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from tests.ingress.conftest import Ingress

PATH = "/api/webhooks/person-change"
URL = f"{PATH}/linkedin"
CODE = "890e4665-4dfe-4ab1-b689-ed553bceeed0"
SECRET, NEXT_SECRET = "test-client-secret", "the-next-client-secret"
RESPONSE = "05f7c3a9fc0fd9476f5fa3a0f318d460b83aba7b241196a57cc44868a392fc57"
"""Of the code and the first secret; computed elsewhere."""
EVENT = '{"type":"LEAD_ACTION","leadAction":"CREATED","occurredAt":1720000000000}'
Linked = Callable[..., "Ingress"]


@pytest.fixture
def linked(start: "Callable[..., Ingress]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linked:
    """`linked(secrets)`: the application with LinkedIn as a source, without broker and database."""
    monkeypatch.setenv("FIRST", SECRET)
    monkeypatch.setenv("NEXT", NEXT_SECRET)

    def begin(secrets: str = '["env:FIRST"]') -> "Ingress":
        path = tmp_path / "sources.toml"
        path.write_text(f'[sources.linkedin]\npreset = "linkedin"\nadapter = "original"\nsecrets = {secrets}\n')
        return start(sources_file=str(path))

    return begin


def _response(secret: str, code: str = CODE) -> str:
    return hmac.new(secret.encode(), code.encode(), hashlib.sha256).hexdigest()


def test_the_question_is_answered_with_broker_and_database_down(linked: Linked) -> None:
    """To the letter of LinkedIn's documentation, and counted."""
    ingress = linked()
    answer = ingress.get(f"{URL}?challengeCode={CODE}")

    assert ingress.get("/readyz").status_code == 503
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"challengeCode": CODE, "challengeResponse": RESPONSE}
    assert ingress.measured('ingress_webhooks_total{answer="challenged",source="linkedin"}') == 1


@pytest.mark.parametrize(
    "code",
    [
        "",
        f"hmacsha256={EVENT}",
        CODE.upper(),
        CODE.replace("-", ""),
        f"{{{CODE}}}",
        f" {CODE}",
        f"{CODE}\n",
        f"{CODE}0",
        CODE.replace("-4ab1-", "-1ab1-"),
        CODE.replace("-b689-", "-c689-"),
        CODE.replace("8", "٨"),
        "\x00",
    ],
)
def test_nothing_but_a_uuid_is_signed(linked: Linked, code: str) -> None:
    """The answer is keyed as a signature of an event is: else anybody could have their own events signed here."""
    ingress = linked()
    answer = ingress.get(f"{URL}?challengeCode={quote(code)}")

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(":challenge")
    assert _response(SECRET, code) not in answer.text


def test_two_questions_at_once_are_none(linked: Linked) -> None:
    """Which of the two would have been checked, and which signed?"""
    other = CODE.replace("8", "9")

    assert linked().get(f"{URL}?challengeCode={CODE}&challengeCode={other}").status_code == 400


def test_what_the_question_gets_signs_no_event(linked: Linked) -> None:
    """A POST with the answer as its signature is refused, also for the code itself as its body."""
    ingress = linked()
    for body in (CODE.encode(), b'"' + CODE.encode() + b'"', EVENT.encode()):
        headers = {"content-type": "application/json", "x-li-signature": RESPONSE}
        assert ingress.run(ingress.send_content(body, headers, URL)).status_code == 401


def test_while_a_secret_is_rotated_the_first_one_answers(linked: Linked) -> None:
    """Only one can; events of either are taken."""
    ingress = linked('["env:NEXT", "env:FIRST"]')
    answer = ingress.get(f"{URL}?challengeCode={CODE}").json()["challengeResponse"]

    assert answer == _response(NEXT_SECRET)
    for secret in (SECRET, NEXT_SECRET):
        signature = hmac.new(secret.encode(), b"hmacsha256=" + EVENT.encode(), hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-li-signature": signature}
        assert ingress.run(ingress.send_content(EVENT.encode(), headers, URL)).status_code == 200


def test_a_secret_answers_only_while_it_counts(linked: Linked) -> None:
    """The next one from its time on."""
    ingress = linked('[{ref = "env:FIRST", not_after = 2025-10-10T12:00:05Z}, "env:NEXT"]')
    answers = []
    for _ in range(2):
        answers.append(ingress.get(f"{URL}?challengeCode={CODE}").json()["challengeResponse"])
        ingress.now += 10_000

    assert answers == [RESPONSE, _response(NEXT_SECRET)]


def test_each_application_has_its_own_secret(linked: Linked) -> None:
    """LinkedIn names the one that it asks for; an unknown one gets no answer."""
    ingress = linked('[{ref = "env:FIRST", application = "1"}, {ref = "env:NEXT", application = "2"}]')

    def answer(application: str) -> "str | None":
        found = ingress.get(f"{URL}?challengeCode={CODE}&applicationId={application}")
        return str(found.json()["challengeResponse"]) if found.status_code == 200 else None

    assert [answer("1"), answer("2"), answer("3"), answer("")] == [RESPONSE, _response(NEXT_SECRET), None, None]


def test_where_there_is_one_application_its_name_does_not_matter(linked: Linked) -> None:
    """LinkedIn sends it all the same."""
    answer = linked().get(f"{URL}?challengeCode={CODE}&applicationId=4711")

    assert answer.json()["challengeResponse"] == RESPONSE


def test_other_sources_sign_nothing(linked: Linked) -> None:
    """They document themselves, whatever is asked; without a question LinkedIn's source does so too."""
    ingress = linked()
    for path in (PATH, f"{PATH}/generic"):
        document = ingress.get(f"{path}?challengeCode={CODE}").json()
        assert document["name"] == "person-change webhook"
        assert "challengeResponse" not in document

    assert ingress.get(URL).json()["signature"]["signedBytes"] == '"hmacsha256=" + body'
