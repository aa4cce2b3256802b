"""`make fuzz`: hostile requests over raw sockets against an ingress process, on a Kafka and a PostgreSQL of its own.

Exit code 1 when one was answered as none may be: above 499 other than 503, redirected, without a problem document, or a
forged change accepted; or when the process's memory grew.
"""

import argparse
import asyncio
import json
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Final

import psutil
import uvloop
from confluent_kafka import Consumer, TopicPartition

from bench.attempt import Hostile, Target
from bench.hostile import FORGED, hostile_requests
from bench.world import BenchError, say, started
from local.process import LOOPBACK, LocalServerError, free_port
from schemas.admin import ensure_topics
from schemas.codec import decode_change
from schemas.settings import KafkaSettings

REQUESTS: Final = 100_000
CONNECTIONS: Final = 32
ANSWER_SECONDS: Final = 0.3
"""An answer that is not there by then is not waited for: the request may have been none."""
GROWTH_BYTES: Final = 48 * 1024 * 1024
"""What allocators and caches may add after a tenth of the run; a leak of one request in ten would be more."""
_PROBLEM: Final = b"content-type: application/problem+json"
_KEPT: Final = 20


@dataclass(slots=True)
class Seen:
    """What came of a run.

    Attributes:
        statuses: answers by status.
        silent: connections that got no answer, as those that sent no whole request do.
        wrong: what must not be, each with its request; the first few.
        wrongs: how many.
        rss_early: resident bytes after a tenth of the requests.
        rss_late: the same at the end.
    """

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    silent: int = 0
    wrong: list[str] = field(default_factory=list)
    wrongs: int = 0
    rss_early: int = 0
    rss_late: int = 0
    seconds: float = 0.0

    @property
    def growth(self) -> int:
        """Bytes."""
        return self.rss_late - self.rss_early

    def blame(self, what: str, request: Hostile) -> None:
        """Note what must not be."""
        self.wrongs += 1
        if len(self.wrong) < _KEPT:
            self.wrong.append(f"{what}, after {request.kind}: {b''.join(request.parts)[:300]!r}")


def fuzz(target: Target, pid: int, requests: int, seed: int) -> Seen:
    """Attack a running ingress.

    Args:
        target: where it is.
        pid: its process, whose memory is watched.
        requests: how many.
        seed: which ones.
    """
    return uvloop.run(_fuzz(target, pid, requests, seed))


def forged_in_log(bootstrap: str, topic: str) -> list[str]:
    """Event ids in the log that must not be there."""
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": "fuzz", "enable.auto.commit": False})
    try:
        partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
        places = [TopicPartition(topic, number, 0) for number in partitions]
        left = sum(reader.get_watermark_offsets(place, timeout=10)[1] for place in places)
        reader.assign(places)
        found: list[str] = []
        while left and (messages := reader.consume(min(left, 1000), timeout=10)):
            left -= len(messages)
            found += [decode_change(message.value()).event_id for message in messages]
    finally:
        reader.close()
    return [event_id for event_id in found if event_id.startswith(FORGED)]


async def _fuzz(target: Target, pid: int, requests: int, seed: int) -> Seen:
    seen, process, began = Seen(), psutil.Process(pid), time.monotonic()
    attempts = hostile_requests(target, seed)
    for count in (requests // 10, requests - requests // 10):
        share = _limited(attempts, count)
        await asyncio.gather(*(_attack(target, share, seen) for _ in range(CONNECTIONS)))
        seen.rss_early, seen.rss_late = seen.rss_early or process.memory_info().rss, process.memory_info().rss
    seen.seconds = time.monotonic() - began
    return seen


def _limited(attempts: Iterator[Hostile], count: int) -> Iterator[Hostile]:
    for _ in range(count):
        yield next(attempts)


async def _attack(target: Target, attempts: Iterator[Hostile], seen: Seen) -> None:
    for attempt in attempts:
        seen.requests += 1
        received = await _try(target, attempt)
        answers = list(split_answers(received, bodiless=attempt.bodiless))
        seen.silent += not answers
        for head, body in answers:
            _judge(attempt, head, body, seen)


async def _try(target: Target, attempt: Hostile) -> bytes:
    """What the server says to one connection."""
    received = bytearray()
    try:
        async with asyncio.timeout(ANSWER_SECONDS if attempt.whole else ANSWER_SECONDS / 30):
            reader, writer = await asyncio.open_connection(target.host, target.port)
            try:
                for number, part in enumerate(attempt.parts):
                    if number:
                        await asyncio.sleep(0.002)
                    writer.write(part)
                while data := await reader.read(65_536):
                    received += data
                    if attempt.kind != "pipelined" and _is_whole(received, attempt):
                        break
            finally:
                writer.transport.abort()
    except (TimeoutError, OSError):
        pass  # hung up on, or nothing more to hear
    return bytes(received)


def _is_whole(received: bytearray, attempt: Hostile) -> bool:
    answers = split_answers(bytes(received), bodiless=attempt.bodiless)
    return any(not head.startswith(b"HTTP/1.1 100") for head, _ in answers)


def split_answers(received: bytes, *, bodiless: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """Heads and bodies of the answers that are whole; each of ours has a length, which HEAD's only announces."""
    while (end := received.find(b"\r\n\r\n")) >= 0:
        head, rest = received[:end].lower(), received[end + 4 :]
        _, _, length = head.partition(b"content-length: ")
        size = 0 if bodiless or rest.startswith(b"HTTP/1.1 ") else int(length.partition(b"\r\n")[0] or b"0")
        if len(rest) < size:
            return
        yield received[:9] + head[9:], rest[:size]
        received = rest[size:]


def _judge(attempt: Hostile, head: bytes, body: bytes, seen: Seen) -> None:
    """Hold one answer against what no answer may be."""
    if not head.startswith(b"HTTP/1.1 "):
        seen.blame(f"answered {head[:40]!r}", attempt)
        return
    status = int(head[9:12])
    seen.statuses[status] += 1
    if status >= 500 and status != 503:  # noqa: PLR2004
        seen.blame(f"answered {status}", attempt)
    elif 300 <= status < 400 and status != 304:  # noqa: PLR2004
        seen.blame(f"redirected by {status}", attempt)
    elif status >= 400 and not _is_problem(status, head, body):  # noqa: PLR2004
        seen.blame(f"answered {status} without a problem document", attempt)
    elif status == 202 and attempt.forged:  # noqa: PLR2004
        seen.blame("accepted a forged change", attempt)


def _is_problem(status: int, head: bytes, body: bytes) -> bool:
    if _PROBLEM not in head:
        return False
    if not body:
        return True  # an answer to HEAD
    document = json.loads(body)
    return document["status"] == status and bool(document["detail"])


def main() -> int:
    """Attack, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    try:
        seen, forged = _run(asked.requests, asked.seed)
    except (BenchError, LocalServerError) as error:
        say(str(error))
        return 1
    print(json.dumps({**asdict(seen), "forged": forged}) if asked.json else _text(seen, forged))
    return 1 if seen.wrongs or forged or seen.growth > GROWTH_BYTES else 0


def _run(requests: int, seed: int) -> tuple[Seen, list[str]]:
    target = Target(LOOPBACK, free_port(), secrets.token_hex(16), secrets.token_hex(16))
    settings = {
        "INGRESS_PORT": str(target.port),
        "WEBHOOK_SECRET": target.secret,
        "API_TOKEN": target.token,
        "API_REQUESTS_PER_SECOND": "0",
    }
    with started() as world:
        topics = KafkaSettings(kafka_bootstrap_servers=world.bootstrap)
        ensure_topics(topics)
        with world.running("ingress", ["cli", "ingress"], settings, target.port) as child:
            say(f"{requests:,} hostile requests with seed {seed} begin")
            seen = fuzz(target, child.popen.pid, requests, seed)
        return seen, forged_in_log(world.bootstrap, topics.person_changes_topic)


def _text(seen: Seen, forged: list[str]) -> str:
    statuses = ", ".join(f"{status}: {count:,}" for status, count in sorted(seen.statuses.items()))
    mib = 1024 * 1024
    lines = [
        f"{seen.requests:,} hostile requests in {seen.seconds:.0f} s ({seen.requests / seen.seconds:,.0f} a second)",
        f"answers by status: {statuses}; connections without one: {seen.silent:,}",
        f"answers that must not be: {seen.wrongs}; forged changes in the log: {len(forged)}",
        f"memory: {seen.rss_early / mib:.0f} MiB after a tenth, {seen.rss_late / mib:.0f} MiB at the end",
        *seen.wrong,
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
