"""docs/providers.md against the code: every preset, key, reason and metric is there, and every example loads."""

import base64
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from ingress.metrics import Metrics
from ingress.presets import presets
from ingress.settings import IngressSettings
from ingress.signatures import SignatureError
from ingress.signatures.scheme import Scheme, SignaturePlace, TimestampPlace
from ingress.source_file import SourceConfig
from ingress.sources import sources_from

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "providers.md").read_text()
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
_TABLE_KEY = re.compile(r"^\| `([a-z_]+)` \|", re.MULTILINE)
_RANDOM = base64.b64encode(bytes(range(32))).decode()


def _sections() -> dict[str, str]:
    """The sections on presets, by name."""
    found = re.split(r"^### (\S+)\n", TEXT, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def _load(example: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Start with an example, whose secrets are put where it says; returns the sources' names."""
    for given in tomllib.loads(example)["sources"].values():
        scheme: Any = presets()[given["preset"]] if "preset" in given else Scheme.model_validate(_scheme_of(given))
        secret = f"{scheme.key.prefix}{_RANDOM}" if scheme.mode != "token" else "0123456789abcdef"
        for entry in given.get("secrets", []):
            kind, _, place = (entry if isinstance(entry, str) else entry["ref"]).partition(":")
            if kind == "env":
                monkeypatch.setenv(place, secret)
            else:
                (folder / Path(place).name).write_text(secret)
                example = example.replace(place, str(folder / Path(place).name))
    (folder / "sources.toml").write_text(example)
    settings = IngressSettings.model_validate({"sources_file": str(folder / "sources.toml"), "webhook_secret": ""})
    return set(sources_from(settings).named)


def _scheme_of(given: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key in Scheme.model_fields}


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_loads(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands there, with secrets of the right form."""
    example = EXAMPLES[number]

    assert _load(example, tmp_path, monkeypatch) == set(tomllib.loads(example)["sources"])


def test_every_preset_has_a_section_with_an_example() -> None:
    """And no other has one."""
    sections = _sections()

    assert list(sections) == list(presets())
    for name, text in sections.items():
        assert f'preset = "{name}"' in text


def test_every_key_is_in_a_table() -> None:
    """Those of a source and those of a scheme, and no other."""
    keys = set(_TABLE_KEY.findall(TEXT.partition("## Secrets")[0]))

    assert keys == set(SourceConfig.model_fields)
    for model in (SignaturePlace, TimestampPlace):
        assert all(f"{name} = " in TEXT for name in model.model_fields)


def test_every_reason_is_in_the_table() -> None:
    """A sender's 401 names one of them."""
    documented = set(_TABLE_KEY.findall(TEXT.partition("## What is refused")[2].partition("## Presets")[0]))
    said = re.search(r"metrics: (.+?)\.\n", SignatureError.__doc__ or "")

    assert said
    assert documented == set(re.split(r", | or ", said[1]))


def test_every_metric_that_is_named_is_there() -> None:
    """With its labels, spelled as Prometheus does."""
    metrics = Metrics()
    metrics.proven.count("s", "x")
    metrics.refused.labels("s", "x").inc()
    metrics.reloads.labels("done").inc()
    metrics.sources.labels("s", "none").set(1)
    measured = generate_latest(metrics.registry).decode()
    named = re.findall(r"`(ingress_\w+)\{([^}]+)\}`", TEXT)

    assert len(named) >= 4
    for name, labels in named:
        line = next(line for line in measured.splitlines() if line.startswith(f"{name}{{"))
        assert all(re.search(rf"[{{,]{label}=", line) for label in re.findall(r"([a-z]+)(?:=|,|$)", labels))


def test_the_override_for_containers_fits_them() -> None:
    """Its service is one of docker-compose.yml, and what it sets is read there; the file is in the mounted folder."""
    (text,) = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    services = yaml.safe_load(text)["services"]
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    assert set(services) == {"ingress"} <= set(composed)
    environment = services["ingress"]["environment"]
    assert {name.lower() for name in environment} <= set(IngressSettings.model_fields)
    assert environment["SOURCES_FILE"].startswith(services["ingress"]["volumes"][0].split(":")[1] + "/")
    assert IngressSettings.model_validate({name.lower(): value for name, value in environment.items()}).public_url


@pytest.mark.parametrize("name", ["SOURCES_FILE", "PUBLIC_URL", "WEBHOOK_SECRET", "SIGNATURE_MAX_AGE_SECONDS"])
def test_settings_that_are_named_are_read(name: str) -> None:
    """By ingress, from the environment."""
    assert f"`{name}`" in TEXT
    assert name.lower() in IngressSettings.model_fields
