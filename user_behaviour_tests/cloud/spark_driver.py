"""Drives Spark programs one after the other, each as if spark-submit had started it, in one Python with one JVM.

A start of both takes longer than most programs here. Reads a line of JSON for each program from its input: `program`,
`arguments`, `directory` (to be in), `log` (for what it prints), `modules` (directories) and `properties` (of Spark);
answers each by a line with the exit code. Ends with its input, and the JVM with it.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import traceback
from typing import Any

from pyspark import SparkContext


def main() -> None:
    """Keeps what the process prints for its answers: a program prints into its log."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    SparkContext._ensure_initialized()
    properties = SparkContext._jvm.java.lang.System
    for line in sys.stdin:
        job = json.loads(line)
        for name, value in job["properties"].items():
            properties.setProperty(name, value)
        code = performed(**job)
        for name in job["properties"]:
            properties.clearProperty(name)
        answers.write(f"{code}\n")


def performed(program: str, arguments: list[str], directory: str, log: str, modules: list[str], **_: Any) -> int:
    """The exit code of a program; nothing of it stays in the process."""
    imported, path = {*sys.modules}, [*sys.path]
    sys.argv, sys.path[:0] = [program, *arguments], modules
    os.chdir(directory)
    with open(log, "w") as file:
        sys.stdout = sys.stderr = file
        try:
            runpy.run_path(program, run_name="__main__")
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        except Exception:  # noqa: BLE001 (any, as an interpreter would end by it)
            traceback.print_exc()
            return 1
        finally:
            if context := SparkContext._active_spark_context:
                context.stop()
            sys.stdout, sys.stderr, sys.path = sys.__stdout__, sys.__stderr__, path
            for name in {*sys.modules} - imported:
                if (getattr(sys.modules[name], "__file__", None) or "").startswith(tuple(modules) or "\0"):
                    del sys.modules[name]
    return 0


if __name__ == "__main__":
    main()
