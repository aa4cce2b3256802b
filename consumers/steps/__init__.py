"""Steps for other pipelines: named, typed, recorded, and safe to call any number of times; see docs/steps.md."""

from consumers.steps.companies import resolve_company, validate_company_input
from consumers.steps.context import PipelineContext, PipelineSettings
from consumers.steps.errors import InvalidInputError, NotCoveredError, OtherInputError, StepError, UnknownWorkspaceError
from consumers.steps.groups import derive_buyer_group, discover_members, load_buyer_group
from consumers.steps.models import (
    BuyerGroup,
    CompanyInput,
    CompanyRef,
    DerivedGroup,
    DeriveInput,
    Discovered,
    DiscoverInput,
    GroupInput,
    GroupMember,
    PersonFacts,
    ResolvedCompany,
    SavedGroup,
    SaveInput,
    ValidCompany,
)
from consumers.steps.saving import save_buyer_group
from consumers.steps.step import Run, Step
from db.errors import RetryableDatabaseError
from db.operations import OperationBusyError

__all__ = [
    "BuyerGroup",
    "CompanyInput",
    "CompanyRef",
    "DeriveInput",
    "DerivedGroup",
    "DiscoverInput",
    "Discovered",
    "GroupInput",
    "GroupMember",
    "InvalidInputError",
    "NotCoveredError",
    "OperationBusyError",
    "OtherInputError",
    "PersonFacts",
    "PipelineContext",
    "PipelineSettings",
    "ResolvedCompany",
    "RetryableDatabaseError",
    "Run",
    "SaveInput",
    "SavedGroup",
    "Step",
    "StepError",
    "UnknownWorkspaceError",
    "ValidCompany",
    "derive_buyer_group",
    "discover_members",
    "load_buyer_group",
    "resolve_company",
    "save_buyer_group",
    "validate_company_input",
]
