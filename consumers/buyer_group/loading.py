"""The vocabulary read from ``vocabulary/*.tsv``, one file a language and three tables beside them.

A line of a language is ``phrase<TAB>level<TAB>function<TAB>marks``. How phrases are written, what the marks mean and
which settings (``@endings`` and so on) a language has is told in docs/titles.md.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import product
from typing import Final

from consumers.buyer_group.lexicon import AND, FLAGS, STEM, UNSPACED, Entry, Lexicon, Option, fold, is_unspaced, merged
from consumers.buyer_group.model import Function, Seniority

_MARKS: Final = FLAGS | {"job", "weak", "caps", "of", "joins", "employer", "start", "serves-left", "serves-right"}
_SETTINGS: Final = frozenset({"order", "countries", "endings", "links", "joins", "inclusive", "genders", "fold"})
_FIRST: Final = ("common", "en")
_TABLES: Final = frozenset({"short_forms", "industries", "countries"})
_SHORTEST_FOLDED: Final = 2
"""Letters; a word as short as that is another word without its accents (Turkish ağ, the AG of a company's name)."""
_WORDS: Final = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")
_SEPARATORS: Final = frozenset("/,:()")
_SURE: Final = "sure"
_STEMS: Final = re.compile(r"[^\s|;?]+~")


@cache
def lexicon() -> Lexicon:
    """The vocabulary in memory; read once."""
    files = {path.name[:-4]: path.read_text("utf-8") for path in _folder().iterdir() if path.name.endswith(".tsv")}
    order = [*_FIRST, *sorted(files.keys() - {*_FIRST, *_TABLES})]
    return build({name: files[name] for name in order}, files["short_forms"])


def build(languages: dict[str, str], short_forms: str = "") -> Lexicon:
    """A lexicon of the texts of files.

    Args:
        languages: text by name; where two languages mean different things by a phrase and the title does not tell
            them apart, the earlier one counts.
        short_forms: text of the table of short forms.

    Raises:
        ValueError: a line is wrong; names file, line and what is wrong.
    """
    found = Lexicon()
    loaders = [_Loader(found, name, list(_rows(text))) for name, text in languages.items()]
    for loader in loaders:
        loader.settle()
    for loader in loaders:
        loader.load()
    _add_short_forms(found, short_forms)
    _add_folded(found)
    return found


def table(name: str) -> Iterator[list[str]]:
    """The rows of one of the tables beside the languages."""
    return (cells for _, cells in _rows((_folder() / f"{name}.tsv").read_text("utf-8")))


def _folder() -> Traversable:
    return resources.files("consumers.buyer_group") / "vocabulary"


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("# "):
            yield number, line.split("\t")


@dataclass(slots=True)
class _Loader:
    """Reads one language into the lexicon.

    Attributes:
        forms: the inflected words of this language, by form.
        seen: what each phrase was said to mean.
    """

    lexicon: Lexicon
    language: str
    rows: list[tuple[int, list[str]]]
    settings: dict[str, list[str]] = field(default_factory=dict)
    forms: dict[str, str] = field(default_factory=dict)
    seen: dict[tuple[str, ...], Entry] = field(default_factory=dict)

    def settle(self) -> None:
        """Read the settings; a word for "and" is one in every language's phrases."""
        self._each(self._setting, [row for row in self.rows if len(row[1]) == 1])

    def load(self) -> None:
        """Read what inflects, then the phrases."""
        phrases = [row for row in self.rows if len(row[1]) > 1]
        self._each(self._inflected, phrases)
        self._each(self._line, phrases)
        for form, word in self.forms.items():
            self.lexicon.forms.setdefault(form, word)

    def _each(self, read: Callable[[list[str]], None], rows: list[tuple[int, list[str]]]) -> None:
        for number, cells in rows:
            try:
                read(cells)
            except ValueError as error:
                raise ValueError(f"vocabulary/{self.language}.tsv line {number}: {error}") from error

    def _setting(self, cells: list[str]) -> None:
        name, *values = cells[0].casefold().removeprefix("@").split()
        if name not in _SETTINGS or not cells[0].startswith("@"):
            raise ValueError(f"{cells[0]!r} is neither a phrase nor a setting: {', '.join(sorted(_SETTINGS))}")
        self.settings[name] = values
        if name in ("links", "inclusive", "genders"):
            getattr(self.lexicon, name).update(values)
        if name == "joins":
            self.lexicon.joins.update(values)
        for country in values if name == "countries" else ():
            self.lexicon.countries.setdefault(country, set()).add(self.language)

    def _inflected(self, cells: list[str]) -> None:
        """Note the forms of the words that end in ~; of two words that share a form the longer one has it."""
        for word in _STEMS.findall(cells[0].casefold()):
            for ending in ("", *self.settings.get("endings", ())):
                for form in self._spellings(word[:-1] + ending):
                    if len(self.forms.get(form, "")) < len(word):
                        self.forms[form] = word

    def _line(self, cells: list[str]) -> None:
        phrase, level, function, *rest = cells
        marks = frozenset(rest[0].split()) if rest else frozenset()
        if unknown := marks - _MARKS:
            raise ValueError(f"unknown mark {', '.join(sorted(unknown))}")
        for written in _written(phrase.casefold()):
            entry = Entry(
                phrase=written.replace(STEM, ""),
                languages=() if self.language == "common" else (self.language,),
                seniority=None if level == "-" else Seniority(level),
                function=None if function == "-" else Function(function),
                flags=marks & FLAGS,
                marks=marks - FLAGS,
                head_first=self.settings.get("order") == ["head-first"],
            )
            self._add(written, entry)

    def _add(self, written: str, entry: Entry) -> None:
        if wrong := _SEPARATORS.intersection(written):
            raise ValueError(f"{written!r} holds {' '.join(sorted(wrong))}, which ends every phrase")
        tokens = self._tokens(written)
        if tokens == (AND,):
            raise ValueError(f'{written!r} is a word for "and" in some language, and can be nothing else')
        if not self.seen.setdefault(tokens, entry).says_the_same(entry):
            raise ValueError(f"{written!r} stands twice in this language, with two meanings")
        if written.startswith("-"):
            _put(self.lexicon.heads, self._spellings(written[1:]), entry)
        elif written.endswith("-"):
            _put(self.lexicon.stems, self._spellings(written[:-1]), entry)
        else:
            self.lexicon.add(tokens, entry)

    def _tokens(self, written: str) -> tuple[str, ...]:
        """The tokens of a phrase: inflected words by their stem, letters of unspaced scripts one by one."""
        tokens: list[str] = []
        for word in _WORDS.findall(written):
            if is_unspaced(word):
                tokens.append(word)
            else:
                for spelling in self._spellings(word) - {word}:
                    self.forms.setdefault(spelling, word)
                tokens.append(word if word.endswith(STEM) else self.forms.get(word, word))
        return tuple(AND if token in self.lexicon.joins else token for token in tokens)

    def _spellings(self, word: str) -> set[str]:
        """The word, and as those write it who lack its letters (ae for ä)."""
        plain = word
        for pair in self.settings.get("fold", ()):
            letter, _, letters = pair.partition("=")
            plain = plain.replace(letter, letters)
        return {word, plain}


def _put(where: dict[str, tuple[Entry, ...]], keys: set[str], entry: Entry) -> None:
    for key in sorted(keys):
        where[key] = merged(where.get(key, ()), entry)


def _written(phrase: str) -> Iterator[str]:
    """The ways to write phrases: a|b is one of the two, a? may be missing, a semicolon ends a phrase."""
    for part in phrase.split(";"):
        choices = [[*w.removesuffix("?").split("|"), *([""] if w.endswith("?") else [])] for w in part.split()]
        for words in product(*choices):
            yield " ".join(_unhyphened(word) for word in words if word).replace(AND, f" {AND} ").strip()


def _unhyphened(word: str) -> str:
    """A hyphen inside a word is a space, as it is in titles; at its ends it marks a part of compounds."""
    inner = word.strip("-")
    if inner == word:
        return inner.replace("-", " ")
    return word.replace(inner, inner.replace("-", ""))


def _add_short_forms(lexicon: Lexicon, text: str) -> None:
    options: dict[str, list[Option]] = {}
    for number, cells in _rows(text):
        try:
            form, option = _option(cells)
        except ValueError as error:
            raise ValueError(f"vocabulary/short_forms.tsv line {number}: {error}") from error
        options.setdefault(form, []).append(option)
    for form, several in options.items():
        first = several[0]
        if first.when - {_SURE} or len(several) == 1:
            raise ValueError(f"vocabulary/short_forms.tsv: {form} needs a default first, and another office")
        entry = Entry(form, (), first.seniority, first.function, options=tuple(several))
        lexicon.replace(tuple(form.split()), entry)


def _option(cells: list[str]) -> tuple[str, Option]:
    form, level, function, meaning, *when = cells
    settled_by = frozenset(when[0].split()) if when else frozenset()
    seniority = None if level == "-" else Seniority(level)
    return form, Option(seniority, None if function == "-" else Function(function), meaning, settled_by)


def _add_folded(lexicon: Lexicon) -> None:
    """Tokens without their accents are forms of what they stand for, unless they are a word themselves."""
    for token in sorted(lexicon.tokens | lexicon.forms.keys()):
        plain = fold(token)
        if plain not in lexicon.tokens and len(plain) > _SHORTEST_FOLDED:
            lexicon.forms.setdefault(plain, lexicon.forms.get(token, token))
    for parts in (lexicon.heads, lexicon.stems, lexicon.words):
        for part, readings in sorted(parts.items()):
            parts.setdefault(fold(part), readings)
