"""What the tests of the contract share: its schemas, by name, and one valid change."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas import codec
from schemas.events import Company, Movement, Person, PersonChange

Schema = dict[str, Any]


@pytest.fixture(scope="session")
def schema_folder() -> Path:
    """The folder of the contract."""
    return Path(codec.__file__).parent


@pytest.fixture(scope="session")
def schema_versions(schema_folder: Path) -> dict[str, list[Schema]]:
    """Every version of every schema: the current one first, then `released/<name>-<n>.avsc`."""
    return {
        path.stem: [
            json.loads(version.read_text("utf-8"))
            for version in (path, *sorted(schema_folder.glob(f"released/{path.stem}-*.avsc")))
        ]
        for path in sorted(schema_folder.glob("*.avsc"))
    }


@pytest.fixture(scope="session")
def change() -> PersonChange:
    """A change that breaks no limit."""
    return PersonChange(
        event_id="evt-1",
        source="acme",
        type="person.role_change",
        occurred_at=1_760_097_600_000,
        received_at=1_760_097_601_000,
        company=Company("c-1", "Acme", "acme.test", "Software", 120),
        movement=Movement.NONE,
        person=Person("p-1", "Ada", "ada@acme.test", "linkedin.com/in/ada", "CFO", "Finance", "cxo", "GB"),
    )
