"""Policy files: what they may say, and what is said of one that is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from consumers.buyer_group import DEFAULT_POLICY, CompanyFacts, Employee, derive_group
from consumers.buyer_group.policy import ANTI_PERSONAS
from consumers.workspaces.document import PolicyDocument
from consumers.workspaces.policy_file import PolicyFileError, read_policy
from consumers.workspaces.reading import policy_of, stored_policy

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = (DOCS / "policy.example.toml").read_text("utf-8")


def test_an_empty_file_is_the_default_policy() -> None:
    """Every key may be left out."""
    assert policy_of(read_policy(""), 0) == DEFAULT_POLICY


def test_what_is_stored_is_the_policy_whole() -> None:
    """The JSON in the database gives the policy again, without asking this release for a default or a built-in name."""
    document = read_policy(EXAMPLE)
    stored = document.stored()
    assert stored_policy(document.workspace, 3, stored) == policy_of(document, 3)
    said = json.loads(stored)
    assert said["anti_personas"]["use"] == []
    assert [one["name"] for one in said["anti_personas"]["own"]][:3] == [persona.name for persona in ANTI_PERSONAS]
    assert len(said["tiers"]) == 21
    assert set(said) == set(PolicyDocument.model_fields)


def test_the_example_does_what_it_says() -> None:
    """Titles in, anti-personas and departments out, own names, several roles."""
    policy = policy_of(read_policy(EXAMPLE), 1)
    titles = ["CRO", "VP Sales", "Revenue Operations Analyst", "Key Account Manager", "HR Director", "General Counsel"]
    people = [Employee(f"p{number}", title=title, country="Canada") for number, title in enumerate(titles)]
    group = derive_group(CompanyFacts("c", employee_count=500), people, policy)
    assert {(member.title, member.role, member.own_role) for member in group} == {
        ("CRO", "decision_maker", "Budget holder"),
        ("VP Sales", "decision_maker", "Decision Maker"),
        ("Revenue Operations Analyst", "champion", None),
        ("General Counsel", "blocker", "Legal and compliance"),
    }


def test_every_key_is_documented() -> None:
    """docs/workspaces.md names each key of a policy."""
    text = (DOCS / "workspaces.md").read_text("utf-8")
    for name, field in PolicyDocument.model_fields.items():
        assert f"`{name}`" in text or f"`{name}." in text, name
        kind: Any = field.annotation
        for key in getattr(kind, "model_fields", {}):
            assert f"`{name}.{key}`" in text, f"{name}.{key}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[departments]\nprimary = [\n  'sale']", "line 2: departments.primary[0]: must be 'executive', 'sales',"),
        (
            "\n[[required]]\nrole = 'champion'\n[[required]]\nrole='champion'\nmembers = 0",
            "line 6: required[1].members:",
        ),
        ("[[own_roles]]\nrole = 'blocker'", "line 1: own_roles[0].name: is missing"),
        ("[deal]\nsize = '7'", "line 2: deal.size: must be a valid integer"),
        ("depts = 1", "line 1: depts: is no key of a policy; docs/workspaces.md lists them all"),
        ("countries = ['Atlantis']", "line 1: countries[0]: must be a country's two-letter code"),
        ("[anti_personas]\nuse = ['ninjas']", "line 2: anti_personas.use[0]: must be one of product-managers,"),
        ("[[anti_personas.own]]\nname = 'x'", "line 1: anti_personas.own[0]: must have titles or departments"),
        ("workspace = ' '", "line 1: workspace: must not be empty"),
        ("workspace = 'a\nb'", "it is no TOML: "),
        ("[[required]]\nrole = 'boss'", "required: boss is no role; the roles are decision_maker, champion,"),
        ("[[own_roles]]\nname = 'Champion'\nrole = 'blocker'", "own_roles: Champion is one of the five roles already"),
        ("tiers = []", "tiers: must ascend by up_to, and the last one must have none"),
        ("[[own_roles]]\nname = 'a, b'\nrole = 'blocker'", "line 2: own_roles[0].name: must have no comma in it"),
    ],
)
def test_a_mistake_is_told_by_key_and_line(text: str, said: str) -> None:
    """With what is allowed there."""
    with pytest.raises(PolicyFileError) as raised:
        read_policy(text)
    assert str(raised.value).startswith(said)


def test_all_mistakes_are_told_at_once() -> None:
    """A line each."""
    with pytest.raises(PolicyFileError) as raised:
        read_policy("depts = 1\n[deal]\nsize = -1")
    assert [line.partition(": ")[0] for line in str(raised.value).splitlines()] == ["line 3", "line 1"]
