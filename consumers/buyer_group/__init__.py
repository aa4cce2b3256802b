"""Buyer groups: titles read, roles derived, groups compared. Pure: no I/O, no clock, no randomness."""

from consumers.buyer_group.diff import GroupChange, diff_groups
from consumers.buyer_group.group import derive_group
from consumers.buyer_group.model import CompanyFacts, Employee, Member, Role, group_order
from consumers.buyer_group.policy import DEFAULT_POLICY, Policy
from consumers.buyer_group.titles import Alternative, TitleReading, classify, read_employee, read_vocabulary

__all__ = [
    "DEFAULT_POLICY",
    "Alternative",
    "CompanyFacts",
    "Employee",
    "GroupChange",
    "Member",
    "Policy",
    "Role",
    "TitleReading",
    "classify",
    "derive_group",
    "diff_groups",
    "group_order",
    "read_employee",
    "read_vocabulary",
]
