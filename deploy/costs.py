"""What the aws deployment costs, from named prices and amounts: prints the tables of docs/aws.md as Markdown.

Prices are those of us-east-1 and change: look them up for your Region, put them in, run `python deploy/costs.py`.
Amounts are assumptions, or were measured locally; nothing here has been seen on a bill.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """US dollars for one unit, and who says so."""

    usd: float
    unit: str
    source: str


@dataclass(frozen=True)
class Amount:
    """How much of something, and how that is known."""

    value: float
    unit: str
    known: str


@dataclass(frozen=True)
class Line:
    """One line of a bill; `arithmetic` shows the product in figures."""

    name: str
    arithmetic: str
    usd: float


PRICES = {
    "Spark, vCPU": Price(
        0.052624, "vCPU-hour", "aws.amazon.com/emr/pricing as listed in PerfKitBenchmarker, x86; read 2026-11-20"
    ),
    "Spark, memory": Price(
        0.0057785, "GB-hour", "aws.amazon.com/emr/pricing as listed in PerfKitBenchmarker, x86; read 2026-11-20"
    ),
    "Redshift Serverless": Price(
        0.375, "RPU-hour", "AWS Big Data Blog: 4 RPU from $1.50 an hour; least charge 60 s; read 2026-11-20"
    ),
    "Redshift storage": Price(0.024, "GB-month", "quoted by third parties in 2025 and 2026; read 2026-11-20"),
    "S3 storage": Price(0.023, "GB-month", "S3 Standard, quoted by third parties in 2025 and 2026; read 2026-11-20"),
    "S3 writes and lists": Price(0.005, "1,000 requests", "S3 Standard, quoted by third parties; read 2026-11-20"),
    "S3 reads": Price(0.0004, "1,000 requests", "S3 Standard, quoted by third parties; read 2026-11-20"),
    "Secrets": Price(0.40, "secret-month", "quoted by third parties; read 2026-11-20"),
    "Spectrum on a cluster": Price(
        5.00, "TB scanned", "Amazon Redshift pricing, least charge 10 MB a query; Serverless charges RPUs instead"
    ),
}

AMOUNTS = {
    "workers": Amount(3, "workers", "one driver and two executors, as deploy/template.yaml sets them"),
    "worker vCPU": Amount(2, "vCPU", "deploy/template.yaml"),
    "worker memory": Amount(8, "GB", "deploy/template.yaml"),
    "Spark, a day": Amount(3, "minutes", "assumed: start and stop of workers, and seconds of work"),
    "Spark, a backfill": Amount(5, "minutes", "assumed: the same, and 11 s of work measured on a laptop's 2 cores"),
    "base capacity": Amount(8, "RPU", "deploy/template.yaml"),
    "Redshift, a day": Amount(120, "seconds awake", "assumed: a run wakes it for two minutes"),
    "Redshift, a backfill": Amount(300, "seconds awake", "assumed; the same statements took 3 s on PostgreSQL"),
    "S3 writes, a day": Amount(
        60, "requests", "at most: 24 a day were counted in a run of 374 days, on the stand-in for S3"
    ),
    "S3 reads, a day": Amount(
        200, "requests", "at most: 73 a day were counted in that run; Spectrum's scans by the stand-in"
    ),
    "days of a backfill": Amount(374, "days", "2010-12-01 to 2011-12-09"),
    "lake": Amount(0.1, "GB", "measured: 374 days of the public data in force are 74 MB"),
    "secrets": Amount(4, "secrets", "source, Dagster's storage, Redshift's administrator and reader"),
    "poll": Amount(24, "hours awake", "a query more often than once a minute never lets Redshift sleep"),
    "looks": Amount(
        2880,
        "lists a day",
        "the sensor `vendor_files` looks every 30 s; one list for each 1,000 files, and a read for each day of them "
        "when something has changed",
    ),
    "peeks": Amount(4, "looks a day", "`metric_follows` where nothing moves: one every six hours"),
    "awake": Amount(60, "seconds awake", "the least that Redshift Serverless charges for waking up"),
    "scan": Amount(10, "MB", "the least that Spectrum charges for a query on a provisioned cluster"),
}
MB_OF_A_TB = 1_000_000


def spark(minutes: Amount) -> Line:
    """A job: every worker is paid for from its start to its end."""
    workers, cores, memory = (AMOUNTS[name].value for name in ("workers", "worker vCPU", "worker memory"))
    vcpu, gb = PRICES["Spark, vCPU"].usd, PRICES["Spark, memory"].usd
    usd = minutes.value / 60 * workers * (cores * vcpu + memory * gb)
    return Line(
        "Spark on EMR Serverless",
        f"{minutes.value:g} min / 60 × {workers:g} workers × ({cores:g} vCPU × ${vcpu:g} + {memory:g} GB × ${gb:g})",
        usd,
    )


def redshift(seconds: float) -> Line:
    """Redshift Serverless, for the time that it is awake."""
    capacity, price = AMOUNTS["base capacity"].value, PRICES["Redshift Serverless"].usd
    return Line(
        "Redshift Serverless",
        f"{seconds:,.0f} s / 3,600 × {capacity:g} RPU × ${price:g}",
        seconds / 3600 * capacity * price,
    )


def requests(days: float) -> Line:
    """The requests to S3 for so many days."""
    writes, reads = AMOUNTS["S3 writes, a day"].value, AMOUNTS["S3 reads, a day"].value
    write, read = PRICES["S3 writes and lists"].usd, PRICES["S3 reads"].usd
    return Line(
        "S3 requests",
        f"{days:g} × ({writes:g} × ${write:g} + {reads:g} × ${read:g}) / 1,000",
        days * (writes * write + reads * read) / 1000,
    )


def a_day() -> list[Line]:
    """One run over one day: both sides, and the metric."""
    return [spark(AMOUNTS["Spark, a day"]), redshift(AMOUNTS["Redshift, a day"].value), requests(1)]


def a_backfill() -> list[Line]:
    """One run over 374 days: one Spark job, one transaction."""
    days = AMOUNTS["days of a backfill"].value
    return [spark(AMOUNTS["Spark, a backfill"]), redshift(AMOUNTS["Redshift, a backfill"].value), requests(days)]


def a_backfill_by_day() -> list[Line]:
    """The same days as one run each: what `--per-day` costs."""
    days = AMOUNTS["days of a backfill"].value
    return [Line(line.name, f"{days:g} × ({line.arithmetic})", days * line.usd) for line in a_day()[:2]] + [
        requests(days)
    ]


def at_rest() -> list[Line]:
    """A month in which nothing runs."""
    lake, secrets = AMOUNTS["lake"].value, AMOUNTS["secrets"].value
    stored, secret, warehouse = PRICES["S3 storage"].usd, PRICES["Secrets"].usd, PRICES["Redshift storage"].usd
    return [
        Line("S3 storage", f"{lake:g} GB × ${stored:g}", lake * stored),
        Line("Redshift storage", f"{lake:g} GB × ${warehouse:g}", lake * warehouse),
        Line("Secrets Manager", f"{secrets:g} × ${secret:g}", secrets * secret),
    ]


def traps() -> list[Line]:
    """What a habit costs, by the day."""
    scan, scanned = AMOUNTS["scan"].value, PRICES["Spectrum on a cluster"].usd
    return [
        Line(
            "a query every 30 s keeps Redshift Serverless awake",
            redshift(AMOUNTS["poll"].value * 3600).arithmetic,
            redshift(AMOUNTS["poll"].value * 3600).usd,
        ),
        Line(
            "the sensor `metric_follows` on, while nothing moves",
            f"{AMOUNTS['peeks'].value:g} × ({redshift(AMOUNTS['awake'].value).arithmetic})",
            AMOUNTS["peeks"].value * redshift(AMOUNTS["awake"].value).usd,
        ),
        Line(
            "the sensor `vendor_files` on",
            f"{AMOUNTS['looks'].value:,.0f} × ${PRICES['S3 writes and lists'].usd:g} / 1,000",
            AMOUNTS["looks"].value * PRICES["S3 writes and lists"].usd / 1000,
        ),
        Line(
            "1,000 small Spectrum queries on a provisioned cluster",
            f"1,000 × {scan:g} MB / {MB_OF_A_TB:,} × ${scanned:g}",
            1000 * scan / MB_OF_A_TB * scanned,
        ),
    ]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def bill(title: str, lines: Sequence[Line]) -> str:
    """A table of lines, and their sum."""
    rows = [(line.name, line.arithmetic, f"${line.usd:,.4f}") for line in lines]
    return table(
        (title, "arithmetic", "US dollars"), [*rows, ("**sum**", "", f"**${sum(x.usd for x in lines):,.4f}**")]
    )


def report() -> str:
    """All tables, as docs/aws.md has them."""
    return "\n\n".join(
        (
            bill("one day, one run", a_day()),
            bill("374 days, one run", a_backfill()),
            bill("374 days, one run each", a_backfill_by_day()),
            bill("a month at rest", at_rest()),
            table(
                ("habit", "arithmetic", "US dollars a day"),
                [(line.name, line.arithmetic, f"${line.usd:,.2f}") for line in traps()],
            ),
            table(
                ("price", "US dollars", "for one", "source"),
                [(name, f"{price.usd:g}", price.unit, price.source) for name, price in PRICES.items()],
            ),
            table(
                ("amount", "value", "how it is known"),
                [(name, f"{amount.value:g} {amount.unit}", amount.known) for name, amount in AMOUNTS.items()],
            ),
        )
    )


if __name__ == "__main__":
    sys.stdout.write(report() + "\n")
