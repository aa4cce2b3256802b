"""When dead letters stop the consumer."""

from consumers.runtime.breaker import WINDOW, Breaker


def breaker(run_limit: int = 1000, ratio_limit: float = 1.0) -> Breaker:
    """With limits that nothing reaches, unless told."""
    return Breaker(run_limit, ratio_limit)


def test_more_in_a_row_than_the_limit_stop_the_consumer() -> None:
    """At the limit it goes on, one more stops it; whatever was applied between begins the count anew."""
    at_the_limit, why = breaker(run_limit=3).after([True, True, False, True, True, True])
    assert why is None

    assert at_the_limit.after([False])[1] is None
    assert "4 records in a row" in str(at_the_limit.after([True])[1])
    assert "DEAD_LETTER_RUN_LIMIT" in str(at_the_limit.after([True])[1])


def test_too_great_a_share_stops_the_consumer() -> None:
    """Half of the last thousand is allowed by a limit of 0.5, one more is not, although never two came in a row."""
    half, why = breaker(ratio_limit=0.5).after([True, False] * (WINDOW // 2))
    assert why is None

    assert half.after([True, False])[1] is None, "one left the window for each that came"
    assert "501 of the last 1000" in str(half.after([True, True])[1]), "a good one left the window"
    assert "DEAD_LETTER_RATIO_LIMIT" in str(half.after([True, True])[1])


def test_a_share_of_few_records_is_none() -> None:
    """A log that begins with some bad records does not stop the consumer by their share."""
    assert breaker(ratio_limit=0.1).after([True] * (WINDOW - 1))[1] is None


def test_old_letters_are_forgotten() -> None:
    """What lies more than a thousand records back does not count."""
    past, _ = breaker(ratio_limit=0.5).after([True, False] * (WINDOW // 2))
    healed, why = past.after([False] * WINDOW)

    assert why is None
    assert not any(healed.recent)


def test_a_batch_that_is_tried_again_counts_once() -> None:
    """Looking what a batch would come to changes nothing: only the new value knows of it."""
    before = breaker(run_limit=3)
    for _ in range(5):
        assert before.after([True, True])[1] is None

    assert before.in_a_row == 0


def test_a_batch_without_letters_counts_as_so_many_good_records() -> None:
    """The short way of nearly every batch leads to the same as the long one."""
    before, _ = breaker(ratio_limit=0.5).after([True, False] * (WINDOW // 2) + [True])
    for count in (0, 1, 7, WINDOW, WINDOW + 5):
        assert before.after_good(count) == before.after([False] * count)[0]
