"""Phrases in titles: whole words, in any spelling."""

import pytest

from consumers.buyer_group.phrases import Phrases


@pytest.mark.parametrize(
    ("phrase", "title"),
    [
        ("product manager", "Product Manager"),
        ("product manager", "Sr. PRODUCT-MANAGER (m/w/d)"),
        ("product manager", "Product Mgr."),
        ("vp sales", "Vice President, Sales"),
        ("V.P. Sales", "vp sales emea"),
        ("Vice President Sales", "SVP | VP Sales"),
        ("produktmanager", "Produktmanager:in"),
        ("产品经理", "高级产品经理"),
        ("c++ developer", "Senior C++ Developer"),
    ],
)
def test_a_phrase_is_found(phrase: str, title: str) -> None:
    """Case, dots, hyphens, gender markers and abbreviations do not matter."""
    assert Phrases({phrase: "x"}).find(title) == (phrase, "x")


@pytest.mark.parametrize(
    ("phrase", "title"),
    [
        ("cto", "Director"),
        ("coo", "Coordinator"),
        ("owner", "Homeownership Advisor"),
        ("product manager", "Production Manager"),
        ("product manager", "Manager, Product"),
        ("account", "Accountant"),
        ("sales", "Salesforce Administrator"),
        ("product manager", "Former Product Manager, VP Sales"),
        ("", "VP Sales"),
        ("—", "VP — Sales"),
        ("vp sales", None),
    ],
)
def test_a_phrase_is_no_substring(phrase: str, title: str | None) -> None:
    """The original made every direCTOr a CTO; past jobs and empty phrases are found nowhere either."""
    assert Phrases({phrase: "x"}).find(title) is None


def test_the_first_phrase_counts() -> None:
    """In the order in which the policy has them."""
    assert Phrases({"sales": "a", "vp sales": "b"}).find("VP Sales") == ("sales", "a")
