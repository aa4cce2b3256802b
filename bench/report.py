"""The figures as a table for people, and as JSON."""

import json
from dataclasses import asdict, dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.measure_consumer import ConsumerFigures
from bench.measure_hot import HotFigures
from bench.measure_ingress import IngressFigures
from bench.measure_relay import RelayFigures


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Attributes:
        ratio: what may be compared between machines and days.
        before: the same ratio of the prototype that this was designed after; what we want to reach.
        this_run: the rates behind the ratio, which nobody should compare with another run's.
    """

    what: str
    ratio: str
    before: str
    this_run: str


def lines(
    ingress: IngressFigures | None,
    consumer: ConsumerFigures | None,
    hot: HotFigures | None,
    relay: RelayFigures | None,
) -> list[Line]:
    """What was measured."""
    return [
        *(_ingress(ingress) if ingress else ()),
        *(_consumer(consumer) if consumer else ()),
        *(_hot(hot) if hot else ()),
        *(_relay(relay) if relay else ()),
    ]


def _ingress(figures: IngressFigures) -> list[Line]:
    ours, bare = (median(seen.rate for seen in rounds) for rounds in (figures.ours, figures.bare))
    latencies = [
        f"{name} {median(s.p50 for s in rounds) * 1000:.1f} / {median(s.p99 for s in rounds) * 1000:.1f} ms"
        for name, rounds in (("ours", figures.ours), ("bare", figures.bare))
    ]
    return [
        Line(
            "ingress: webhooks/s, against a route that only reads its body",
            f"{figures.ratio:.0%}",
            "57%",
            f"{ours:,.0f}/s of {bare:,.0f}/s",
        ),
        Line("ingress: latency with 64 connections, p50 / p99", "", "", ", ".join(latencies)),
    ]


def _consumer(figures: ConsumerFigures) -> list[Line]:
    ours, deployed, bare = median(figures.ours), median(figures.deployed), median(figures.bare)
    statements = "; ".join(
        f"{size:,}: {most if least == most else f'{least} to {most}'}"
        for size, (least, most) in figures.statements.items()
    )
    return [
        Line(
            "consumer, one process: changes/s, against the bare SQL of the same writes",
            f"{figures.ratio:.0%}",
            "53%",
            f"{ours:,.0f}/s of {bare:,.0f}/s",
        ),
        Line(
            f"consumer as deployed, a process a core ({figures.processes}): the same",
            f"{figures.deployed_ratio:.0%}",
            "53%",
            f"{deployed:,.0f}/s of {bare:,.0f}/s",
        ),
        Line(
            "consumer: its processor time a change, one process / as deployed",
            "",
            "",
            f"{median(figures.cpu) * 1e6:.0f} / {median(figures.deployed_cpu) * 1e6:.0f} us",
        ),
        Line(
            "consumer, one process: changes/s, against one transaction a change",
            f"{figures.speed_up:.1f} x",
            "20 x",
            f"{ours:,.0f}/s and {figures.single:,.0f}/s",
        ),
        Line("consumer: SQL statements a batch, by its records (law L8)", statements, "", ""),
    ]


def _hot(figures: HotFigures) -> list[Line]:
    hot, calm = (
        f"{median(p50) * 1000:.0f} / {median(p99) * 1000:.0f} ms"
        for p50, p99 in ((figures.hot_p50, figures.hot_p99), (figures.calm_p50, figures.calm_p99))
    )
    return [
        Line(
            "consumer: delay p99 of other companies beside a hot one, against calm ones",
            f"{figures.ratio:.2f} x",
            "",
            f"p50 / p99 {hot} and {calm}",
        )
    ]


def _relay(figures: RelayFigures) -> list[Line]:
    ours, bare = median(figures.ours), median(figures.bare)
    latency = f"{figures.p50 * 1000:.0f} / {figures.p99 * 1000:.0f} ms"
    return [
        Line(
            "relay: updates/s, against a producer without an outbox",
            f"{figures.ratio:.0%}",
            "",
            f"{ours:,.0f}/s of {bare:,.0f}/s",
        ),
        Line("relay: from commit to receiver, p50 / p99", "", "", latency),
        Line("relay: processor time while nothing waits", f"{figures.idle:.2%} of a core", "", ""),
    ]


def show(measured: list[Line], note: str) -> None:
    """Print the table to standard output."""
    table = Table("what", "ratio", "prototype", "this run", title="person-changes: ratios measured in one run")
    for line in measured:
        table.add_row(line.what, line.ratio, line.before, line.this_run)
    console = Console()
    console.print(table)
    console.print(note, style="dim")


def as_json(
    ingress: IngressFigures | None,
    consumer: ConsumerFigures | None,
    hot: HotFigures | None,
    relay: RelayFigures | None,
) -> str:
    """All figures, and the ratios made of them."""
    document = {}
    if ingress:
        document["ingress"] = {"ratio": ingress.ratio, **asdict(ingress)}
    if consumer:
        document["consumer"] = {
            "ratio": consumer.ratio,
            "deployed_ratio": consumer.deployed_ratio,
            "speed_up": consumer.speed_up,
            **asdict(consumer),
        }
    if hot:
        document["hot"] = {"ratio": hot.ratio, **asdict(hot)}
    if relay:
        document["relay"] = {"ratio": relay.ratio, **asdict(relay)}
    return json.dumps(document, indent=2)
