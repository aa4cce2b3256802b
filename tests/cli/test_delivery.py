"""How one change is delivered: addresses, waits, kept-alive connections."""

import random
import socket
import threading
import time

import pytest

from cli.delivery import FIRST_WAIT_SECONDS, Poster, UnreachableError, Waiting, parse_target, retry_after
from cli.failures import CommandError
from cli.sending import pacer


def test_a_late_pacer_does_not_make_up_for_it_by_a_burst() -> None:
    """Time in which nothing was to be sent is not saved up."""
    slept: list[float] = []
    pace = pacer(1000, slept.append)
    pace()
    time.sleep(1.1)
    for _ in range(10):
        pace()

    assert sum(slept) > 0


def test_an_idle_connection_that_the_server_dropped_is_no_failure() -> None:
    """The next change opens another connection at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        waits: list[float] = []

        def serve() -> None:
            for _ in range(2):
                connection, _address = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}")

        thread = threading.Thread(target=serve)
        thread.start()

        def sleep(seconds: float) -> bool:
            waits.append(seconds)
            return False

        waiting = Waiting(5, sleep, lambda _: None)
        target = parse_target(f"http://127.0.0.1:{server.getsockname()[1]}")
        with Poster(target, b"s", waiting) as poster:
            assert poster.post(b"{}").attempts == 1
            time.sleep(0.1)
            assert poster.post(b"{}").attempts == 1
        thread.join()
    assert waits == []


def test_waits_grow_and_differ() -> None:
    """The pauses double, with jitter, up to a bound; patience ends them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        target = parse_target(f"http://127.0.0.1:{free.getsockname()[1]}")
    now, waits = 0.0, []

    def sleep(seconds: float) -> bool:
        nonlocal now
        now += seconds
        waits.append(seconds)
        return False

    waiting = Waiting(300, sleep, lambda _: None, lambda: now, random.Random(1).random)
    with Poster(target, b"s", waiting) as poster, pytest.raises(UnreachableError, match="Connection refused"):
        poster.post(b"{}")

    assert FIRST_WAIT_SECONDS / 2 <= waits[0] <= FIRST_WAIT_SECONDS
    assert waits[4] > waits[0] * 4
    assert max(waits) <= 30
    assert 250 < now <= 300


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        ("1.5", 1.5),
        ("Thu, 01 Jan 1970 00:00:30 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
        ("-5", None),
        ("1e999", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str | None, seconds: float | None) -> None:
    """Anything else is as good as none (RFC 9110)."""
    assert retry_after(text, 10.0) == seconds


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("http://h", "http://h/api/webhooks/person-change"),
        ("https://h:8443/", "https://h:8443/api/webhooks/person-change"),
        (
            "http://[::1]:8000/api/webhooks/person-change/acme?x=1",
            "http://[::1]:8000/api/webhooks/person-change/acme?x=1",
        ),
    ],
)
def test_a_base_address_leads_to_the_original_webhook(url: str, whole: str) -> None:
    """A path that is given is kept, so that any source can be addressed."""
    assert parse_target(url).url == whole


@pytest.mark.parametrize("url", ["h:8000", "ftp://h", "http://", "http://h:port", "http://[::1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """The message shows it and an example of a right one."""
    with pytest.raises(CommandError, match="is no HTTP address"):
        parse_target(url)
