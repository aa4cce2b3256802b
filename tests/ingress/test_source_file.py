"""`sources.toml`: what it says counts; what cannot be right is refused by source and key; no secret shows."""

import os
from pathlib import Path

import pytest

from ingress.settings import IngressSettings
from ingress.source_file import SourcesError
from ingress.sources import Sources, sources_from

NOW = 1_760_097_601_000
TEXT_SECRET = "a secret that is text and long enough"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
GENERIC = "the secret of the source generic"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IngressSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("TEXT", TEXT_SECRET)
    monkeypatch.setenv("WHSEC", WHSEC)
    monkeypatch.setenv("SHORT", "hunter2")
    monkeypatch.delenv("ABSENT", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the sources are; not there yet."""
    return tmp_path / "sources.toml"


def _load(file: Path, text: str, **settings: object) -> Sources:
    file.write_text(text)
    return sources_from(IngressSettings.model_validate({"sources_file": str(file), **settings}))


def _refusal(file: Path, text: str, **settings: object) -> str:
    with pytest.raises(SourcesError) as caught:
        _load(file, text, **settings)
    shown = f"{caught.value} {caught.value!r}"
    assert all(secret not in shown for secret in (TEXT_SECRET, WHSEC, "hunter2", GENERIC))
    return str(caught.value)


def test_without_a_file_there_is_generic() -> None:
    """As ever: behind the original URL and behind its own, with the secrets of `WEBHOOK_SECRET`."""
    sources = sources_from(IngressSettings.model_validate({"webhook_secret": GENERIC}))

    assert list(sources.named) == ["generic"]
    assert sources.original is not None
    assert (sources.original.given, sources.named["generic"].given) == (None, "generic")


def test_beside_a_file_generic_is_as_it_was(file: Path) -> None:
    """When `WEBHOOK_SECRET` is set; otherwise the original URL belongs to nobody."""
    text = '[sources.acme]\npreset = "github"\nsecrets = ["env:TEXT"]\n'
    both, alone = _load(file, text, webhook_secret=GENERIC), _load(file, text)

    assert sorted(both.named) == ["acme", "generic"]
    assert both.original is not None
    assert list(alone.named) == ["acme"]
    assert alone.original is None


def test_generic_may_stand_in_the_file(file: Path) -> None:
    """Then it is behind the original URL, and there the payload says its source."""
    sources = _load(file, '[sources.generic]\npreset = "original"\nsecrets = ["env:TEXT"]\n')

    assert sources.original is not None
    assert (sources.original.name, sources.original.given) == ("generic", None)


def test_a_source_says_otherwise_than_its_preset(file: Path) -> None:
    """Any key of it; what it does not say is the preset's."""
    text = (
        '[sources.a]\npreset = "github"\nsecrets = ["env:TEXT"]\nsignature = {header = "X-Sig", prefix = "sha256="}\n'
    )
    described = _load(file, text).named["a"].verifier.describe()

    assert list(described["headers"]) == ["x-sig"]
    assert described["scheme"] == "HMAC-SHA256"


def test_a_source_has_a_window_of_its_own(file: Path) -> None:
    """Those of the settings count for those that say nothing."""
    text = '[sources.{0}]\npreset = "slack"\nsecrets = ["env:TEXT"]\n{1}'
    own = text.format("own", "max_age_seconds = 30\nmax_ahead_seconds = 1.5\n")
    sources = _load(file, own + text.format("all", ""), signature_max_age_seconds=600)
    windows = {name: source.verifier.describe() for name, source in sources.named.items()}

    assert (windows["own"]["maxAgeSeconds"], windows["own"]["maxAheadSeconds"]) == (30, 1.5)
    assert (windows["all"]["maxAgeSeconds"], windows["all"]["maxAheadSeconds"]) == (600, 60)


def test_a_secret_in_a_file_is_read_without_the_line_s_end(file: Path, tmp_path: Path) -> None:
    """As editors and `echo` leave it there."""
    text = f'[sources.a]\npreset = "coresignal"\nsecrets = ["file:{tmp_path}/secret"]\n'
    (tmp_path / "secret").write_text("a-token-without-spaces\n")
    verifier = _load(file, text).named["a"].verifier

    proven = verifier.verify({b"x-webhook-token": b"a-token-without-spaces"}, b"", NOW)
    assert proven == f"file:{tmp_path}/secret"


def test_a_pipe_holds_nobody_up(file: Path, tmp_path: Path) -> None:
    """Reading one would wait for a writer, and with it every webhook while the sources are read again."""
    os.mkfifo(tmp_path / "pipe")

    assert "is no plain file" in _refusal(file, f'[sources.a]\npreset = "github"\nsecrets = ["file:{tmp_path}/pipe"]\n')


def test_no_secret_is_shown(file: Path) -> None:
    """Neither the sources' text nor that of their parts has one."""
    sources = _load(file, '[sources.a]\npreset = "linkedin"\nsecrets = ["env:TEXT"]\n', webhook_secret=GENERIC)

    assert TEXT_SECRET not in repr(sources)
    assert GENERIC not in repr(sources)
    assert "env:TEXT" in repr(sources)


_GOOD = 'preset = "github"\nsecrets = ["env:TEXT"]\n'
REFUSED = {
    "unknown preset": ('preset = "githup"\nsecrets = ["env:TEXT"]', "preset: 'githup' is none of original, standard"),
    "preset of another type": ('preset = 1\nsecrets = ["env:TEXT"]', "preset: 1 is none of"),
    "neither preset nor mode": ('secrets = ["env:TEXT"]', "preset is missing: name one (original"),
    "unknown mode": ('mode = "rsa"\nsecrets = ["env:TEXT"]', "mode: input should be 'hmac'"),
    "unknown key": (_GOOD + 'colour = "red"', "colour: is not known here; a source may say adapter,"),
    "unknown key deeper": (_GOOD + 'signature = {header = "x", colour = 1}', "signature.colour: is not known here"),
    "unknown adapter": (_GOOD + 'adapter = "nobody"', "adapter 'nobody' is none of"),
    "no secret": ('preset = "github"', "secrets is missing: refer to one"),
    "secret spelled out": (
        f'preset = "github"\nsecrets = ["{TEXT_SECRET}"]',
        "secrets[0].ref: must be env:NAME or file:",
    ),
    "secret in a relative file": (
        'preset = "github"\nsecrets = ["file:x"]',
        "secrets[0].ref: must be env:NAME or file:",
    ),
    "secret in a file that no name can have": (
        'preset = "github"\nsecrets = ["file:/a\\u0000b"]',
        "secrets[0].ref: must be env:NAME or file:",
    ),
    "variable not set": (
        'preset = "github"\nsecrets = ["env:TEXT", "env:ABSENT"]',
        "secrets[1]: env:ABSENT is not set",
    ),
    "file not there": ('preset = "github"\nsecrets = ["file:/no/such"]', "file:/no/such cannot be read (No such file"),
    "file that is a folder": (
        'preset = "github"\nsecrets = ["file:/usr"]',
        "file:/usr is no plain file",
    ),
    "short secret": ('preset = "github"\nsecrets = ["env:SHORT"]', "secrets[0]: env:SHORT is short: it must have at"),
    "whsec_ for text": ('preset = "github"\nsecrets = ["env:WHSEC"]', "secrets[0]: env:WHSEC begins with whsec_, but"),
    "text for whsec_": (
        'preset = "svix"\nsecrets = ["env:TEXT"]',
        "env:TEXT does not begin as it must, not with whsec_",
    ),
    "time without offset": (
        'preset = "github"\nsecrets = [{ref = "env:TEXT", not_before = 2026-12-01T00:00:00}]',
        "secrets[0].not_before: input should have timezone info",
    ),
    "times in the wrong order": (
        'mode = "none"\nsecrets = [{ref="env:A", not_before=2026-12-02T00:00:00Z, not_after=2026-12-01T00:00:00Z}]',
        "secrets[0]: not_before is later than not_after",
    ),
    "person ids of somebody else": (_GOOD + 'person_ids = "mine"', "person_ids: input should be 'ours' or 'theirs'"),
    "company ids of somebody else": (_GOOD + 'company_ids = "mine"', "company_ids: input should be 'ours' or 'theirs'"),
    "success that is none": (_GOOD + "success = {status = 302}", "success.status: input should be less than"),
    "success with a body that it cannot have": (
        _GOOD + "success = {status = 204, body = {a = 1}}",
        "status 204 is of an",
    ),
    "no public URL": ('preset = "hubspot-v3"\nsecrets = ["env:TEXT"]', "public_url: is missing, and its scheme signs"),
    "public URL that is none": (_GOOD + 'public_url = "hooks.test"', "public_url: must be how senders reach"),
    "mode none by the way": ('mode = "none"', "say allow_unsigned = true if you mean it"),
    "mode none with secrets": ('mode = "none"\nallow_unsigned = true\nsecrets = ["env:TEXT"]', "secrets are of no use"),
    "window that is none": (_GOOD + "max_age_seconds = 0", "max_age_seconds: input should be greater than 0"),
    "window of a scheme without a time": (_GOOD + "max_age_seconds = 60", "are of no use: this scheme signs no time"),
    "application of a scheme that asks for none": (
        'preset = "github"\nsecrets = [{ref = "env:TEXT", application = "1"}]',
        "application is for a source that answers a challenge",
    ),
    "window without an end": (_GOOD + "max_age_seconds = inf", "max_age_seconds: input should be less than or equal"),
    "window that no number holds": (_GOOD + "max_ahead_seconds = 1e308", "max_ahead_seconds: input should be less"),
    "window that is no number": (_GOOD + "max_ahead_seconds = nan", "max_ahead_seconds: input should be"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_right_is_refused(file: Path, name: str) -> None:
    """The message begins with the file and the source, names the key, and says what is wrong with it."""
    text, why = REFUSED[name]
    refusal = _refusal(file, f"[sources.acme]\n{text}\n")

    assert refusal.startswith(f"{file}: source acme: ")
    assert why in refusal


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[sources", "is no TOML: "),
        ("", "names no source: each is a table [sources.NAME]"),
        ("[sources]\n", "names no source"),
        ("[source.a]\n", "'source' is not known here"),
        ("[sources]\na = 1\n", "source a: must be a table"),
        (f"[sources.a]\n{_GOOD}[sources.a]\n{_GOOD}", "source a: is there twice"),
        (f'[sources."a/b"]\n{_GOOD}', "source a/b: has a name that cannot be part of a URL"),
        (f"[sources.Acme]\n{_GOOD}", "source Acme: has a name that cannot be part of a URL"),
        (f"[sources.{'a' * 64}]\n{_GOOD}", f"source {'a' * 64}: has a name that cannot be part of a URL"),
        (f"[sources.manual]\n{_GOOD}", "source manual: has the name of changes that are made here"),
    ],
)
def test_a_file_that_names_no_sources_is_refused(file: Path, text: str, why: str) -> None:
    """Its form, its tables and their names."""
    assert _refusal(file, text).startswith(f"{file}: {why}")


def test_all_faults_are_said_at_once(file: Path) -> None:
    """One line each, so that a new file takes one round, not ten."""
    text = '[sources.a]\npreset = "x"\n[sources.b]\npreset = "github"\n[sources.c]\npreset = "github"\nx = 1\ny = 2\n'

    assert len(_refusal(file, text).splitlines()) == 4
    unset = '[sources.{}]\npreset = "github"\nsecrets = ["env:ABSENT", "env:SHORT"]\n'
    assert len(_refusal(file, unset.format("a") + unset.format("b")).splitlines()) == 4


def test_two_sources_of_one_name_are_refused(file: Path) -> None:
    """`WEBHOOK_SECRET` makes one too: which of the secrets would count?"""
    refusal = _refusal(file, f"[sources.generic]\n{_GOOD}", webhook_secret=GENERIC)

    assert f"{file}: source generic: WEBHOOK_SECRET makes one of this name too" in refusal


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the setting that names it."""
    with pytest.raises(SourcesError, match="SOURCES_FILE must name a readable file"):
        sources_from(IngressSettings.model_validate({"sources_file": str(tmp_path / "none")}))


def test_a_file_in_another_encoding_is_named(file: Path) -> None:
    """TOML is in UTF-8."""
    file.write_bytes("[sources.é]".encode("latin-1"))
    with pytest.raises(SourcesError, match="is not in UTF-8"):
        sources_from(IngressSettings.model_validate({"sources_file": str(file)}))


@pytest.mark.parametrize(("content", "why"), [(b"x" * 20_000, "is no secret"), (b"\xff" * 40, "is not text in UTF-8")])
def test_a_file_that_holds_no_secret_is_named(file: Path, tmp_path: Path, content: bytes, why: str) -> None:
    """Too large, or no text."""
    (tmp_path / "secret").write_bytes(content)

    assert why in _refusal(file, f'[sources.a]\npreset = "github"\nsecrets = ["file:{tmp_path}/secret"]\n')
