"""Measures the project against `floor.py`, on the same data and in one go; prints tables and bounds, and writes JSON.

    python bench/run.py [--scales 1 10] [--runs 3] [--real DIR] [--json FILE]
    python bench/run.py --grow                            the project alone at scale 10 and 100; 30 GB of disk, an hour

Both run as whole processes, in turn, so that a machine that slows down slows both. The first run of each kind, in an
empty lake and with nothing in the system's cache, is shown and not counted; medians of the others are quoted. The
project is `user-behaviour run`, process start to exit, in a home of its own. Memory is each process's own peak (VmHWM),
Python and JVM apart. With `--real`, the directory of online_retail.csv.gz and vendor_drops/, these are measured too,
and labelled_reviews.csv.gz is trained on. A process of Spark's workers in Python is none of the two.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import psycopg2
from bounds import bounds_of, kept, scaled

from user_behaviour.local.shop_data import SAMPLE_LABELS
from user_behaviour.local.stack import Stack

HERE = Path(__file__).resolve().parent
FIRST, LAST = "2010-12-01", "2011-12-09"
ONE_DAY = "2011-11-10"
DISK = 30_000_000_000
WITHOUT_SPARK = "raw_purchases,raw_reviews,staged_purchases,spectrum/user_purchase_staging,public/user_behavior_metric"
# What the floor does too; marts and report are measured apart.
TO_THE_METRIC = ("--select", "+key:public/user_behavior_metric")
ALL_DAYS = ("run", "--from", FIRST, "--to", LAST)


@dataclass
class Figures:
    """Of a process: wall seconds, peak MiB of Python and of the JVM below it, seconds of its checks. Or medians."""

    seconds: float
    python_mib: float
    java_mib: float
    checks: float


def measured(command: Sequence[str], environ: Mapping[str, str]) -> Figures:
    """Runs a command to its end; exits with what it printed if it fails."""
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, **environ}, stdout=output, stderr=subprocess.STDOUT)
        python = java = 0
        while process.poll() is None:
            python, java = max(python, peak_mib(process.pid)), max(java, peak_mib(java_below(process.pid)))
            time.sleep(0.05)
        seconds = time.perf_counter() - started
        output.seek(0)
        printed = output.read()
        if process.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{printed}")
    # As `run` adds them up from the steps in Dagster's events.
    checks = re.search(r"^Seconds: .*\bchecks ([\d.]+)", printed, re.MULTILINE)
    return Figures(round(seconds, 2), python, java, float(checks.group(1)) if checks else 0)


def medians(processes: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return Figures(*(statistics.median(column) for column in zip(*map(astuple, processes), strict=True)))


def java_below(pid: int) -> int | None:
    """The JVM among the descendants of a process."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        tasks = {child: Path(f"/proc/{child}/comm").read_text().strip() for child in children}
    except OSError:
        return None
    return next((int(child) for child, name in tasks.items() if name == "java"), None)


def peak_mib(pid: int | None) -> int:
    """The peak resident size of a process; 0 where there is none any more."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found.group(1)) // 1024 if found else 0


class Bench:
    """One data set in a home of its own, measured by both."""

    def __init__(self, home: Path, runs: int) -> None:
        self.home = home
        self.runs = runs

    def cli(self, *arguments: str) -> Figures:
        environ = {"USER_BEHAVIOUR_HOME": str(self.home), "USER_BEHAVIOUR_LAST_DAY": LAST}
        return measured([sys.executable, "-m", "user_behaviour", *arguments], environ)

    def floor(self, first: str, last: str) -> Figures:
        urls = Stack(self.home).up()
        lake = self.home / "floor"
        shutil.rmtree(lake, ignore_errors=True)
        places = ["--vendor", str(self.home / "vendor"), "--lake", str(lake)]
        databases = ["--shop-url", urls.shop, "--warehouse-url", urls.warehouse]
        days = ["--from", first, "--to", last]
        return measured([sys.executable, str(HERE / "floor.py"), *databases, *places, *days], {})

    def pair(self, first: str, last: str) -> dict[str, Any]:
        """Project and floor in turn over the days; a single run is of an empty lake, and counts."""
        warm = 1 if self.runs > 1 else 0
        turns = [
            (self.cli("run", "--from", first, "--to", last, *TO_THE_METRIC), self.floor(first, last))
            for _ in range(warm + self.runs)
        ]
        ours, floor = zip(*turns[warm:], strict=True)
        ratio = statistics.median(one.seconds / other.seconds for one, other in turns[warm:])
        cold = {"cold project": asdict(turns[0][0]), "cold floor": asdict(turns[0][1])} if warm else {}
        return {"project": asdict(medians(ours)), "floor": asdict(medians(floor)), "ratio": round(ratio, 2), **cold}

    def by_model(self, labels: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        """A training on the labels, whose version goes live; then all days by it, as often as by the baseline."""
        self.cli("load-labels", str(labels))
        training = self.cli("train")
        warm = 1 if self.runs > 1 else 0
        scored = [self.cli(*ALL_DAYS, *TO_THE_METRIC) for _ in range(warm + self.runs)]
        return {"project": asdict(training)}, {"project": asdict(medians(scored[warm:]))}

    def alone(self) -> dict[str, Any]:
        """The project over all days, once."""
        return {"project": asdict(self.cli(*ALL_DAYS, *TO_THE_METRIC))}

    def beside(self, more: Sequence[str], less: Sequence[str]) -> dict[str, Any]:
        """Two commands in turn, each first once that does not count; `ratio` is that of the first to the second."""
        turns = [(self.cli(*more), self.cli(*less)) for _ in range(1 + self.runs)][1:]
        ratio = statistics.median(one.seconds / other.seconds for one, other in turns)
        return {"project": asdict(medians([one for one, _ in turns])), "ratio": round(ratio, 2)}


def measure(
    name: str,
    load: Sequence[Sequence[str]],
    *,
    runs: int,
    labels: Path | None = None,
    one_day: bool = False,
    with_floor: bool = True,
) -> dict[str, Any]:
    """Loads data into a new home and measures it there; `labels` that are not given are the sample's."""
    directory = Path(tempfile.mkdtemp(prefix="user_behaviour_bench_")).resolve()
    bench = Bench(directory / "home", runs)
    try:
        bench.cli("up")
        for arguments in load:
            bench.cli(*arguments)
        all_days = bench.pair(FIRST, LAST) if with_floor else bench.alone()
        result = {"data": name, "purchase lines": purchase_lines(bench.home), "all days": all_days}
        result["lines per second"] = round(result["purchase lines"] / result["all days"]["project"]["seconds"])
        if one_day:
            result["one day"] = bench.pair(ONE_DAY, ONE_DAY)
            alone = [bench.cli("run", "--day", ONE_DAY, "--select", WITHOUT_SPARK) for _ in range(1 + runs)]
            result["one day without Spark"] = {"project": asdict(medians(alone[1:]))}
            result["all days with marts and report"] = bench.beside(ALL_DAYS, (*ALL_DAYS, *TO_THE_METRIC))
            planned = ("plan", "--quantity-rule", f"{FIRST}:5")
            result["plan of a rule"] = bench.beside(planned, (*ALL_DAYS, "--select", "key:staged_purchases+"))
        if with_floor:
            result["training"], result["all days by model"] = bench.by_model(labels or bench.home / SAMPLE_LABELS)
        return result
    finally:
        bench.cli("down")
        shutil.rmtree(directory)


def purchase_lines(home: Path) -> int:
    """The lines that the shop's database holds."""
    with closing(psycopg2.connect(Stack(home).endpoints().shop)) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from retail.user_purchase")
        ((count,),) = cursor.fetchall()
    return int(count)


def import_seconds(runs: int) -> float:
    """A process that imports the definitions, start to exit."""
    command = [sys.executable, "-W", "ignore", "-c", "import user_behaviour.definitions"]
    return statistics.median(measured(command, {}).seconds for _ in range(runs))


def show(result: Mapping[str, Any]) -> None:
    """Prints one data set's figures."""
    print(f"\n{result['data']}: {result['purchase lines']:,} purchase lines, {result['lines per second']:,} a second")
    parts = [name for name, found in result.items() if isinstance(found, dict)]
    for part in parts:
        for who, found in result[part].items():
            if who == "ratio":
                print(f"  {part:30} project / {'floor' if 'floor' in result[part] else 'the other'} {found:.2f}")
                continue
            memory = f"Python {found['python_mib']:.0f} MiB, JVM {found['java_mib']:.0f} MiB"
            checks = f", checks {found['checks']:.1f} s" if who.endswith("project") else ""
            print(f"  {part:30} {who:12} {found['seconds']:7.2f} s, {memory}{checks}")


def main() -> None:
    """Measures, prints, writes."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a long bench tells how far it is
    parser = argparse.ArgumentParser(description="The project against a plain script, on the same data.")
    parser.add_argument("--scales", type=float, nargs="*", default=[1, 10], help="sizes of the sample data")
    parser.add_argument("--runs", type=int, default=3, help="processes of each kind; the median counts")
    parser.add_argument("--real", type=Path, default=HERE.parents[1] / "shared" / "data", help="the real data")
    parser.add_argument("--grow", action="store_true", help="measure the project alone, at scale 10 and 100")
    parser.add_argument("--json", type=Path, default=HERE / "results" / "bench.json", help="file to write")
    arguments = parser.parse_args()
    scales = [10, 100] if arguments.grow else arguments.scales
    if arguments.grow and (free := shutil.disk_usage(tempfile.gettempdir()).free) < DISK:
        sys.exit(f"{tempfile.gettempdir()} has {free / 1e9:.0f} GB free; {DISK / 1e9:.0f} GB are needed (TMPDIR).")
    results = []
    if not arguments.grow and (arguments.real / "online_retail.csv.gz").exists():
        files = [str(file) for file in sorted((arguments.real / "vendor_drops").iterdir())]
        load = [("load-purchases", str(arguments.real / "online_retail.csv.gz")), ("deliver", *files)]
        labels = arguments.real / "labelled_reviews.csv.gz"
        results.append(measure("real data", load, runs=arguments.runs, labels=labels, one_day=True))
        show(results[-1])
    for scale in scales:
        generate = ("generate", "--from", FIRST, "--to", LAST, "--scale", f"{scale:g}")
        # A large scale speaks for itself in one run.
        runs = arguments.runs if scale <= 1 else 1
        results.append(measure(scaled(scale), [generate], runs=runs, with_floor=not arguments.grow))
        show(results[-1])
    imports = import_seconds(arguments.runs)
    print(f"\nimport user_behaviour.definitions: {imports:.2f} s")
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({"results": results, "import seconds": imports}, indent=2) + "\n")
    print(f"Written to {arguments.json}.")
    sys.exit(0 if kept(list(bounds_of(results))) else 1)


if __name__ == "__main__":
    main()
