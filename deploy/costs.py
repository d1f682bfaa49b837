"""What the aws deployment costs, from named prices and amounts: prints the tables of docs/aws.md as Markdown.

Prices are those of us-east-1 and change: look them up for your Region, put them in, run `python deploy/costs.py`.
Amounts are assumptions, or were measured locally; nothing here has been seen on a bill.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """US dollars for one unit, or how much of something; and who says so, or how that is known."""

    value: float
    unit: str
    source: str


@dataclass(frozen=True)
class Line:
    """One line of a bill; `arithmetic` shows the product in figures."""

    name: str
    arithmetic: str
    usd: float

    def times(self, count: float, name: str = "") -> "Line":
        """So many of them, under a name of their own."""
        return Line(name or self.name, f"{count:g} × ({self.arithmetic})", count * self.usd)


EMR_PRICING = "aws.amazon.com/emr/pricing as listed in PerfKitBenchmarker, x86; read 2026-11-20"
PRICES = {
    "Spark, vCPU": Figure(0.052624, "vCPU-hour", EMR_PRICING),
    "Spark, memory": Figure(0.0057785, "GB-hour", EMR_PRICING),
    "Redshift Serverless": Figure(
        0.375, "RPU-hour", "AWS Big Data Blog: 4 RPU from $1.50 an hour; least charge 60 s; read 2026-11-20"
    ),
    "Redshift storage": Figure(0.024, "GB-month", "quoted by third parties in 2025 and 2026; read 2026-11-20"),
    "S3 storage": Figure(0.023, "GB-month", "S3 Standard, quoted by third parties in 2025 and 2026; read 2026-11-20"),
    "S3 writes and lists": Figure(0.005, "1,000 requests", "S3 Standard, quoted by third parties; read 2026-11-20"),
    "S3 reads": Figure(0.0004, "1,000 requests", "S3 Standard, quoted by third parties; read 2026-11-20"),
    "Secrets": Figure(0.40, "secret-month", "quoted by third parties; read 2026-11-20"),
    "Fargate, vCPU": Figure(0.04048, "vCPU-hour", "Linux on x86, vantage.sh and wring.co, 2026; read 2026-11-27"),
    "Fargate, memory": Figure(0.004445, "GB-hour", "Linux on x86, vantage.sh and wring.co, 2026; read 2026-11-27"),
    "RDS instance": Figure(
        0.016, "hour", "PostgreSQL on db.t4g.micro, one zone, infratally.com, 2026; read 2026-11-27"
    ),
    "RDS storage": Figure(0.115, "GB-month", "gp3, usage.ai, June 2026; read 2026-11-27"),
    "NAT gateway": Figure(0.045, "hour", "zacfukuda.com, June 2026; read 2026-11-27"),
    "NAT gateway, data": Figure(0.045, "GB", "zacfukuda.com, June 2026; read 2026-11-27"),
    "public address": Figure(0.005, "hour", "of the NAT gateway, cloudburn.io, 2026; read 2026-11-27"),
    "interface endpoint": Figure(0.01, "hour in a zone", "zacfukuda.com, June 2026; read 2026-11-27"),
    "logs, images, private zone": Figure(2.00, "month", "assumed: 1 GB of logs, ten images of 0.5 GB, one zone of DNS"),
    "Spectrum on a cluster": Figure(
        5.00, "TB scanned", "Amazon Redshift pricing, least charge 10 MB a query; Serverless charges RPUs instead"
    ),
}

AMOUNTS = {
    "workers": Figure(3, "workers", "one driver and two executors to begin with, as deploy/template.yaml sets them"),
    "workers, most": Figure(7, "workers", "one driver and the most executors of deploy/template.yaml"),
    "worker vCPU": Figure(2, "vCPU", "deploy/template.yaml"),
    "worker memory": Figure(8, "GB", "deploy/template.yaml"),
    "Spark, a day": Figure(3, "minutes", "assumed: start and stop of workers, and seconds of work"),
    "Spark, a backfill": Figure(5, "minutes", "assumed: the same, and 11 s of work measured on a laptop's 2 cores"),
    "run's vCPU": Figure(1, "vCPU", "the task of a run, deploy/template.yaml"),
    "run's memory": Figure(2, "GB", "the task of a run, deploy/template.yaml"),
    "run": Figure(6, "minutes", "assumed: a task starts in one, and waits for Spark"),
    "services' vCPU": Figure(1, "vCPU", "webserver, daemon and code together, deploy/template.yaml"),
    "services' memory": Figure(4, "GB", "webserver, daemon and code together, deploy/template.yaml"),
    "month": Figure(730, "hours", "a year's twelfth"),
    "RDS storage": Figure(20, "GB", "the least that RDS gives; Dagster's events of a year are some 0.2 GB"),
    "NAT data": Figure(5, "GB", "assumed; images and the lake come through S3's gateway endpoint"),
    "endpoints": Figure(8030, "hours", "eleven in one zone, for a month: what runs and ECS need in a VPC without NAT"),
    "base capacity": Figure(8, "RPU", "deploy/template.yaml"),
    "Redshift, a day": Figure(120, "seconds awake", "assumed: a run wakes it for two minutes"),
    "Redshift, a backfill": Figure(300, "seconds awake", "assumed; the same statements took 3 s on PostgreSQL"),
    "S3 writes, a day": Figure(
        60, "requests", "at most: 24 a day were counted in a run of 374 days, on the stand-in for S3"
    ),
    "S3 reads, a day": Figure(
        200, "requests", "at most: 73 a day were counted in that run; Spectrum's scans by the stand-in"
    ),
    "days of a backfill": Figure(374, "days", "2010-12-01 to 2011-12-09"),
    "lake": Figure(0.1, "GB", "measured: 374 days of the public data in force are 74 MB"),
    "secrets": Figure(4, "secrets", "source, Dagster's storage, Redshift's administrator and reader"),
    "poll": Figure(24, "hours awake", "a query more often than once a minute never lets Redshift sleep"),
    "looks": Figure(
        2880,
        "lists a day",
        "the sensor `vendor_files` looks every 30 s: one list, and two where the drop has more than 1,000 files; "
        "asking the queue (86,400 requests a month) is assumed to stay within SQS's free million",
    ),
    "peeks": Figure(4, "looks a day", "`metric_follows` where nothing moves: one every six hours"),
    "awake": Figure(60, "seconds awake", "the least that Redshift Serverless charges for waking up"),
    "scan": Figure(10, "MB", "the least that Spectrum charges for a query on a provisioned cluster"),
}


def amount(name: str) -> float:
    """How much it is."""
    return AMOUNTS[name].value


def price(name: str) -> float:
    """The US dollars for one unit of it."""
    return PRICES[name].value


def spark(lasts: float, many: float) -> Line:
    """A job of so many minutes: every worker is paid for from its start to its end."""
    cores, memory = amount("worker vCPU"), amount("worker memory")
    vcpu, gb = price("Spark, vCPU"), price("Spark, memory")
    return Line(
        "Spark on EMR Serverless",
        f"{lasts:g} min / 60 × {many:g} workers × ({cores:g} vCPU × ${vcpu:g} + {memory:g} GB × ${gb:g})",
        lasts / 60 * many * (cores * vcpu + memory * gb),
    )


def fargate(name: str, hours: float, whose: str) -> Line:
    """Tasks on Fargate, for the time that they run."""
    cores, memory = amount(f"{whose} vCPU"), amount(f"{whose} memory")
    vcpu, gb = price("Fargate, vCPU"), price("Fargate, memory")
    arithmetic = f"{hours:g} h × ({cores:g} vCPU × ${vcpu:g} + {memory:g} GB × ${gb:g})"
    return Line(name, arithmetic, hours * (cores * vcpu + memory * gb))


def redshift(seconds: float, name: str = "Redshift Serverless") -> Line:
    """Redshift Serverless, for the time that it is awake."""
    capacity, rpu = amount("base capacity"), price("Redshift Serverless")
    return Line(name, f"{seconds:,.0f} s / 3,600 × {capacity:g} RPU × ${rpu:g}", seconds / 3600 * capacity * rpu)


def requests(days: float) -> Line:
    """The requests to S3 for so many days."""
    writes, reads = amount("S3 writes, a day"), amount("S3 reads, a day")
    write, read = price("S3 writes and lists"), price("S3 reads")
    return Line(
        "S3 requests",
        f"{days:g} × ({writes:g} × ${write:g} + {reads:g} × ${read:g}) / 1,000",
        days * (writes * write + reads * read) / 1000,
    )


def a_run(spark_job: Line, seconds_awake: str, days: float) -> list[Line]:
    """A run over so many days: both sides, and the metric."""
    task = fargate("The run's task on Fargate", amount("run") / 60, "run's")
    return [spark_job, redshift(amount(seconds_awake)), task, requests(days)]


def a_day() -> list[Line]:
    """One run over one day."""
    return a_run(spark(amount("Spark, a day"), amount("workers")), "Redshift, a day", 1)


def a_backfill() -> list[Line]:
    """One run over 374 days: one Spark job, which takes all executors that it may have; one transaction."""
    job = spark(amount("Spark, a backfill"), amount("workers, most"))
    return a_run(job, "Redshift, a backfill", amount("days of a backfill"))


def a_backfill_by_day() -> list[Line]:
    """The same days as one run each: what `--per-day` costs."""
    days = amount("days of a backfill")
    return [*(line.times(days) for line in a_day()[:3]), requests(days)]


def rerun(days: int, *, scored: bool) -> tuple[float, float, float]:
    """One run that makes days of the metric again: vCPU-hours, RPU-hours, US dollars; `scored`: with the Spark job.

    What grows with the days lies between that of a day and that of a backfill, and beyond in proportion.
    """

    def between(day: str, backfill: str) -> float:
        return amount(day) + (days - 1) / (amount("days of a backfill") - 1) * (amount(backfill) - amount(day))

    awake, hours = between("Redshift, a day", "Redshift, a backfill"), amount("run") / 60
    lines, vcpu_hours = [redshift(awake), fargate("", hours, "run's"), requests(days)], hours * amount("run's vCPU")
    if scored:
        minutes, workers = between("Spark, a day", "Spark, a backfill"), between("workers", "workers, most")
        lines.append(spark(minutes, workers))
        vcpu_hours += minutes / 60 * workers * amount("worker vCPU")
    return vcpu_hours, awake / 3600 * amount("base capacity"), sum(line.usd for line in lines)


def product(name: str, known: str, unit_price: str) -> Line:
    """An amount at a price."""
    figure, usd = AMOUNTS[known], price(unit_price)
    return Line(name, f"{figure.value:g} {figure.unit} × ${usd:g}", figure.value * usd)


def at_rest() -> list[Line]:
    """A month of the stack alone, in which nothing runs."""
    stored = [product(place, "lake", place) for place in ("S3 storage", "Redshift storage")]
    return [*stored, product("Secrets Manager", "secrets", "Secrets")]


def a_month() -> list[Line]:
    """Thirty days, one run each, with Dagster on Fargate, its database on RDS, a NAT gateway and both sensors on."""
    day, sensors = sum(line.usd for line in a_day()), sum(line.usd for line in traps()[1:3])
    small = price("logs, images, private zone")
    return [
        fargate("Webserver, daemon and code on Fargate", amount("month"), "services'"),
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
    lists, a_list = amount("looks"), price("S3 writes and lists")
    scan, terabyte = amount("scan"), price("Spectrum on a cluster")
    return [
        redshift(amount("poll") * 3600, "a query every 30 s keeps Redshift Serverless awake"),
        redshift(amount("awake")).times(amount("peeks"), "the sensor `metric_follows` on, while nothing moves"),
        Line("the sensor `vendor_files` on", f"{lists:,.0f} × ${a_list:g} / 1,000", lists * a_list / 1000),
        Line(
            "1,000 small Spectrum queries on a provisioned cluster",
            f"1,000 × {scan:g} MB / 1,000,000 × ${terabyte:g}",
            scan / 1000 * terabyte,
        ),
    ]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def bill(title: str, lines: Sequence[Line]) -> str:
    """A table of lines, and their sum."""
    rows = [(line.name, line.arithmetic, f"${line.usd:,.4f}") for line in lines]
    total = ("**sum**", "", f"**${sum(line.usd for line in lines):,.4f}**")
    return table((title, "arithmetic", "US dollars"), [*rows, total])


def report() -> str:
    """All tables, as docs/aws.md has them."""
    habits = [(line.name, line.arithmetic, f"${line.usd:,.2f}") for line in traps()]
    prices = [(name, f"{one.value:g}", one.unit, one.source) for name, one in PRICES.items()]
    amounts = [(name, f"{one.value:g} {one.unit}", one.source) for name, one in AMOUNTS.items()]
    tables = (
        bill("one day, one run", a_day()),
        bill("374 days, one run", a_backfill()),
        bill("374 days, one run each", a_backfill_by_day()),
        bill("a month of the stack alone, nothing running", at_rest()),
        bill("a month with everything", a_month()),
        bill("instead of the NAT gateway", [product("Interface endpoints", "endpoints", "interface endpoint")]),
        table(("habit", "arithmetic", "US dollars a day"), habits),
        table(("price", "US dollars", "for one", "source"), prices),
        table(("amount", "value", "how it is known"), amounts),
    )
    return "\n\n".join(tables)


if __name__ == "__main__":
    sys.stdout.write(report() + "\n")
