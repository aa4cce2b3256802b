"""Appends dead letters to the log again, as they were: so that the log stays the truth, and law L4 does the rest.

A letter is marked only after the broker has its copy. A crash between leaves it open; retried once more, the copy that
comes second is a duplicate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumers.runtime.records import headers_from_json
from db.letters import Letter, Letters, Place
from schemas.settings import KafkaSettings
from schemas.topics import RETRY_HEADER, Headers, is_retry

PATIENCE_S: Final = 30.0
ANY_PARTITION: Final = -1


@dataclass(slots=True)
class Retried:
    """What became of letters.

    Attributes:
        copies: where the copy of each stands, by the letter's place.
        failed: why the broker did not take one, by the letter's place.
    """

    copies: dict[Place, Place] = field(default_factory=dict)
    failed: dict[Place, str] = field(default_factory=dict)


class Retry:
    """Retries letters over one producer.

    Args:
        letters: the letter box.
    """

    def __init__(self, settings: KafkaSettings, letters: Letters) -> None:
        config = settings.producer_config("person-changes-retry", **{"message.timeout.ms": round(PATIENCE_S * 1000)})
        self._producer, self._letters = Producer(config), letters

    def page(self, page: Sequence[Letter]) -> Retried:
        """Append these letters, wait for the broker, and mark those that it has.

        Raises:
            RetryableDatabaseError: the database is away: what was appended is not marked, and may be retried again.
        """
        done = Retried()
        for letter in page:
            self._append(letter, done)
        self._producer.flush(PATIENCE_S + 1)
        self._letters.settle("retried", {place: f"appended again as {copy}" for place, copy in done.copies.items()})
        unheard = "the broker did not answer in time; retrying once more is safe"
        for letter in page:
            if letter.place not in done.copies:
                done.failed.setdefault(letter.place, unheard)
        return done

    def _append(self, letter: Letter, done: Retried) -> None:
        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                copy = Place(letter.topic, message.partition() or 0, message.offset() or 0)
                done.copies[letter.place] = copy
            else:
                done.failed[letter.place] = error.str()

        # A key decides the partition, as it did; without one it stays where it was.
        partition = letter.partition if letter.key is None else ANY_PARTITION
        headers = retry_headers(letter)
        while True:
            try:
                self._producer.produce(letter.topic, letter.value, letter.key, partition, delivered, headers=headers)
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                done.failed[letter.place] = str(error)
                return
            else:
                return


def retry_headers(letter: Letter) -> Headers:
    """The letter's headers, with its first place among them: a copy that fails again still names the first."""
    headers = headers_from_json(letter.headers)
    first = [] if is_retry(headers) else [(RETRY_HEADER, str(letter.place).encode())]
    return [*headers, *first]
