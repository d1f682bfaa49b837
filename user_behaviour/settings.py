"""What the environment says, as values: the settings of both deployments, checked when they are read.

`deployments` passes the environment in; nothing here reads it directly. `.env.example` lists every variable. One
setting may come from the home itself: the last day of its calendar.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from difflib import get_close_matches
from math import nan
from pathlib import Path

from user_behaviour.aws.iam_roles import ADVICE, is_role
from user_behaviour.aws.places import PlaceError, S3Place
from user_behaviour.project_files import working_directory
from user_behaviour.tables.days import parse_day

PREFIX = "USER_BEHAVIOUR_"
DEPLOYMENTS = ("aws", "local")
LAST_DAY_FILE = "last_day"
UI_OF_DEV = "http://127.0.0.1:3000"


class SettingError(ValueError):
    """A setting of the environment cannot be used."""


@dataclass(frozen=True)
class AwsSettings:
    """Where the `aws` deployment finds its parts. URLs and passwords may be references to AWS Secrets Manager.

    Exactly one of `redshift_password`, `redshift_workgroup` and `redshift_cluster` is set, and one of
    `emr_application` and `emr_cluster`.
    """

    lake: S3Place
    lake_kms_key: str
    vendor_drop: S3Place
    vendor_queue: str
    dagster_url: str = field(repr=False)
    redshift_host: str
    redshift_port: int
    redshift_database: str
    redshift_user: str
    redshift_password: str = field(repr=False)
    redshift_workgroup: str
    redshift_cluster: str
    redshift_pipeline_user: str
    redshift_reader_user: str
    redshift_reader_password: str = field(repr=False)
    redshift_ca_bundle: str
    redshift_iam_role: str
    catalog: str
    glue_database: str
    emr_application: str
    emr_role: str
    emr_cluster: str
    spark_minutes: int
    run_task: str


@dataclass(frozen=True)
class Settings:
    """What the environment says. `home` holds all state of the local deployment; `last_day` None: up to yesterday."""

    deployment: str
    home: Path
    first_day: date
    last_day: date | None
    bad_row_share: float
    file_bytes: int
    ui_url: str
    aws: AwsSettings | None = None


# The variables of the environment without their prefix; the last are read by a role, Dagster's instance and tests.
_NAMES = {given.name.upper() for given in (*fields(AwsSettings), *fields(Settings))} - {"AWS"}
_NAMES |= {"SOURCE_URL", "DAGSTER_LOG_BUCKET", "DAGSTER_LOG_PREFIX", "TEST_DATA"}


class _Variables:
    """The variables of an environment by name, without the prefix; an empty value counts as unset."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        for name in sorted(name for name in environ if name.startswith(PREFIX)):
            if name.removeprefix(PREFIX) not in _NAMES:
                near = get_close_matches(name.removeprefix(PREFIX), sorted(_NAMES), 1)
                meant = f"did you mean {PREFIX}{near[0]}?" if near else "`.env.example` lists those that there are."
                raise SettingError(f"{name} is no setting; {meant}")

    def text(self, name: str, default: str = "") -> str:
        return self._environ.get(f"{PREFIX}{name}") or default

    def address(self, name: str, default: str = "") -> str:
        if (found := self.text(name, default)) and not found.startswith(("http://", "https://")):
            raise self._unusable(name, default, "write an address as http://host:port")
        return found.rstrip("/")

    def day(self, name: str, default: str = "") -> date:
        try:
            return parse_day(self.text(name, default))
        except ValueError:
            raise self._unusable(name, default, "write a day as 2010-12-01, of the years 1900 to 2199") from None

    def number(self, name: str, default: str, *, least: float, most: float) -> float:
        try:
            found = float(self.text(name, default))
        except ValueError:
            found = nan
        if not least <= found <= most:
            raise self._unusable(name, default, f"write a number from {least:g} to {most:g}")
        return found

    def choice(self, name: str, *choices: str) -> str:
        """One of the choices; the first is the default."""
        if (found := self.text(name, choices[0])) not in choices:
            raise self._unusable(name, "", f"choose one of: {', '.join(choices)}")
        return found

    def place(self, name: str) -> S3Place:
        try:
            return S3Place.parse(self.text(name))
        except PlaceError as error:
            raise self._unusable(name, "", error.reason) from None

    def file(self, name: str, default: str = "") -> str:
        """Absolute, since a process of Dagster's may work in another directory."""
        try:
            return str(Path(found).expanduser().absolute()) if (found := self.text(name, default)) else ""
        except RuntimeError:  # what `expanduser` raises
            raise self._unusable(name, default, "there is no such user; write the whole path") from None

    def home(self) -> Path:
        """Its path goes into patterns and templates, in Dagster among them, that read some characters as signs."""
        if signs := set(found := self.file("HOME", str(working_directory() / ".user_behaviour"))) & set("[]{}*?"):
            raise SettingError(
                f"{PREFIX}HOME is {found!r}, with {' and '.join(sorted(signs))} in it, which Dagster or Spark would "
                "not take as a part of a name; choose another directory."
            )
        return Path(found)

    def role(self, name: str, default: str) -> str:
        if not is_role(found := self.text(name, default)):
            raise self._unusable(name, default, ADVICE)
        return found

    def require(self, *names: str) -> None:
        if lacking := [f"{PREFIX}{name}" for name in names if not self.text(name)]:
            raise SettingError(f"The aws deployment needs {', '.join(lacking)}; `.env.example` says what each means.")

    def require_one(self, *names: str) -> None:
        if len(given := [name for name in names if self.text(name)]) != 1:
            found = f"{' and '.join(given)} are set" if given else "none is"
            raise SettingError(f"Set exactly one of {', '.join(PREFIX + name for name in names)}; {found}.")

    def _unusable(self, name: str, default: str, advice: str) -> SettingError:
        return SettingError(f"{PREFIX}{name} is {self.text(name, default)!r}; {advice}.")


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings that an environment holds; an empty value counts as unset. Raises `SettingError`."""
    variables = _Variables(environ)
    home = variables.home()
    first_day = variables.day("FIRST_DAY", "2010-12-01")
    last_day = variables.day("LAST_DAY") if variables.text("LAST_DAY") else remembered_last_day(home)
    if last_day and last_day < first_day:
        place = f"{PREFIX}LAST_DAY" if variables.text("LAST_DAY") else home / LAST_DAY_FILE
        raise SettingError(f"{place} is '{last_day}'; before the first day, {first_day}: write a later one.")
    if (deployment := variables.text("DEPLOYMENT", "local")) not in DEPLOYMENTS:
        raise SettingError(
            f"Deployment {deployment!r} is unknown; choose one of: {', '.join(DEPLOYMENTS)} ({PREFIX}DEPLOYMENT)."
        )
    return Settings(
        deployment=deployment,
        home=home,
        first_day=first_day,
        last_day=last_day,
        bad_row_share=variables.number("BAD_ROW_SHARE", "0.01", least=0, most=1),
        file_bytes=int(variables.number("FILE_BYTES", str(1 << 30), least=1, most=1 << 50)),
        ui_url=variables.address("UI_URL", UI_OF_DEV if deployment == "local" else ""),
        aws=_aws_settings(variables) if deployment == "aws" else None,
    )


def remembered_last_day(home: Path) -> date | None:
    """The last day of the calendar that `remember_last_day` left in the home; None where it left none."""
    try:
        return parse_day(text := (home / LAST_DAY_FILE).read_text().strip())
    except FileNotFoundError:
        return None
    except ValueError:
        raise SettingError(
            f"{home / LAST_DAY_FILE} holds {text!r}, which is not a day as 2010-12-01; correct or remove the file."
        ) from None


def remember_last_day(home: Path, last_day: date) -> None:
    """Ends the calendar of the home, for every process that starts there without USER_BEHAVIOUR_LAST_DAY."""
    (home / LAST_DAY_FILE).write_text(f"{last_day}\n")


def _aws_settings(variables: _Variables) -> AwsSettings:
    variables.require("LAKE", "VENDOR_DROP", "SOURCE_URL", "DAGSTER_URL", "REDSHIFT_HOST")
    variables.require_one("REDSHIFT_PASSWORD", "REDSHIFT_WORKGROUP", "REDSHIFT_CLUSTER")
    variables.require_one("EMR_APPLICATION", "EMR_CLUSTER")
    if variables.text("EMR_APPLICATION"):
        variables.require("EMR_ROLE")
    if not variables.text("REDSHIFT_WORKGROUP"):
        variables.require("REDSHIFT_USER")
    return AwsSettings(
        lake=variables.place("LAKE"),
        lake_kms_key=variables.text("LAKE_KMS_KEY"),
        vendor_drop=variables.place("VENDOR_DROP"),
        vendor_queue=variables.text("VENDOR_QUEUE"),
        dagster_url=variables.text("DAGSTER_URL"),
        redshift_host=variables.text("REDSHIFT_HOST"),
        redshift_port=int(variables.number("REDSHIFT_PORT", "5439", least=1, most=65535)),
        redshift_database=variables.text("REDSHIFT_DATABASE", "dev"),
        redshift_user=variables.text("REDSHIFT_USER"),
        redshift_password=variables.text("REDSHIFT_PASSWORD"),
        redshift_workgroup=variables.text("REDSHIFT_WORKGROUP"),
        redshift_cluster=variables.text("REDSHIFT_CLUSTER"),
        redshift_pipeline_user=variables.text("REDSHIFT_PIPELINE_USER"),
        redshift_reader_user=variables.text("REDSHIFT_READER_USER", "user_behaviour_reader"),
        redshift_reader_password=variables.text("REDSHIFT_READER_PASSWORD"),
        redshift_ca_bundle=variables.file("REDSHIFT_CA_BUNDLE"),
        redshift_iam_role=variables.role("REDSHIFT_IAM_ROLE", "default"),
        catalog=variables.choice("CATALOG", "glue", "redshift"),
        glue_database=variables.text("GLUE_DATABASE", "user_behaviour"),
        emr_application=variables.text("EMR_APPLICATION"),
        emr_role=variables.text("EMR_ROLE"),
        emr_cluster=variables.text("EMR_CLUSTER"),
        spark_minutes=int(variables.number("SPARK_MINUTES", "60", least=1, most=1440)),
        run_task=variables.text("RUN_TASK"),
    )
