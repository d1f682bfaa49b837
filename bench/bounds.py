"""What the benchmark's figures may be: the bound and the goal of each, and whether all bounds hold.

`run` measures, and gives what it measured as it writes it to JSON.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def kept(bounds: Sequence[tuple[str, float, float, float | None]]) -> bool:
    """Prints what was found for each bound: what, the figure, the most that it may be, the goal; whether all hold."""
    print()
    for what, found, most, goal in bounds:
        aim = "" if goal is None else f", goal {goal:g} {'reached' if found <= goal else 'not reached'}"
        print(f"  {'ok' if found <= most else 'MISSED':6} {what:58} {found:8.2f}, at most {most:g}{aim}")
    return all(found <= most for _, found, most, _ in bounds)


def bounds_of(results: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, float, float, float | None]]:
    """The bounds on what was measured."""
    by_name = {result["data"]: result for result in results}
    if real := by_name.get("real data"):
        all_days, one_day = real["all days"], real["one day"]
        yield "all days of the real data / floor", all_days["ratio"], 1.25, 1.0
        yield "one day of them / floor", one_day["ratio"], 0.95, 0.8
        yield "one day without Spark, s", real["one day without Spark"]["project"]["seconds"], 3, None
        yield "all checks of all days, s", all_days["project"]["checks"], 2, None
        yield "all checks of one day, s", one_day["project"]["checks"], 0.5, None
        yield "all days with marts and report / without", real["all days with marts and report"]["ratio"], 1.15, None
        yield "plan of a rule for all days / rerun of them", real["plan of a rule"]["ratio"], 0.6, None
        by_model, training = real["all days by model"]["project"], real["training"]["project"]
        yield "all days by the model / by the baseline", by_model["seconds"] / all_days["project"]["seconds"], 2.0, 1.5
        yield "training on 25,000 reviews, s", training["seconds"], 240, 120
        yield "training's peak, MiB", training["python_mib"], 2048, 1536
    if "ratio" in (all_days := by_name.get(scaled(10), {}).get("all days", {})):
        yield "scale 10 / floor", all_days["ratio"], 1.2, None
    if "all days by model" in (ten := by_name.get(scaled(10), {})):
        for what, peak in (("Python's", "python_mib"), ("the JVM's", "java_mib")):
            found = ten["all days by model"]["project"][peak] / ten["all days"]["project"][peak]
            yield f"{what} peak at scale 10, by the model / by the baseline", found, 1.3, None
    one, ten, hundred = (
        by_name[name]["all days"]["project"] if name in by_name else None for name in map(scaled, (1, 10, 100))
    )
    if one and ten:
        yield "Python's peak at scale 10 / at scale 1", ten["python_mib"] / one["python_mib"], 1.15, None
    if ten and hundred:
        yield "seconds at scale 100 / at scale 10", hundred["seconds"] / ten["seconds"], 10, None
        yield "Python's peak at scale 100, MiB", hundred["python_mib"], 1024, None


def scaled(scale: float) -> str:
    """The name of the sample data of a size."""
    return f"sample at scale {scale:g}"
