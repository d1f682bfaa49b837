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
    "Fargate, vCPU": Price(0.04048, "vCPU-hour", "Linux on x86, vantage.sh and wring.co, 2026; read 2026-11-27"),
    "Fargate, memory": Price(0.004445, "GB-hour", "Linux on x86, vantage.sh and wring.co, 2026; read 2026-11-27"),
    "RDS instance": Price(0.016, "hour", "PostgreSQL on db.t4g.micro, one zone, infratally.com, 2026; read 2026-11-27"),
    "RDS storage": Price(0.115, "GB-month", "gp3, usage.ai, June 2026; read 2026-11-27"),
    "NAT gateway": Price(0.045, "hour", "zacfukuda.com, June 2026; read 2026-11-27"),
    "NAT gateway, data": Price(0.045, "GB", "zacfukuda.com, June 2026; read 2026-11-27"),
    "public address": Price(0.005, "hour", "of the NAT gateway, cloudburn.io, 2026; read 2026-11-27"),
    "interface endpoint": Price(0.01, "hour in a zone", "zacfukuda.com, June 2026; read 2026-11-27"),
    "logs, images, private zone": Price(2.00, "month", "assumed: 1 GB of logs, ten images of 0.5 GB, one zone of DNS"),
    "Spectrum on a cluster": Price(
        5.00, "TB scanned", "Amazon Redshift pricing, least charge 10 MB a query; Serverless charges RPUs instead"
    ),
}

AMOUNTS = {
    "workers": Amount(3, "workers", "one driver and two executors to begin with, as deploy/template.yaml sets them"),
    "workers, most": Amount(7, "workers", "one driver and the most executors of deploy/template.yaml"),
    "worker vCPU": Amount(2, "vCPU", "deploy/template.yaml"),
    "worker memory": Amount(8, "GB", "deploy/template.yaml"),
    "Spark, a day": Amount(3, "minutes", "assumed: start and stop of workers, and seconds of work"),
    "Spark, a backfill": Amount(5, "minutes", "assumed: the same, and 11 s of work measured on a laptop's 2 cores"),
    "run's vCPU": Amount(1, "vCPU", "the task of a run, deploy/template.yaml"),
    "run's memory": Amount(2, "GB", "the task of a run, deploy/template.yaml"),
    "run": Amount(6, "minutes", "assumed: a task starts in one, and waits for Spark"),
    "services' vCPU": Amount(1, "vCPU", "webserver, daemon and code together, deploy/template.yaml"),
    "services' memory": Amount(4, "GB", "webserver, daemon and code together, deploy/template.yaml"),
    "month": Amount(730, "hours", "a year's twelfth"),
    "RDS storage": Amount(20, "GB", "the least that RDS gives; Dagster's events of a year are some 0.2 GB"),
    "NAT data": Amount(5, "GB", "assumed; images and the lake come through S3's gateway endpoint"),
    "endpoints": Amount(7300, "hours", "ten of them in one zone, for a month: those that a VPC without NAT needs"),
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
        "the sensor `vendor_files` looks every 30 s: one list, and two where the drop has more than 1,000 files; "
        "asking the queue (86,400 requests a month) is assumed to stay within SQS's free million",
    ),
    "peeks": Amount(4, "looks a day", "`metric_follows` where nothing moves: one every six hours"),
    "awake": Amount(60, "seconds awake", "the least that Redshift Serverless charges for waking up"),
    "scan": Amount(10, "MB", "the least that Spectrum charges for a query on a provisioned cluster"),
}
MB_OF_A_TB = 1_000_000


def spark(minutes: Amount, workers: float) -> Line:
    """A job: every worker is paid for from its start to its end."""
    cores, memory = (AMOUNTS[name].value for name in ("worker vCPU", "worker memory"))
    vcpu, gb = PRICES["Spark, vCPU"].usd, PRICES["Spark, memory"].usd
    usd = minutes.value / 60 * workers * (cores * vcpu + memory * gb)
    return Line(
        "Spark on EMR Serverless",
        f"{minutes.value:g} min / 60 × {workers:g} workers × ({cores:g} vCPU × ${vcpu:g} + {memory:g} GB × ${gb:g})",
        usd,
    )


def fargate(name: str, hours: float, whose: str) -> Line:
    """Tasks on Fargate, for the time that they run."""
    cores, memory = AMOUNTS[f"{whose} vCPU"].value, AMOUNTS[f"{whose} memory"].value
    vcpu, gb = PRICES["Fargate, vCPU"].usd, PRICES["Fargate, memory"].usd
    return Line(
        name,
        f"{hours:g} h × ({cores:g} vCPU × ${vcpu:g} + {memory:g} GB × ${gb:g})",
        hours * (cores * vcpu + memory * gb),
    )


def task() -> Line:
    """The task in which a run is executed."""
    return fargate("The run's task on Fargate", AMOUNTS["run"].value / 60, "run's")


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
    job = spark(AMOUNTS["Spark, a day"], AMOUNTS["workers"].value)
    return [job, redshift(AMOUNTS["Redshift, a day"].value), task(), requests(1)]


def a_backfill() -> list[Line]:
    """One run over 374 days: one Spark job, which takes all executors that it may have; one transaction."""
    days, job = AMOUNTS["days of a backfill"].value, spark(AMOUNTS["Spark, a backfill"], AMOUNTS["workers, most"].value)
    return [job, redshift(AMOUNTS["Redshift, a backfill"].value), task(), requests(days)]


def a_backfill_by_day() -> list[Line]:
    """The same days as one run each: what `--per-day` costs."""
    days = AMOUNTS["days of a backfill"].value
    return [Line(line.name, f"{days:g} × ({line.arithmetic})", days * line.usd) for line in a_day()[:3]] + [
        requests(days)
    ]


def product(name: str, amount: str, price: str) -> Line:
    """An amount at a price."""
    known, usd = AMOUNTS[amount], PRICES[price].usd
    return Line(name, f"{known.value:g} {known.unit} × ${usd:g}", known.value * usd)


def at_rest() -> list[Line]:
    """A month of the stack alone, in which nothing runs."""
    return [
        product("S3 storage", "lake", "S3 storage"),
        product("Redshift storage", "lake", "Redshift storage"),
        product("Secrets Manager", "secrets", "Secrets"),
    ]


def a_month() -> list[Line]:
    """Thirty days, one run each, with Dagster on Fargate, its database on RDS, a NAT gateway and both sensors on."""
    day, sensors = sum(line.usd for line in a_day()), sum(line.usd for line in traps()[1:3])
    small = PRICES["logs, images, private zone"].usd
    return [
        fargate("Webserver, daemon and code on Fargate", AMOUNTS["month"].value, "services'"),
        product("Dagster's database on RDS", "month", "RDS instance"),
        product("its storage", "RDS storage", "RDS storage"),
        product("NAT gateway", "month", "NAT gateway"),
        product("its public address", "month", "public address"),
        product("its data", "NAT data", "NAT gateway, data"),
        Line("Logs, images, private zone", f"1 × ${small:g}", small),
        Line("Runs", f"30 × ${day:.4f}, the first table", 30 * day),
        Line("Sensors", f"30 × ${sensors:.4f}, the last table", 30 * sensors),
        *at_rest(),
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
            bill("a month of the stack alone, nothing running", at_rest()),
            bill("a month with everything", a_month()),
            bill("instead of the NAT gateway", [product("Interface endpoints", "endpoints", "interface endpoint")]),
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
