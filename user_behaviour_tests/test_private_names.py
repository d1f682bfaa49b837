"""Every private name of another package that is in use, with its reason: a new one fails here, and so does a stale one.

Private are names with a leading underscore, in whatever way they are reached, and all of `dagster_shared`. Found in the
syntax tree; what a class of ours takes from a base class of another package, in that one's source.
"""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from user_behaviour.project_files import PROJECT_FILES as CHECKOUT

FILES = sorted([*(CHECKOUT / "user_behaviour").rglob("*.py"), *(CHECKOUT / "spark_jobs").rglob("*.py")])
PRIVATE = re.compile(r"_[^_]\w*")

POOL = "The three stock storages are to share one connection pool; a storage takes its engine from nowhere else."
LAUNCHER = "What a run launcher answers run monitoring with; Dagster's own launcher never answers."
ORIGIN = "A run of a command can be executed again in the UI; Dagster makes origins only of what it has loaded itself."
REASONS = {
    "user_behaviour/instance/storage.py: dagster._core.remote_origin.RegisteredCodeLocationOrigin": ORIGIN,
    "user_behaviour/instance/storage.py: dagster._core.remote_origin.RemoteRepositoryOrigin": ORIGIN,
    "user_behaviour/instance/storage.py: _engine": POOL,
    "user_behaviour/instance/storage.py: _event_log_storage": POOL,
    "user_behaviour/instance/storage.py: _run_storage": POOL,
    "user_behaviour/instance/storage.py: _schedule_storage": POOL,
    "user_behaviour/instance/storage.py: _instance": "A waiting step looks after the runs that hold its pool.",
    "user_behaviour/instance/ecs_launcher.py: _instance": "Whether a process lives is asked of the storage.",
    "user_behaviour/instance/ecs_launcher.py: dagster._core.launcher.CheckRunHealthResult": LAUNCHER,
    "user_behaviour/instance/ecs_launcher.py: dagster._core.launcher.WorkerStatus": LAUNCHER,
    "user_behaviour/instance/launcher.py: _instance": "Whether a process lives is asked of the storage.",
    "user_behaviour/instance/launcher.py: dagster._core.launcher.CheckRunHealthResult": LAUNCHER,
    "user_behaviour/instance/launcher.py: dagster._core.launcher.WorkerStatus": LAUNCHER,
    "user_behaviour/instance/storage.py: _replace": "An event is a named tuple: a documented method of those.",
    "user_behaviour/local/planned_events.py: _event_to_row": "What is stored of an event, as an array a column.",
    "user_behaviour/io_managers/publishing.py: _asset_partitions_subset": (
        "An output cannot say that it covers fewer partitions than its run: dagster-io/dagster issues 17836 and 21072."
    ),
}
# Public by their names, but Dagster documents them nowhere; nothing documented does the same.
UNDOCUMENTED = {
    "get_latest_asset_partition_materialization_attempts_without_materializations": (
        "Which days are red; what is documented goes through all days of the calendar."
    ),
    "get_asset_check_execution_history": "A check looks again at the days that offended at its last result.",
    "add_event_listener": "`user-behaviour run` shows what a run does while it does it.",
    "add_asset_metadata": "An IO manager gives each day of a range its own metadata; the step's context takes it.",
    "get_step_execution_context": "A year's deliveries are one write to Dagster's storage, as a run's own events are.",
    "set_data_version": "An IO manager says that a run has made new data; the step's context takes it.",
    "report_engine_event": "A step that waits for its pool says in its run for whom.",
    "get_concurrency_info": "Who holds the slots of a pool.",
    "get_output_asset_keys": "An IO manager tells an input that is the step's own asset, by the step's context.",
    "report_dagster_event": "A check whose asset made no day gets its result from the asset's own step.",
    "report_run_failed": "A run whose process was killed is marked as failed.",
    "add_run_tags": "A run whose process was killed is not retried by the daemon.",
    "free_concurrency_slots_for_run": "A run whose process was killed gives its pool slots back.",
}


def private_names(path: Path) -> Iterator[str]:
    """The private names of other packages that a file uses."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _of_self(node.value)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_private(alias.name))
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in names if _is_private(name))
        elif isinstance(node, ast.Attribute):
            if PRIVATE.fullmatch(node.attr) and not _of_self(node.value) and node.attr not in own:
                yield node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("attr"):
            yield from (name for name in _texts(tree, node.args[1:2]) if PRIVATE.fullmatch(name))
    yield from _inherited(path, tree)


def _is_private(dotted: str) -> bool:
    package, *rest = dotted.split(".")
    foreign = package not in ("user_behaviour", "__future__")
    return foreign and (package == "dagster_shared" or any(PRIVATE.fullmatch(part) for part in (package, *rest)))


def _of_self(node: ast.expr) -> bool:
    """Whether an attribute's owner is `self`, `cls` or `super()`."""
    return ast.unparse(node) in ("self", "cls", "super()")


def _texts(tree: ast.Module, arguments: list[ast.expr]) -> Iterator[str]:
    """The texts that arguments are: written out, or a constant of the module."""
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for argument in arguments:
        value = argument.value if isinstance(argument, ast.Constant) else constants.get(ast.unparse(argument))
        if isinstance(value, str):
            yield value


def _inherited(path: Path, tree: ast.Module) -> Iterator[str]:
    """The private attributes of its instances that a class shares with a base class of another package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.bases and "user_behaviour" in path.parts:
            names = {a.attr for a in ast.walk(node) if isinstance(a, ast.Attribute) and _of_self(a.value)}
            if names := {name for name in names if PRIVATE.fullmatch(name)}:
                theirs = _foreign_sources(path, node.name)
                yield from (name for name in sorted(names) if re.search(rf"\b(self\.|def ){name}\b", theirs))


def _foreign_sources(path: Path, class_name: str) -> str:
    """The source of the classes of other packages that instances of a class have their attributes of."""
    module = importlib.import_module(".".join(path.relative_to(CHECKOUT).with_suffix("").parts))
    own = getattr(module, class_name)
    # A class that is mixed into those of another package has none of them as a base: those that it is mixed into have.
    classes = [found for found in vars(module).values() if inspect.isclass(found) and issubclass(found, own)]
    bases = {base for found in classes for base in found.__mro__}
    ours = {"user_behaviour", *sys.stdlib_module_names}
    return "\n".join(inspect.getsource(base) for base in bases if base.__module__.partition(".")[0] not in ours)


def test_every_private_name_of_another_package_is_in_use_for_a_reason() -> None:
    used = {f"{path.relative_to(CHECKOUT)}: {name}" for path in FILES for name in private_names(path)}
    assert used == set(REASONS)


def test_every_undocumented_name_is_still_in_use() -> None:
    trees = [ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for path in FILES]
    assert {node.attr for tree in trees for node in tree if isinstance(node, ast.Attribute)} >= set(UNDOCUMENTED)


def test_a_private_name_is_found_in_whatever_way_it_is_reached(tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    file.write_text(
        "import a._b.c, own\n"
        "from d._e import f\n"
        "from g import _h, h\n"
        "from dagster_shared.error import i\n"
        "from user_behaviour.commands import _ours\n"
        "NAME = '_j'\n"
        "def work(x, y):\n"
        "    setattr(x, NAME, getattr(y, '_k') + x.l._m() + y._n._o + x.__class__ + y.p)\n"
        "class Own:\n"
        "    def method(self, other): self._q, other._q, self._r(other._r)\n"
        "    def _r(self, x): return x\n"
    )
    assert sorted(private_names(file)) == sorted(
        ["a._b.c", "d._e.f", "g._h", "dagster_shared.error.i", "_j", "_k", "_m", "_n", "_o"]
    )
