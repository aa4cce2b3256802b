"""`send` against an ingress that checks signatures, is busy, restarts, or refuses."""

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from cli.main import app

if TYPE_CHECKING:
    from tests.cli.conftest import FakeIngress

BUSY = (503, {"retry-after": "0"}, '{"title":"Busy"}')


def _send(*words: str, text: str | None = None) -> Result:
    return CliRunner().invoke(app, ["send", *words], input=text)


def _file(path: Path, *events: object) -> str:
    path.write_text("\n".join(event if isinstance(event, str) else json.dumps(event) for event in events))
    return str(path)


def _event(number: int) -> dict[str, str]:
    return {"id": f"evt_{number}", "type": "person.role_change"}


def test_the_original_example_is_taken(ingress: "FakeIngress") -> None:
    """The quick start's answer comes back, word by word."""
    result = _send("--example")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"status": "enqueued", "eventId": "evt_test_001"}
    assert json.loads(ingress.received[0])["person"]["newTitle"] == "CRO"


def test_without_a_file_a_new_event_is_sent(ingress: "FakeIngress") -> None:
    """Two sendings are two events."""
    _send()
    _send()

    assert json.loads(ingress.received[0])["id"] != json.loads(ingress.received[1])["id"]


def test_a_file_is_sent_as_its_bytes_are(ingress: "FakeIngress", tmp_path: Path) -> None:
    """Nothing is re-serialised between the file and the signature."""
    text = '{ "id":"evt_1",  "type" : "person.role_change", "name": "Zoë" }'
    result = _send(_file(tmp_path / "one.json", text))

    assert result.exit_code == 0
    assert ingress.received == [text.encode()]


def test_json_is_one_document_on_the_answer(ingress: "FakeIngress") -> None:
    """Programs get the HTTP status, the attempts and the server's own answer."""
    ingress.script.append(BUSY)
    document = json.loads(_send("--example", "--json").stdout)

    assert document["status"] == "enqueued"
    assert document["http"] == 202
    assert document["attempts"] == 2
    assert document["answer"] == {"status": "enqueued", "eventId": "evt_test_001"}


def test_a_printed_curl_command_is_taken(ingress: "FakeIngress") -> None:
    """`--curl` sends nothing itself; what it prints works in a shell."""
    result = _send("--example", "--curl")
    assert ingress.received == []
    done = subprocess.run(result.stdout, shell=True, capture_output=True, text=True, check=True)  # noqa: S602

    assert json.loads(done.stdout) == {"status": "enqueued", "eventId": "evt_test_001"}
    assert "good until" in result.stderr


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_waited_for(status: int, ingress: "FakeIngress") -> None:
    """Answers that say "later" are followed by another attempt, signed anew."""
    ingress.script.extend([(status, {}, "busy")] * 2)
    result = _send()

    assert result.exit_code == 0
    assert len(ingress.received) == 3
    assert "trying again" in result.stderr


def test_retry_after_is_honoured(ingress: "FakeIngress") -> None:
    """The next attempt comes no sooner than the server asked."""
    ingress.script.append((503, {"retry-after": "1"}, "busy"))
    _send()

    assert ingress.times[1] - ingress.times[0] >= 1


def test_a_server_that_asks_to_come_back_too_late_is_given_up(ingress: "FakeIngress") -> None:
    """An hour is beyond the patience, so nothing waits for it."""
    ingress.script.append((503, {"retry-after": "3600"}, '{"title":"Maintenance"}'))
    start = time.monotonic()
    result = _send("--patience", "2")

    assert result.exit_code == 1
    assert "answers 503" in result.stderr
    assert time.monotonic() - start < 2


def test_a_server_that_is_away_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing listens: exit code 1, the address, and what to check."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEBHOOK_SECRET", "s")
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    result = _send("--url", url, "--patience", "0")

    assert result.exit_code == 1
    assert f"{url}/api/webhooks/person-change cannot be reached: Connection refused" in result.stderr
    assert "INGRESS_URL" in result.stderr


def test_a_refused_change_tells_the_servers_reason(ingress: "FakeIngress", tmp_path: Path) -> None:
    """422 is final: one attempt, the reason, exit code 1."""
    result = _send(_file(tmp_path / "one.json", {"id": "evt_1"}))

    assert result.exit_code == 1
    assert "422: type: must be given" in result.stderr
    assert len(ingress.received) == 1


def test_a_wrong_secret_names_the_variable(ingress: "FakeIngress") -> None:
    """401 says which variable to compare."""
    ingress.secret = "another"
    result = _send()

    assert result.exit_code == 1
    assert "401" in result.stderr
    assert "WEBHOOK_SECRET" in result.stderr
    assert "first" not in result.output


def test_a_redirect_is_not_followed(ingress: "FakeIngress") -> None:
    """A signed body goes to the address that was given, and nowhere else."""
    ingress.script.append((302, {"location": ingress.url}, ""))
    result = _send()

    assert result.exit_code == 1
    assert "302" in result.stderr
    assert len(ingress.received) == 1


def test_many_changes_are_sent_and_summed_up(ingress: "FakeIngress", tmp_path: Path) -> None:
    """All lines arrive once, over a few kept-alive connections."""
    result = _send(_file(tmp_path / "many.jsonl", *map(_event, range(200))), "--concurrency", "4")

    assert result.exit_code == 0
    assert "200 changes" in result.stdout
    assert "200 enqueued" in result.stdout
    assert sorted(json.loads(body)["id"] for body in ingress.received) == sorted(f"evt_{n}" for n in range(200))
    assert ingress.connections <= 4


def test_with_one_at_a_time_the_order_of_the_file_is_kept(ingress: "FakeIngress", tmp_path: Path) -> None:
    """`--concurrency 1` is for those who need the order."""
    _send(_file(tmp_path / "many.jsonl", *map(_event, range(50))), "--concurrency", "1")

    assert [json.loads(body)["id"] for body in ingress.received] == [f"evt_{n}" for n in range(50)]


def test_bad_lines_and_refusals_name_file_and_line(ingress: "FakeIngress", tmp_path: Path) -> None:
    """The others are sent all the same, and the exit code is 1."""
    path = tmp_path / "mixed.jsonl"
    result = _send(_file(path, _event(1), "{oops", {"id": "evt_3"}, _event(4)))

    assert result.exit_code == 1
    assert f"{path}, line 2: unreadable: no JSON" in result.stderr
    assert f"{path}, line 3: refused: 422: type: must be given" in result.stderr
    assert "2 enqueued, 1 refused, 1 unreadable" in result.stdout
    assert len(ingress.received) == 3


def test_json_of_many_is_one_line_a_change(ingress: "FakeIngress", tmp_path: Path) -> None:
    """Programs can follow line by line; the summary stays on stderr."""
    ingress.script.append((202, {}, '{"status":"already_processed"}'))
    result = _send(_file(tmp_path / "many.jsonl", _event(1), _event(2)), "--json", "--concurrency", "1")
    lines = [json.loads(line) for line in result.stdout.splitlines()]

    assert [(line["eventId"], line["status"]) for line in lines] == [
        ("evt_1", "already_processed"),
        ("evt_2", "enqueued"),
    ]
    assert "2 changes" in result.stderr


def test_standard_input_is_read(ingress: "FakeIngress") -> None:
    """`-` takes JSONL from a pipe."""
    result = _send("-", text=f"{json.dumps(_event(1))}\n{json.dumps(_event(2))}\n")

    assert result.exit_code == 0
    assert len(ingress.received) == 2


def test_an_answer_that_concerns_all_stops_the_sending(ingress: "FakeIngress", tmp_path: Path) -> None:
    """A wrong secret is not tried a thousand times."""
    ingress.secret = "another"
    result = _send(_file(tmp_path / "many.jsonl", *map(_event, range(1000))))

    assert result.exit_code == 1
    assert len(ingress.received) < 50
    assert "Send the same file again" in result.stderr


def test_a_server_that_goes_away_stops_the_sending(ingress: "FakeIngress", tmp_path: Path) -> None:
    """After one patience is over, no other change waits for another one."""
    ingress.script.extend([(503, {}, "away")] * 10_000)
    start = time.monotonic()
    result = _send(_file(tmp_path / "many.jsonl", *map(_event, range(1000))), "--patience", "0.5")

    assert result.exit_code == 1
    assert time.monotonic() - start < 5
    assert "not sent" in result.stdout


def test_the_rate_is_bounded(ingress: "FakeIngress", tmp_path: Path) -> None:
    """`--rate 50` spreads 26 changes over half a second."""
    _send(_file(tmp_path / "many.jsonl", *map(_event, range(26))), "--rate", "50")

    assert ingress.times[-1] - ingress.times[0] >= 0.45


def test_a_file_that_is_not_there_is_a_usage_error(ingress: "FakeIngress") -> None:
    """The message names the file."""
    result = _send("nowhere.json")

    assert result.exit_code == 2
    assert "nowhere.json cannot be read: No such file" in result.stderr
    assert ingress.received == []


def test_the_local_stacks_file_is_enough(
    ingress: "FakeIngress", monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a second shell beside `make run`, `send` needs no setting at all."""
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "env").write_text(f"WEBHOOK_SECRET=first\nINGRESS_URL={ingress.url}\n")
    monkeypatch.delenv("WEBHOOK_SECRET")
    monkeypatch.delenv("INGRESS_URL")

    assert _send().exit_code == 0
