"""What went wrong in the original project, and must not here."""

from dataclasses import replace

import pytest

from consumers.buyer_group import DEFAULT_POLICY, CompanyFacts, Employee, derive_group
from consumers.buyer_group.policy import ANTI_PERSONAS, Tracking

_SALES_TOOL = replace(DEFAULT_POLICY, anti_personas=ANTI_PERSONAS)
_LARGE = CompanyFacts("c", employee_count=5000)


def test_a_company_of_the_same_name_but_another_domain_is_not_ours() -> None:
    """(a) A workspace that tracks acme.com gets no group of the other Acme, nor of one whose domain nobody knows."""
    tracking = Tracking(domains=frozenset({"acme.com"}))
    assert tracking.holds(CompanyFacts("c1", "Acme", "www.Acme.com"))
    assert not tracking.holds(CompanyFacts("c2", "Acme", "acme.de"))
    assert not tracking.holds(CompanyFacts("c3", "Acme", "notacme.com"))
    assert not tracking.holds(CompanyFacts("c4", "Acme"))


@pytest.mark.parametrize(
    "title",
    [
        *("Product Manager", "Senior Product Manager", "Product Owner", "Produktmanagerin (m/w/d)", "Chef de produit"),
        *(
            "Account Manager",
            "Sr. Account-Manager",
            "Technical Account Manager",
            "Customer Success Manager",
            "产品经理",
        ),
    ],
)
def test_product_and_account_managers_are_no_buyers_of_a_sales_tool(title: str) -> None:
    """(b) They were picked for a sales tool; they neither buy nor use it."""
    assert derive_group(_LARGE, [Employee("p", title=title)], _SALES_TOOL) == ()


@pytest.mark.parametrize("kind", ["Strategic", "Global", "Named", "Major", "Key"])
@pytest.mark.parametrize("rest", ["Account Executive", "Account Director", "Accounts Director", "Account Manager"])
def test_sellers_of_named_accounts_are_farmers(kind: str, rest: str) -> None:
    """(c) They grow the customers that there are; a tool to win new ones is not for them."""
    assert derive_group(_LARGE, [Employee("p", title=f"{kind} {rest}")], _SALES_TOOL) == ()
    assert derive_group(_LARGE, [Employee("p", title=f"{kind} {rest}, EMEA")], _SALES_TOOL) == ()


@pytest.mark.parametrize(
    "title",
    [
        *("VP Sales", "Senior Account Executive", "Director of Sales", "VP Product Marketing", "Production Manager"),
        *("Former Product Manager | VP Sales", "Head of Product", "Accounts Payable Manager", "Global Head of Sales"),
    ],
)
def test_anti_personas_take_nobody_else_along(title: str) -> None:
    """Words are compared whole, in order, and only those of present jobs."""
    with_personas = derive_group(_LARGE, [Employee("p", title=title)], _SALES_TOOL)
    assert with_personas == derive_group(_LARGE, [Employee("p", title=title)], DEFAULT_POLICY)
    assert with_personas


def test_anti_personas_are_for_those_who_ask() -> None:
    """The default keeps nobody out by title: who buys from product managers wants them."""
    assert derive_group(_LARGE, [Employee("p", title="Product Manager")], DEFAULT_POLICY)
