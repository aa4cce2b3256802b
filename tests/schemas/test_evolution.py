"""Every version of a schema that was ever released reads every other: full transitive compatibility."""

import copy
import io
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import fastavro
import pytest
from fastavro.schema import fingerprint, to_parsing_canonical_form

Schema = dict[str, Any]

RELEASED = {
    "buyer_group_updated": ["ab6910e8a9c9b8e1", "3674e5125c66b491"],
    "person_change": ["16d86894057f8e55", "3fa025652bab3647"],
    "person_hint": ["1ebea4fcdea0b237"],
    "tick": ["bd3e40fdbd5250e5"],
}
"""Fingerprints of every version that was ever written to a topic, oldest first."""
_PRIMITIVES: dict[str, list[Any]] = {
    "null": [None],
    "string": ["", "text"],
    "long": [0, 1_760_097_600_000],
    "int": [0, -1],
    "double": [0.5],
    "boolean": [True],
    "bytes": [b"x"],
}


def _samples(schema: Any, named: dict[str, Any]) -> list[Any]:
    """Values that between them use every union branch, every enum symbol and every field of a schema."""
    match schema:
        case list():
            return [value for branch in schema for value in _samples(branch, named)]
        case str():
            return _PRIMITIVES.get(schema) or _samples(named[schema], named)
        case _:
            return _compound(schema, named)


def _compound(schema: Schema, named: dict[str, Any]) -> list[Any]:
    match schema["type"]:
        case "enum":
            return list(schema["symbols"])
        case "array":
            return [[], _samples(schema["items"], named)]
        case "map":
            return [{}, {str(i): value for i, value in enumerate(_samples(schema["values"], named))}]
        case "record":
            named[schema["name"]] = schema
            return _records(schema, named)
        case other:
            return _samples(other, named)


def _records(schema: Schema, named: dict[str, Any]) -> list[dict[str, Any]]:
    choices = {field["name"]: _samples(field["type"], named) for field in schema["fields"]}
    most = max(len(values) for values in choices.values())
    return [{name: values[i % len(values)] for name, values in choices.items()} for i in range(most)]


def _misread(writer: Schema, reader: Schema) -> str | None:
    """Why values of `writer` cannot be read as `reader`; None when they all can, none of them losing a shared field."""
    ours, theirs = fastavro.parse_schema(copy.deepcopy(writer)), fastavro.parse_schema(copy.deepcopy(reader))
    shared = {field["name"] for field in writer["fields"]} & {field["name"] for field in reader["fields"]}
    for value in _samples(writer, {}):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, ours, value)
        out.seek(0)
        plain: Any = fastavro.schemaless_reader(io.BytesIO(out.getvalue()), ours, None)
        try:
            read: Any = fastavro.schemaless_reader(out, ours, theirs)
        except Exception as error:  # noqa: BLE001  # whatever it is: the reader fails
            return f"{type(error).__name__}: {error}"
        if lost := [name for name in shared if plain[name] is not None and read[name] is None]:
            return f"lost {', '.join(lost)}"
    return None


def test_the_folder_has_the_schemas_of_the_contract(schema_versions: dict[str, list[Schema]]) -> None:
    """The check below looks at the schemas that exist."""
    assert set(schema_versions) == {"person_change", "person_hint", "buyer_group_updated", "tick"}


@pytest.mark.parametrize("name", RELEASED)
def test_what_was_released_stays(name: str, schema_versions: dict[str, list[Schema]]) -> None:
    """A schema that was changed without keeping its older version would leave records that nobody can read.

    Whoever changes a schema copies what was there to `released/<name>-<n>.avsc`, and adds the new fingerprint above.
    """
    found = [fingerprint(to_parsing_canonical_form(version), "CRC-64-AVRO") for version in schema_versions[name]]
    assert {*RELEASED[name]} == {*found}
    assert found[0] == RELEASED[name][-1]


@pytest.mark.parametrize("name", ["person_change", "person_hint", "buyer_group_updated", "tick"])
def test_every_version_reads_every_other(name: str, schema_versions: dict[str, list[Schema]]) -> None:
    """Old consumers read new producers, new consumers read the whole log, in any order of deployment."""
    for writer, reader in product(schema_versions[name], repeat=2):
        assert _misread(writer, reader) is None


@pytest.mark.parametrize("name", ["person_change", "person_hint", "buyer_group_updated", "tick"])
def test_every_enum_has_a_default_for_symbols_to_come(name: str, schema_versions: dict[str, list[Schema]]) -> None:
    """Without a default a new symbol stops every older reader."""
    for version in schema_versions[name]:
        assert all(enum.get("default") == "UNKNOWN" for enum in _enums(version))


def _enums(node: Any) -> Iterator[Schema]:
    if isinstance(node, list):
        for item in node:
            yield from _enums(item)
    elif isinstance(node, dict):
        if node.get("type") == "enum":
            yield node
        for item in node.values():
            yield from _enums(item)


def test_nothing_but_ids_times_and_company_must_be_given(schema_versions: dict[str, list[Schema]]) -> None:
    """Whatever else a change may say has a default, so that its absence is never an error."""
    required = [field["name"] for field in schema_versions["person_change"][0]["fields"] if "default" not in field]
    assert required == ["event_id", "source", "type", "occurred_at", "received_at", "company"]


def _field(schema: Schema, name: str) -> Schema:
    return next(field for field in schema["fields"] if field["name"] == name)


def _add_with_default(schema: Schema) -> None:
    schema["fields"].append({"name": "confidence", "type": ["null", "double"], "default": None})


def _add_symbol(schema: Schema) -> None:
    _field(schema, "movement")["type"]["symbols"].append("SECONDED")


def _drop_optional(schema: Schema) -> None:
    schema["fields"].remove(_field(schema, "role"))


def _reorder(schema: Schema) -> None:
    schema["fields"].reverse()
    other, company = _field(schema, "other_company"), _field(schema, "company")
    other["type"], company["type"] = ["null", company["type"]], "Company"


@pytest.mark.parametrize("edit", [_add_with_default, _add_symbol, _drop_optional, _reorder])
def test_a_compatible_version_passes(edit: Callable[[Schema], None], schema_versions: dict[str, list[Schema]]) -> None:
    """The check lets through what a schema may do: both versions read each other."""
    current = schema_versions["person_change"][0]
    edit(edited := copy.deepcopy(current))
    assert _misread(current, edited) is None
    assert _misread(edited, current) is None


def _add_without_default(schema: Schema) -> None:
    schema["fields"].append({"name": "confidence", "type": "double"})


def _nested_without_default(schema: Schema) -> None:
    _field(schema, "company")["type"]["fields"].append({"name": "country", "type": "string"})


def _change_type(schema: Schema) -> None:
    _field(schema, "occurred_at")["type"] = "string"


def _require_what_may_be_null(schema: Schema) -> None:
    _field(schema, "role")["type"] = "string"
    _field(schema, "role").pop("default")


def _rename(schema: Schema) -> None:
    _field(schema, "role")["name"] = "buyer_role"
    _field(schema, "buyer_role").pop("default")


def _symbol_without_default(schema: Schema) -> None:
    movement = _field(schema, "movement")["type"]
    movement.pop("default")
    movement["symbols"].remove("JOINED")


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (_add_without_default, "No default value for field confidence"),
        (_nested_without_default, "No default value for field country"),
        (_change_type, "Schema mismatch"),
        (_require_what_may_be_null, "not found in string"),
        (_rename, "No default value for field buyer_role"),
        (_symbol_without_default, "JOINED"),
    ],
)
def test_an_incompatible_version_is_caught(
    edit: Callable[[Schema], None], found: str, schema_versions: dict[str, list[Schema]]
) -> None:
    """The check can fail, and says at which field."""
    current = schema_versions["person_change"][0]
    edit(edited := copy.deepcopy(current))
    assert found in (_misread(current, edited) or "nothing")


def test_a_field_dropped_without_default_is_caught(schema_versions: dict[str, list[Schema]]) -> None:
    """A newer writer may not leave out what older readers need."""
    current = schema_versions["person_change"][0]
    edited = copy.deepcopy(current)
    edited["fields"].remove(_field(edited, "source"))
    assert "No default value for field source" in (_misread(edited, current) or "nothing")
