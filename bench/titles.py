"""`python -m bench.titles`: how many titles one process reads in a second, with its cache and without.

Nothing here fails on speed. A third rate is that of a first meeting: every word of every title is new to the process.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from consumers.buyer_group import classify
from consumers.buyer_group.loading import lexicon
from consumers.buyer_group.titles import _classified
from consumers.buyer_group.wording import compound, known

SEED: Final = 4
TITLES: Final = 20_000
SECONDS: Final = 1.0
_LEVELS: Final = (
    *("VP", "Head of", "Senior", "Junior", "Deputy Head of", "Director of", "Chief Executive Officer &", "Leiterin"),
    *("Directeur", "Responsable", "Jefe de", "Gerente de", "Direttore", "Hoofd", "Chef för", "Kierownik Działu"),
    *("Начальник отдела", "Assistant to the Director of"),
)
_FIELDS: Final = (
    *("Sales", "Marketing & Communications", "Information Security", "Vertrieb und Marketing", "Finanzen", "Xyzzy"),
    *("des ressources humaines", "Operaciones", "Compras", "Inkoop", "inköp", "Sprzedaży", "продаж", "営業部長"),
    *("销售总监", "영업본부장", "Software Engineering (m/w/d)"),
)


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.titles", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    asked = parser.parse_args()
    titles = _titles()
    started = time.perf_counter()
    lexicon()
    figures = {"vocabulary_seconds": time.perf_counter() - started}
    figures["first_meeting"] = _rate(titles, _forget_all)
    figures["without_cache"] = _rate(titles, _classified.cache_clear)
    figures["with_cache"] = _rate(titles, lambda: None)
    if asked.json:
        print(json.dumps(figures))
    else:
        print(f"vocabulary of all languages read in {figures['vocabulary_seconds']:.2f} s")
        for name in ("with_cache", "without_cache", "first_meeting"):
            print(f"{name.replace('_', ' '):14}{figures[name]:>12,.0f} titles/s")
    return 0


def _titles() -> list[str]:
    """Titles of many languages, all different, made of words that occur again, as titles are."""
    chance = random.Random(SEED)
    return [f"{chance.choice(_LEVELS)} {chance.choice(_FIELDS)} {number}" for number in range(TITLES)]


def _forget_all() -> None:
    for cached in (_classified, known, compound):
        cached.cache_clear()


def _rate(titles: Sequence[str], forget: Callable[[], None]) -> float:
    """Titles a second of this process's own time, over all of them as often as fits."""
    read, spent = 0, 0.0
    while spent < SECONDS:
        forget()
        started = time.process_time()
        for title in titles:
            classify(title)
        spent += time.process_time() - started
        read += len(titles)
    return read / spent


if __name__ == "__main__":
    sys.exit(main())
