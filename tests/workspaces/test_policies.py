"""Which policy counts when."""

import pytest

from consumers.buyer_group import DEFAULT_POLICY
from consumers.workspaces.document import PolicyDocument
from consumers.workspaces.policies import Policies
from consumers.workspaces.reading import UnreadablePolicyError
from db.rows import PolicyRow


def _row(number: int, workspace: str, version: int, counts_from: int, **parts: object) -> PolicyRow:
    return PolicyRow(number, workspace, version, counts_from, PolicyDocument.model_validate(parts).stored())


_KNOWN = Policies().learned(
    [_row(1, "b", 1, 100), _row(2, "a", 1, 150), _row(3, "b", 2, 200, deal={"size": 7}), _row(7, "default", 1, 300)]
)


def _counting(at: int) -> list[tuple[str, int]]:
    return [(policy.workspace_id, policy.version) for policy in _KNOWN.counting(at)]


def test_without_a_workspace_there_is_the_default() -> None:
    """Version 0, the built-in policy, at any time."""
    assert Policies().counting(0) == (DEFAULT_POLICY,)
    assert Policies().at("default", 5) is DEFAULT_POLICY
    assert Policies().at("other", 5) is None
    assert Policies().latest("default") is DEFAULT_POLICY


def test_a_version_counts_from_its_time_on() -> None:
    """To the millisecond; before its first one a workspace is not there, the default is until it has its own."""
    assert _counting(99) == [("default", 0)]
    assert _counting(100) == [("b", 1), ("default", 0)]
    assert _counting(199) == [("a", 1), ("b", 1), ("default", 0)]
    assert _counting(200) == [("a", 1), ("b", 2), ("default", 0)]
    assert _counting(10**15) == [("a", 1), ("b", 2), ("default", 1)]


def test_each_version_can_be_asked_for() -> None:
    """By number, whether or not it counts: an explanation of the past needs the policy of then."""
    found = [_KNOWN.version("b", number) for number in (0, 1, 2, 3)]
    assert [policy and (policy.version, policy.deal_size) for policy in found] == [None, (1, None), (2, 7), None]
    latest = _KNOWN.latest("b")
    assert latest is not None
    assert latest.version == 2


def test_what_is_learned_in_parts_is_the_same() -> None:
    """However the versions are cut into batches; and nothing new costs nothing."""
    rows = [_row(1, "b", 1, 100), _row(2, "a", 1, 150), _row(3, "b", 2, 200)]
    parts = Policies()
    for row in rows:
        parts = parts.learned([row])
    assert parts == Policies().learned(rows)
    assert parts.learned([]) is parts
    assert parts.number == 3


@pytest.mark.parametrize("text", ["{}x", '{"depts": {}}', '{"departments": {"primary": ["sale"]}}'])
def test_a_version_that_cannot_be_read_is_named(text: str) -> None:
    """A consumer that cannot read it stops with a sentence, and makes no group by a guess."""
    with pytest.raises(UnreadablePolicyError, match="version 4 of workspace acme"):
        Policies().learned([PolicyRow(1, "acme", 4, 1, text)])
