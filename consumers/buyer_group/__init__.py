"""Buyer groups: titles read, roles derived, groups compared. Pure: no I/O, no clock, no randomness."""

from consumers.buyer_group.completeness import Completeness, Filled, completeness
from consumers.buyer_group.correction import Corrected, correct_identity, is_gone
from consumers.buyer_group.diff import (
    Cause,
    GroupChange,
    Kind,
    Standing,
    diff_groups,
    diff_standings,
    summary_of,
)
from consumers.buyer_group.explain import Explanation, Step, explain
from consumers.buyer_group.group import derive_group
from consumers.buyer_group.model import NO_CHOICES, Choice, CompanyFacts, Employee, Member, Role, group_order
from consumers.buyer_group.policy import DEFAULT_POLICY, Policy
from consumers.buyer_group.titles import Alternative, TitleReading, classify, read_employee, read_vocabulary

__all__ = [
    "DEFAULT_POLICY",
    "NO_CHOICES",
    "Alternative",
    "Cause",
    "Choice",
    "CompanyFacts",
    "Completeness",
    "Corrected",
    "Employee",
    "Explanation",
    "Filled",
    "GroupChange",
    "Kind",
    "Member",
    "Policy",
    "Role",
    "Standing",
    "Step",
    "TitleReading",
    "classify",
    "completeness",
    "correct_identity",
    "derive_group",
    "diff_groups",
    "diff_standings",
    "explain",
    "group_order",
    "is_gone",
    "read_employee",
    "read_vocabulary",
    "summary_of",
]
