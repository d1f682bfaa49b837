"""The seam: what the environment says, and which deployment that is."""

import json
import re
import subprocess
import sys
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value

from user_behaviour.aws.places import S3Place
from user_behaviour.definitions import assemble
from user_behaviour.deployments import Deployment, deployment
from user_behaviour.project_files import PROJECT_FILES as CHECKOUT
from user_behaviour.settings import SettingError, read_settings
from user_behaviour.source.postgres import PostgresSource
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour_tests.command_line import Home


def test_an_empty_environment_is_the_local_deployment_in_the_checkout(tmp_path: Path) -> None:
    found = read_settings({})

    assert (found.deployment, found.home.name) == ("local", ".user_behaviour")
    assert found.first_day == date(2010, 12, 1)
    assert read_settings({"USER_BEHAVIOUR_HOME": str(tmp_path)}).last_day is None  # the checkout may hold a demo
    assert (found.bad_row_share, found.file_bytes) == (0.01, 1 << 30)
    assert found.ui_url == "http://127.0.0.1:3000"


def test_every_setting_is_read_from_its_variable() -> None:
    found = read_settings(
        {
            "USER_BEHAVIOUR_DEPLOYMENT": "local",
            "USER_BEHAVIOUR_HOME": "/somewhere",
            "USER_BEHAVIOUR_FIRST_DAY": "2019-01-01",
            "USER_BEHAVIOUR_LAST_DAY": "2019-12-31",
            "USER_BEHAVIOUR_BAD_ROW_SHARE": "0.25",
            "USER_BEHAVIOUR_FILE_BYTES": "1000",
            "USER_BEHAVIOUR_UI_URL": "https://dagster.shop/",
        }
    )

    assert found.home == Path("/somewhere")
    assert (found.first_day, found.last_day) == (date(2019, 1, 1), date(2019, 12, 31))
    assert (found.bad_row_share, found.file_bytes) == (0.25, 1000)
    assert found.ui_url == "https://dagster.shop"


AWS = {
    "USER_BEHAVIOUR_DEPLOYMENT": "aws",
    "USER_BEHAVIOUR_LAKE": "s3://a-lake/shop/lake/",
    "USER_BEHAVIOUR_VENDOR_DROP": "s3://a-vendor",
    "USER_BEHAVIOUR_SOURCE_URL": "postgresql://reader:canary@shop:5432/shop",
    "USER_BEHAVIOUR_DAGSTER_URL": "secretsmanager:dagster#url",
    "USER_BEHAVIOUR_REDSHIFT_HOST": "wg.1.eu-west-1.redshift-serverless.amazonaws.com",
    "USER_BEHAVIOUR_REDSHIFT_WORKGROUP": "wg",
    "USER_BEHAVIOUR_EMR_APPLICATION": "00f1",
    "USER_BEHAVIOUR_EMR_ROLE": "arn:aws:iam::123456789012:role/job",
}


def test_the_aws_settings_are_read_with_their_defaults() -> None:
    found = read_settings(AWS).aws

    assert found is not None
    assert (found.lake, found.vendor_drop) == (S3Place("a-lake", "shop/lake"), S3Place("a-vendor", ""))
    assert (found.redshift_port, found.redshift_database, found.redshift_iam_role) == (5439, "dev", "default")
    assert (found.catalog, found.glue_database, found.spark_minutes) == ("glue", "user_behaviour", 60)
    assert "canary" not in repr(read_settings(AWS))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"LAKE": "", "SOURCE_URL": ""}, "needs USER_BEHAVIOUR_LAKE, USER_BEHAVIOUR_SOURCE_URL; `.env.example` says"),
        ({"LAKE": "/a/directory"}, "USER_BEHAVIOUR_LAKE is '/a/directory'; write a place as s3://bucket/prefix"),
        ({"LAKE": "s3://a-lake/a/../b"}, "the prefix 'a/../b' must be names of A-Z, a-z, 0-9"),
        ({"LAKE": "s3://a-lake/a(b)"}, "USER_BEHAVIOUR_LAKE is 's3://a-lake/a(b)'; the prefix 'a(b)' must be names of"),
        (
            {"REDSHIFT_IAM_ROLE": "root"},
            "USER_BEHAVIOUR_REDSHIFT_IAM_ROLE is 'root'; take arn:aws:iam::<account>:role/",
        ),
        ({"CATALOG": "hive"}, "USER_BEHAVIOUR_CATALOG is 'hive'; choose one of: glue, redshift"),
        ({"REDSHIFT_WORKGROUP": ""}, "USER_BEHAVIOUR_REDSHIFT_CLUSTER; none is"),
        ({"REDSHIFT_CLUSTER": "c"}, "REDSHIFT_WORKGROUP and REDSHIFT_CLUSTER are set"),
        ({"REDSHIFT_WORKGROUP": "", "REDSHIFT_CLUSTER": "c"}, "needs USER_BEHAVIOUR_REDSHIFT_USER"),
        ({"EMR_CLUSTER": "j-1"}, "EMR_APPLICATION and EMR_CLUSTER are set"),
        ({"EMR_ROLE": ""}, "needs USER_BEHAVIOUR_EMR_ROLE"),
        ({"SPARK_MINUTES": "0"}, "USER_BEHAVIOUR_SPARK_MINUTES is '0'; write a number from 1 to 1440"),
    ],
)
def test_settings_of_aws_that_cannot_be_used_are_named_with_what_to_do(change: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingError, match=re.escape(sentence)):
        read_settings({**AWS, **{f"USER_BEHAVIOUR_{name}": value for name, value in change.items()}})


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("FIRST_DAY", "1.12.2010", "write a day as 2010-12-01"),
        ("FIRST_DAY", "20101201", "write a day as 2010-12-01"),
        ("LAST_DAY", "2011-02-30", "write a day as 2010-12-01"),
        ("LAST_DAY", "9999-12-31", "write a day as 2010-12-01, of the years 1900 to 2199"),
        ("HOME", "~nosuchuser/home", "there is no such user; write the whole path"),
        ("LAST_DAY", "2010-11-30", "before the first day"),
        ("BAD_ROW_SHARE", "1 %", "write a number from 0 to 1"),
        ("BAD_ROW_SHARE", "nan", "write a number from 0 to 1"),
        ("UI_URL", "javascript:alert(1)", "write an address as http://host:port"),
        ("FILE_BYTES", "inf", "write a number from 1"),
        ("FILE_BYTES", "1 GiB", "write a number"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_its_value(name: str, value: str, advice: str) -> None:
    with pytest.raises(SettingError) as caught:
        read_settings({f"USER_BEHAVIOUR_{name}": value})

    assert str(caught.value).startswith(f"USER_BEHAVIOUR_{name} is '{value}'; {advice}")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("USER_BEHAVIOUR_LASTDAY", "did you mean USER_BEHAVIOUR_LAST_DAY?"),
        ("USER_BEHAVIOUR_EMR_APPLICATON", "did you mean USER_BEHAVIOUR_EMR_APPLICATION?"),
        ("USER_BEHAVIOUR_home", "`.env.example` lists those that there are."),
    ],
)
def test_a_variable_that_nothing_reads_is_refused_with_the_nearest_name(name: str, advice: str) -> None:
    """A misspelt last day was ignored, and the calendar went on to yesterday."""
    with pytest.raises(SettingError) as caught:
        read_settings({name: ""})
    assert str(caught.value) == f"{name} is no setting; {advice}"


@pytest.mark.parametrize("sign", "[]{}*?")
def test_a_home_whose_name_is_a_pattern_is_refused_before_anything_starts(sign: str) -> None:
    """Dagster took such a home's database for none, and silently kept its runs in SQLite."""
    with pytest.raises(SettingError, match=re.escape(f"USER_BEHAVIOUR_HOME is '/a{sign}b', with {sign} in it")):
        read_settings({"USER_BEHAVIOUR_HOME": f"/a{sign}b"})


def test_every_variable_of_the_example_is_a_setting() -> None:
    example = (CHECKOUT / ".env.example").read_text()
    assert read_settings(dict.fromkeys(re.findall(r"^(\w+)=", example, re.MULTILINE), "")) == read_settings({})


@pytest.mark.parametrize("environ", [{}, AWS], ids=["local", "aws"])
def test_a_deployment_has_a_twin_of_every_role_and_touches_nothing_when_it_is_made(
    environ: dict[str, str], tmp_path: Path
) -> None:
    made = deployment(replace(read_settings(environ), home=tmp_path / "home"))

    assert all(getattr(made, field.name) is not None for field in fields(Deployment))
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("environ", "workspace", "named"),
    [({}, "workspace.yaml", "python_module"), (AWS, "deploy/workspace.yaml", "location_name")],
    ids=["local", "aws"],
)
def test_the_code_location_is_called_as_in_the_workspace(environ: dict[str, str], workspace: str, named: str) -> None:
    """By it the UI finds the code of a run of the command, to execute it again."""
    (called,) = re.findall(rf"{named}: (\S+)", (CHECKOUT / workspace).read_text())
    assert deployment(read_settings(environ)).code_location == called


# Dagster reads a deprecated property of its own while it describes a schedule.
@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars`:DeprecationWarning")
def test_the_graph_is_the_same_in_both_deployments() -> None:
    """All that Dagster is told: assets, checks, jobs, schedules, sensors, partitions, metadata, who uses what.

    But for what a resource is: its type, its values and the schema of its configuration.
    """
    graphs = [
        RepositorySnap.from_def(assemble(deployment(read_settings(environ))).get_repository_def())
        for environ in ({}, AWS)
    ]

    assert len(graphs[0].asset_nodes) == 28
    local, aws = (_in_order(_alike(json.loads(serialize_value(graph)))) for graph in graphs)
    assert local == aws


@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars`:DeprecationWarning")
@pytest.mark.parametrize(
    ("environ", "shown"),
    [
        ({}, {"lake": "root", "vendor_drop": "directory", "source": "home", "warehouse": "home"}),
        (
            {**AWS, "USER_BEHAVIOUR_REDSHIFT_PASSWORD": "canary", "USER_BEHAVIOUR_REDSHIFT_WORKGROUP": ""}
            | {"USER_BEHAVIOUR_REDSHIFT_USER": "loader"},
            {"lake": "bucket", "vendor_drop": "prefix", "warehouse": "iam_role", "external_tables": "database"}
            | {"spark": "application", "source": "url"},
        ),
    ],
    ids=["local", "aws"],
)
def test_a_resource_s_page_has_its_sentence_and_its_values_and_no_secret(
    environ: dict[str, str], shown: dict[str, str]
) -> None:
    graph = serialize_value(RepositorySnap.from_def(assemble(deployment(read_settings(environ))).get_repository_def()))
    pages = {page["name"]: page for page in json.loads(graph)["external_resource_data"]}

    assert all(page["resource_snapshot"]["description"] for page in pages.values())
    assert all(field["description"] for page in pages.values() for field in page["config_field_snaps"])
    assert all(field in pages[role]["configured_values"] for role, field in shown.items())
    assert "canary" not in graph


def test_a_command_gets_roles_whose_secrets_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of Dagster a field that is an environment variable is, without a word, the variable's name."""
    environ = {**AWS, "USER_BEHAVIOUR_REDSHIFT_WORKGROUP": "", "USER_BEHAVIOUR_REDSHIFT_USER": "loader"}
    environ["USER_BEHAVIOUR_REDSHIFT_PASSWORD"] = "canary"
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    here = deployment(read_settings(environ)).initialized()

    assert isinstance(here.source, PostgresSource)
    assert isinstance(here.warehouse, RedshiftWarehouse)
    assert (here.source.url, here.warehouse.password) == ("postgresql://reader:canary@shop:5432/shop", "canary")
    assert "canary" not in f"{here!r} {here.source} {here.warehouse}"


# What differs between twins, by the class of Dagster's snapshots.
_OF_A_TWIN = {
    "ResourceDefSnap": {"config_field_snap", "description"},
    "ExternalResourceData": {
        "config_field_snaps",
        "config_schema_snap",
        "configured_values",
        "nested_resources",
        "parent_resources",
        "resource_snapshot",
        "resource_type",
    },
    "ModeDefSnap": {"root_config_key"},
    "PipelineSnapshot": {"config_schema_snapshot"},
    "ExternalRepositoryData": {"utilized_env_vars"},
}


def _alike(value: Any) -> Any:
    """The value less what differs between the twins of a role."""
    if isinstance(value, dict):
        left_out = _OF_A_TWIN.get(value.get("__class__", ""), set())
        return {key: _alike(member) for key, member in value.items() if key not in left_out}
    return [_alike(member) for member in value] if isinstance(value, list) else value


def _in_order(value: Any) -> Any:
    """The value with every list sorted: Dagster makes some of them from sets."""
    if isinstance(value, dict):
        return {key: _in_order(member) for key, member in value.items()}
    if isinstance(value, list):
        return sorted(map(_in_order, value), key=lambda member: json.dumps(member, sort_keys=True))
    return value


@pytest.mark.parametrize(
    ("change", "twin"),
    [
        ({}, "GlueExternalTables"),
        ({"CATALOG": "redshift"}, "RedshiftExternalTables"),
        ({}, "EmrServerlessSpark"),
        ({"EMR_APPLICATION": "", "EMR_CLUSTER": "j-1"}, "EmrStepsSpark"),
    ],
)
def test_the_settings_choose_among_the_twins_of_aws(change: dict[str, str], twin: str) -> None:
    made = deployment(read_settings({**AWS, **{f"USER_BEHAVIOUR_{name}": value for name, value in change.items()}}))

    assert twin in {type(made.external_tables).__name__, type(made.spark).__name__}


def test_on_aws_query_works_as_the_reader_alone_and_status_says_where_to_read(tmp_path: Path) -> None:
    home, password = Home(tmp_path), {"USER_BEHAVIOUR_REDSHIFT_READER_PASSWORD": "canary"}

    refused = home.call("query", "select 1", **AWS)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "Error: No user of Redshift who can only read is set, and `query` works as no other; make one as docs/aws.md "
        "says, and set USER_BEHAVIOUR_REDSHIFT_READER_PASSWORD.\n"
    )
    lines = [home.call("status", **AWS, **given).stdout.splitlines()[1] for given in ({}, password)]
    assert lines == [
        "to read:           nobody yet; docs/aws.md says how, see USER_BEHAVIOUR_REDSHIFT_READER_PASSWORD",
        "to read:           postgresql://user_behaviour_reader@wg.1.eu-west-1.redshift-serverless.amazonaws.com:5439/dev"
        "?sslmode=verify-full  (password: USER_BEHAVIOUR_REDSHIFT_READER_PASSWORD)",
    ]


def test_two_homes_share_nothing(tmp_path: Path) -> None:
    one, two = (deployment(replace(read_settings({}), home=tmp_path / name)) for name in ("one", "two"))

    assert one.lake.uri("x") != two.lake.uri("x")
    assert one.vendor_drop.uri() != two.vendor_drop.uri()


def test_reading_the_settings_imports_no_product() -> None:
    code = (
        "import sys, user_behaviour.deployments; from user_behaviour.settings import read_settings; read_settings({}); "
        "print(*{'psycopg2', 'pyarrow', 'pyspark', 'boto3', 'dagster', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "\n"
