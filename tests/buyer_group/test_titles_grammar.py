"""How a title is put together, in sixteen languages: each rule of docs/titles.md by itself."""

import pytest

from consumers.buyer_group import classify
from tests.support.titles import said


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Leiter:in Einkauf", "Leiter Einkauf"),
        ("Leiter*in Einkauf", "Leiter Einkauf"),
        ("Leiter_in Einkauf", "Leiter Einkauf"),
        ("Leiter/in Einkauf", "Leiter Einkauf"),
        ("Leiter/-in Einkauf (m/w/d)", "Leiter Einkauf"),
        ("Leiter(in) Einkauf", "Leiter Einkauf"),
        ("Directeur·rice marketing", "Directeur marketing"),
        ("Directeur.rice marketing H/F", "Directeur marketing"),
        ("Chargé(e) de recrutement (F/H)", "Chargé de recrutement"),
        ("Director/a de Compras", "Director de Compras"),
        ("Diretor(a) Financeiro(a)", "Diretor Financeiro"),
    ],
)
def test_forms_for_all_genders_say_the_same(written: str, plain: str) -> None:
    """What names a gender says nothing of the job."""
    assert said(written) == said(plain)
    assert None not in said(written)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Geschäftsführer", "Geschäftsführerin"),
        ("Directeur financier", "Directrice financière"),
        ("Director Comercial", "Directora Comercial"),
        ("Direttore Vendite", "Direttrice Vendite"),
        ("Diretor Jurídico", "Diretora Jurídica"),
        ("Właściciel", "Właścicielka"),
        ("Kierownik Sprzedaży", "Kierowniczka Sprzedaży"),
        ("Einkäufer", "Einkäuferin"),
    ],
)
def test_women_and_men_have_the_same_jobs(one: str, other: str) -> None:
    """A feminine form is the same office."""
    assert said(one) == said(other)
    assert None not in said(one)


@pytest.mark.parametrize(
    ("title", "level", "function"),
    [
        ("Vertriebsleiterin", "head", "sales"),
        ("Konzerneinkaufsleiter", "head", "procurement"),
        ("Finanzbuchhaltungsleiter", "head", "finance"),
        ("Küchenmaschinenleiter", "head", None),
        ("Inkoopmanager", "manager", "procurement"),
        ("Försäljningschef", "head", "sales"),
        ("IT-chef", "head", "it"),
        ("Økonomidirektør", "director", "finance"),
        ("Myyntipäällikkö", "manager", "sales"),
        ("Tietohallintojohtaja", "director", "it"),
    ],
)
def test_compounds_are_level_and_function_in_one_word(title: str, level: str, function: str | None) -> None:
    """A declared end gives the level; what stands before it the function, or nothing if nobody knows it."""
    assert said(title) == (level, function)


@pytest.mark.parametrize("title", ["Gestalterin Begleiter", "Xyzzyer", "Directorate", "Headquarters", "Managerial"])
def test_a_word_is_no_compound_by_accident(title: str) -> None:
    """Only ends that the vocabulary declares are ends."""
    assert classify(title).seniority in (None, "entry")


@pytest.mark.parametrize(
    "title",
    [
        "Руководитель отдела продаж",
        "Руководителя отдела продаж",
        "Руководителем отдела продаж",
        "РУКОВОДИТЕЛЬ ОТДЕЛА ПРОДАЖ",
        "Начальник отдела продаж",
    ],
)
def test_inflected_words_are_the_words(title: str) -> None:
    """Russian, Polish, Turkish and Finnish decline what they name."""
    assert said(title) == ("head", "sales")


@pytest.mark.parametrize(
    ("with_marks", "without"),
    [
        ("Geschäftsführer", "Geschaeftsfuehrer"),
        ("Geschäftsführer", "Geschaftsfuhrer"),
        ("Économiste", "Economiste"),
        ("Försäljningschef", "Forsaljningschef"),
        ("Økonomidirektør", "Oekonomidirektoer"),
        ("Dyrektor ds. Sprzedaży", "Dyrektor ds. Sprzedazy"),
        ("SATIŞ MÜDÜRÜ", "Satis Muduru"),
        ("İNSAN KAYNAKLARI MÜDÜRÜ", "insan kaynaklari muduru"),
        ("Стажёр", "Стажер"),
        ("Director de Tecnología", "Director de Tecnologia"),
    ],
)
def test_titles_without_their_accents_are_read_too(with_marks: str, without: str) -> None:
    """Forms and old systems lose accents; nobody becomes unknown by it."""
    assert said(with_marks) == said(without)
    assert said(with_marks)[0]


@pytest.mark.parametrize(
    ("title", "level", "function"),
    [
        ("华东区大客户销售总监", "director", "sales"),
        ("营销总监助理", "entry", "administrative"),
        ("前端工程师", "entry", "engineering"),
        ("前CEO", "unpaid", None),
        ("首席增长官", "c_level", "marketing"),
        ("営業部長", "head", "sales"),
        ("人事部 部長", "head", "hr"),
        ("最高データ責任者", "c_level", "data"),
        ("영업본부장", "head", "sales"),
        ("마케팅팀장", "manager", "marketing"),
        ("전략기획 팀장", "manager", "operations"),
    ],
)
def test_unspaced_scripts_are_cut_where_most_is_known(title: str, level: str, function: str | None) -> None:
    """Chinese, Japanese and Korean write words without spaces: the cut that leaves least over counts."""
    assert said(title) == (level, function)


@pytest.mark.parametrize(
    ("title", "function"),
    [
        ("Software Sales Manager", "sales"),
        ("Head of Software Sales", "sales"),
        ("Directeur des achats informatique", "procurement"),
        ("Director Comercial de Marketing", "sales"),
        ("Director of Sales for Data Centers", "sales"),
        ("Sales and Marketing Director", "sales"),
        ("IT & Security Manager", "it"),
        ("Deputy Chief Executive, Finance", "executive"),
        ("Genel Müdür Yardımcısı - Finans", "finance"),  # noqa: RUF001  # Turkish
        ("Geschäftsführer, Vertrieb", "sales"),
        ("Vertriebs- und Marketingleiter", "sales"),
        ("Manager, Finance Operations", "finance"),
        ("Director - Marketing Operations", "marketing"),
    ],
)
def test_the_function_is_that_of_the_thing(title: str, function: str) -> None:
    """Germanic languages name the thing last, Romance and Slavic ones first; a general word gives way."""
    assert classify(title).function == function


@pytest.mark.parametrize(
    "title",
    [
        "Assistant to the CEO",
        "Marketing Director Assistant",
        "Assistante du directeur financier",
        "Asistente del Director General",
        "Assistente do Diretor Comercial",
        "Asystentka Dyrektora Sprzedaży",
        "Помощник генерального директора",
        "Genel Müdür Asistanı",  # noqa: RUF001  # Turkish
        "VD-assistent",
        "Toimitusjohtajan sihteeri",
        "总经理助理",
        "社長秘書",
        "대표이사 비서",
    ],
)
def test_who_assists_a_head_is_no_head(title: str) -> None:
    """The gatekeeper, in every language."""
    reading = classify(title)
    assert (reading.seniority, reading.function) == ("entry", "administrative")
    assert "support" in reading.flags


@pytest.mark.parametrize("title", ["Assistant Director", "Assistant Vice President", "Assistant Sales Manager"])
def test_assistant_before_a_level_is_a_grade(title: str) -> None:
    """An assistant director is a director of a lower grade, not somebody's assistant."""
    reading = classify(title)
    assert reading.seniority in ("director", "vp", "manager")
    assert "support" not in reading.flags


@pytest.mark.parametrize("title", ["Chief of Staff to the CEO", "Advisor to the President", "Reporting to the CFO"])
def test_whom_somebody_reports_to_is_somebody_else(title: str) -> None:
    """The CEO in a title may be another person."""
    assert classify(title).seniority not in ("c_level", "owner")


@pytest.mark.parametrize(
    ("title", "level"),
    [("Junior Product Manager", "entry"), ("Product Management Intern", "training"), ("Stajyer Mühendis", "training")],
)
def test_juniors_and_trainees_are_no_managers(title: str, level: str) -> None:
    """Some words count although a higher level stands beside them."""
    assert classify(title).seniority == level


def test_several_hats_are_flagged_and_the_highest_counts() -> None:
    """Who is two things is read as the higher one; saying one thing twice is one hat."""
    assert (classify("COO and Interim CFO").seniority, classify("COO and Interim CFO").function) == (
        "c_level",
        "operations",
    )
    assert "several_hats" in classify("Head of Sales / Product Manager").flags
    assert "several_hats" not in classify("Chief Executive Officer (CEO)").flags
    assert "several_hats" not in classify("Head of Sales and Marketing").flags


def test_a_closed_range_of_years_is_past() -> None:
    """What ended counts only where nothing else is left."""
    assert classify("CEO (2015 - 2019), Advisor").seniority is None
    assert classify("CFO 2015\u20132019").seniority == "unpaid"
    assert classify("CFO since 2015").seniority == "c_level"
