"""The command `user-behaviour`: its group, and the one place where errors become a line or two and an exit status.

The commands are in the other modules here. Whatever takes time to import is imported by the command that needs it.
"""

import gc
import sys
from types import TracebackType
from typing import Any

import click

from user_behaviour.commands.approve import approve
from user_behaviour.commands.classifier import demote, load_labels, models, promote, train
from user_behaviour.commands.data import deliver, generate, load_purchases
from user_behaviour.commands.demo import demo
from user_behaviour.commands.dev import dev
from user_behaviour.commands.doctor import doctor
from user_behaviour.commands.environment import env
from user_behaviour.commands.export import export
from user_behaviour.commands.migrate import migrate
from user_behaviour.commands.plan import apply_plan, plan, shadow
from user_behaviour.commands.questions import explain, query
from user_behaviour.commands.reconcile import reconcile
from user_behaviour.commands.report import report
from user_behaviour.commands.rules import rules
from user_behaviour.commands.run import run
from user_behaviour.commands.stack import down, status, up

INTERRUPTED = 130

# Of objects that may be garbage before Python looks. At its own 700 it goes through those of Dagster's 1,500 modules
# again and again while they are imported: a tenth of a day's run.
GARBAGE = 50_000

# The errors that a user can do something about, besides OSError: by name, so that none is imported for this.
EXPECTED_ERRORS = (
    ("psycopg2", "Error"),
    ("user_behaviour.aws.secrets", "SecretError"),
    ("user_behaviour.catalog.external_tables", "CatalogError"),
    ("user_behaviour.classifier.labels", "LabelsError"),
    ("user_behaviour.classifier.models", "UnknownVersionError"),
    ("user_behaviour.classifier.models", "UntrainableError"),
    ("user_behaviour.classifier.review_scoring", "ModelError"),
    ("user_behaviour.lake.held_back", "HeldBackError"),
    ("user_behaviour.local.errors", "ShopDataError"),
    ("user_behaviour.local.errors", "StackError"),
    ("user_behaviour.migrations.migrations", "MigrationError"),
    ("user_behaviour.plans.plan", "PlanError"),
    ("user_behaviour.rules", "RulesError"),
    ("user_behaviour.report.figures", "UnpublishedDayError"),
    ("user_behaviour.settings", "SettingError"),
    ("user_behaviour.spark.emr", "SparkJobError"),
    ("user_behaviour.spark.java", "JavaNotFound"),
    ("user_behaviour.warehouse.warehouse", "WarehouseDataError"),
    ("user_behaviour.warehouse.warehouse", "NoReaderError"),
)


class _Commands(click.Group):
    """A group that shows an expected error as its message; `--debug` lets it through."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\nInterrupted. What was published stays, and the stack is left as it is.", err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            raise  # the reader of our output has exited; click ends silently
        except _expected_errors() as error:
            if ctx.params.get("debug"):
                raise
            raise click.ClickException(_first_two_lines(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--debug", is_flag=True, help="Show tracebacks, and the log lines of Dagster and Spark.")
@click.version_option(package_name="user_behaviour")
@click.pass_context
def cli(ctx: click.Context, *, debug: bool) -> None:
    """What each customer spent and how they reviewed, every day.

    State lives under USER_BEHAVIOUR_HOME (default: .user_behaviour in the checkout).
    """
    ctx.obj = debug


for command in (up, down, status, doctor, migrate, generate, load_purchases, deliver, run, query, explain, reconcile):
    cli.add_command(command)
for command in (approve, dev, env, demo, report, export):
    cli.add_command(command)
for command in (load_labels, train, models, shadow, promote, demote, rules, plan, apply_plan):
    cli.add_command(command)


def main() -> None:
    """The entry point: an error that nobody expected becomes one line too, unless `--debug` is given."""
    gc.set_threshold(GARBAGE)
    if "--debug" not in sys.argv:
        sys.excepthook = _unexpected
    cli()


def _expected_errors() -> tuple[type[BaseException], ...]:
    """Those whose module is imported: no other can have been raised."""
    raised = [getattr(sys.modules[module], name) for module, name in EXPECTED_ERRORS if module in sys.modules]
    return (OSError, *raised)


def _first_two_lines(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "\n".join(lines[:2]) or type(error).__name__


def _unexpected(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    click.echo(
        f"Error: {kind.__name__}: {_first_two_lines(error)}\n"
        "This was not expected; `user-behaviour --debug …` shows where it came from.",
        err=True,
    )
