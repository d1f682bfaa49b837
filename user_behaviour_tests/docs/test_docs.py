"""What the docs promise: the README's commands exist, the settings are listed, the dictionary is today's."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from user_behaviour import settings
from user_behaviour.commands.cli import cli
from user_behaviour.tables import dbt_sources
from user_behaviour.tables import dictionary as data_dictionary
from user_behaviour_tests.test_deployments import AWS

CHECKOUT = Path(__file__).resolve().parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_the_data_dictionary_is_made_from_the_schemas_of_today() -> None:
    assert (CHECKOUT / "docs" / "data-dictionary.md").read_text(encoding="utf-8") == data_dictionary.render()


def test_the_sources_for_dbt_are_made_from_the_schemas_of_today_and_fit_dbts_schema() -> None:
    file = CHECKOUT / "docs" / "dbt" / "sources.yml"
    assert file.read_text(encoding="utf-8") == dbt_sources.render()
    schema = Path(sys.prefix) / "dbt" / "dbt" / "jsonschemas" / "resources" / "latest.json"
    assert schema.exists(), f"dbt's schema is not there; `make {schema.relative_to(schema.parents[5])}`"
    command = [Path(sys.executable).with_name("check-jsonschema"), "--schemafile", schema, file]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_example_environment_lists_every_variable_that_is_read() -> None:
    source = Path(settings.__file__).read_text(encoding="utf-8")
    asked = re.findall(r'(?:variables|self)\.(?:text|day|number|choice|place|file|role|address)\("([A-Z_]+)"', source)
    read = {f"USER_BEHAVIOUR_{name}" for name in (*asked, "SOURCE_URL")}  # a role reads that, at each connection
    listed = re.findall(
        r"^(USER_BEHAVIOUR_\w+)=", (CHECKOUT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert read
    assert sorted(listed) == sorted(read)


def test_only_deployments_reads_the_environment() -> None:
    reads = re.compile(r"os\.environ\b(?!\[[^\]]+\] = )|os\.getenv")
    guilty = {
        str(path.relative_to(CHECKOUT))
        for path in (CHECKOUT / "user_behaviour").rglob("*.py")
        if reads.search(path.read_text(encoding="utf-8"))
    }
    # Not settings of the project: what commands hand on to Dagster's processes, AWS's own variables, and Java's.
    aside = "commands/dagster_process.py commands/dev.py aws/clients.py spark/local.py spark/class_archive.py"
    assert guilty - {f"user_behaviour/{name}" for name in aside.split()} == {"user_behaviour/deployments.py"}


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z]+)", README))))
def test_every_make_target_of_the_readme_exists(target: str) -> None:
    asked = subprocess.run(["make", "--dry-run", target], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr


def test_every_command_of_the_readme_exists() -> None:
    table = README.split("## The command")[1].split("##")[0]
    commands = {
        word
        for cell in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for word in re.findall(r"`([a-z][a-z-]+)", cell)
    } - {"user-behaviour"}
    assert {"up", "down", "status", "generate", "load-purchases", "deliver", "run", "query", "explain"} <= commands
    assert commands <= cli.commands.keys()


def test_the_pictures_of_the_ui_are_small_and_each_is_shown() -> None:
    """`make pictures` takes them anew."""
    taken = {path.name: path for path in (CHECKOUT / "docs" / "pictures").glob("*")}
    assert taken.keys() == set(re.findall(r"docs/pictures/([\w-]+\.png)", README))
    for path in taken.values():
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size < 150_000


def test_the_readme_is_one_page() -> None:
    assert len(README.splitlines()) <= 120


def test_the_links_of_the_docs_lead_somewhere() -> None:
    for page in [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *(CHECKOUT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize(
    ("settings", "heavy"), [({}, {"pyspark", "boto3", "dagster_aws"}), (AWS, {"pyspark"})], ids=["local", "aws"]
)
def test_importing_the_definitions_loads_no_spark_and_in_local_nothing_of_aws(
    settings: dict[str, str], heavy: set[str]
) -> None:
    code = f"import sys, user_behaviour.definitions; print(sorted({heavy} & set(sys.modules)))"
    environ = {"PATH": "/usr/bin:/bin", "USER_BEHAVIOUR_HOME": "/nonexistent", **settings}
    call = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert call.stdout.strip() == "[]"
