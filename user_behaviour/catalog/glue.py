"""Twin of the catalog: the AWS Glue Data Catalog, which Redshift sees through its external schema `spectrum`.

Glue answers a batch with 200 and says in `Errors` what of it failed, so each answer is examined. What its structures
look like is in `glue_format`.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import Field

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.errors import AbsentError, UnavailableError, aws_errors, is_worth_another_try
from user_behaviour.catalog.external_tables import (
    ALL_DAYS,
    SEEN_CHARACTERS,
    CatalogError,
    Registration,
    declared_columns,
    shown,
)
from user_behaviour.catalog.glue_format import (
    ROWS,
    Struct,
    covers,
    partition_day,
    partition_input,
    registration_of,
    table_input,
)
from user_behaviour.catalog.partition_catalog import PartitionCatalog, external_schema
from user_behaviour.diagnosis import Diagnosis, bad, good
from user_behaviour.lake.dataset import Dataset
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.table import Table, spelling
from user_behaviour.warehouse.warehouse import Warehouse

ATTEMPTS = 5
DELETED_AT_ONCE = 25
PRESENT = "AlreadyExistsException"
ABSENT = "EntityNotFoundException"


class GlueExternalTables(PartitionCatalog):
    """The external tables of a database of the AWS Glue Data Catalog."""

    database: str = Field(description="The Glue database, which Redshift sees as the external schema `spectrum`.")
    aws: Aws

    def define(self, table: Table, dataset: Dataset) -> bool:
        wanted = table_input(table, f"{dataset.lake.uri(dataset.table.name)}/")
        found = self._definition(table)
        if found is None:
            self._call("create_table", table, TableInput=wanted)
            return True
        keys = [(key["Name"], spelling(key["Type"])) for key in found.get("PartitionKeys", ())]
        if keys != declared_columns(table)[-1:]:
            raise CatalogError(
                f"{self.database}.{wanted['Name']} in Glue is partitioned by {shown(keys)}, {table.name} by "
                f"{shown(declared_columns(table)[-1:])}; that cannot be changed. Delete the table in Glue (its files "
                "stay), then `user-behaviour migrate` and `user-behaviour reconcile --repair`."
            )
        if rows := self._registered_rows(table):
            wanted["Parameters"][ROWS] = str(rows)
        if covers(found, wanted):
            return False
        # What others have set on the table stays.
        wanted["Parameters"] = {**found.get("Parameters", {}), **wanted["Parameters"]}
        self._call("update_table", table, TableInput=wanted)
        return True

    def register(self, table: Table, dataset: Dataset, days: Sequence[date]) -> dict[date, Registration]:
        """As the role says; the number of rows of the table as a whole follows, by which Redshift plans."""
        done = super().register(table, dataset, days)
        self._count_rows(table)
        return done

    def columns(self, table: Table) -> list[tuple[str, str]]:
        found = self._definition(table) or {}
        columns = [*found.get("StorageDescriptor", {}).get("Columns", ()), *found.get("PartitionKeys", ())]
        return [(column["Name"], spelling(column["Type"])) for column in columns]

    def self_check(self) -> Iterator[Diagnosis]:
        """Glue's side and Redshift's."""
        glue = self.aws.client("glue")
        with aws_errors("glue", "Looking up", f"database {self.database}"):
            glue.get_database(Name=self.database)
        yield good("Glue database", f"{self.database} in {glue.meta.region_name}")
        yield from external_schema(self.warehouse, self.database)

    def registered(self, table: Table, span: DayRange) -> dict[date, Registration]:
        day = table.partition_column
        expression = f"{day} >= '{span.first.isoformat()}' AND {day} < '{span.end.isoformat()}'"
        found: dict[date, Registration] = {}
        token: dict[str, str] = {}
        while True:
            answer = self._call("get_partitions", table, Expression=expression, ExcludeColumnSchema=True, **token)
            found |= {one.day: one for one in map(registration_of, answer["Partitions"])}
            if not answer.get("NextToken"):
                return dict(sorted(found.items()))
            token = {"NextToken": answer["NextToken"]}

    def deregister(self, table: Table, days: Sequence[date]) -> None:
        def delete(part: Sequence[date]) -> list[Struct]:
            values = [{"Values": [day.isoformat()]} for day in part]
            errors = self._call("batch_delete_partition", table, PartitionsToDelete=values).get("Errors", [])
            return [one for one in errors if one["ErrorDetail"].get("ErrorCode") != ABSENT]

        days = sorted(set(days))
        for start in range(0, len(days), DELETED_AT_ONCE):
            if refused := _refused(days[start : start + DELETED_AT_ONCE], delete):
                raise CatalogError(f"Glue keeps partitions of {table.name}: {refused}; try again.")
        self._count_rows(table)

    def _newest(self, table: Table, warehouse: Warehouse) -> Diagnosis:
        """Glue and Redshift are two places: whether they agree comes first."""
        seen = self.seen(table, ALL_DAYS)
        there = {day: one.location[:SEEN_CHARACTERS] for day, one in self.registered(table, ALL_DAYS).items()}
        if seen == there:
            return super()._newest(table, warehouse)
        apart = [day for day in there if seen.get(day, there[day]) != there[day]]
        elsewhere = f", and {apart[0]} elsewhere" if apart else ""
        found = f"shows {len(seen):,} partitions, Glue has {len(there):,}{elsewhere}"
        return bad(f"{table.name} in Redshift", found, _SHOW)

    def _registered_rows(self, table: Table) -> int:
        return sum(one.rows for one in self.registered(table, ALL_DAYS).values())

    def _count_rows(self, table: Table) -> None:
        """Writes down how many rows the table has. Where another run does so at the same moment, its number stands."""
        if (found := self._definition(table)) is None:
            return
        parameters, rows = found.get("Parameters", {}), str(self._registered_rows(table))
        if parameters.get(ROWS, "0") == rows:
            return
        fields = self.aws.client("glue").meta.service_model.shape_for("TableInput").members
        same = {name: found[name] for name in fields if name in found}
        counted = {**same, "Parameters": {**parameters, ROWS: rows}}
        try:
            self._call("update_table", table, TableInput=counted, VersionId=found["VersionId"], SkipArchive=True)
        except UnavailableError as error:
            if error.code != "ConcurrentModificationException":
                raise

    def _outdated(self, table: Table, wanted: Sequence[Registration]) -> list[Registration]:
        keys = [{"Values": [r.day.isoformat()]} for r in wanted]
        found: dict[date, Struct] = {}
        for attempt in range(ATTEMPTS):
            answer = self._call("batch_get_partition", table, PartitionsToGet=keys)
            found |= {date.fromisoformat(one["Values"][0]): one for one in answer["Partitions"]}
            if not (keys := answer.get("UnprocessedKeys", [])):
                break
            _pause(attempt)
        # A key that Glue never came to counts as outdated: it is written again, which is harmless.
        return [r for r in wanted if not covers(found.get(r.day, {}), partition_input(table, r))]

    def _point(self, table: Table, registrations: Sequence[Registration]) -> dict[date, str]:
        inputs = {r.day: partition_input(table, r) for r in registrations}

        def write(days: Sequence[date]) -> list[Struct]:
            made = self._call("batch_create_partition", table, PartitionInputList=[inputs[day] for day in days])
            errors = made.get("Errors", [])
            present = [one for one in errors if one["ErrorDetail"]["ErrorCode"] == PRESENT]
            others = [one for one in errors if one not in present]
            if present:
                entries = [
                    {"PartitionValueList": one["PartitionValues"], "PartitionInput": inputs[partition_day(one)]}
                    for one in present
                ]
                others += self._call("batch_update_partition", table, Entries=entries).get("Errors", [])
            return others

        return _refused(list(inputs), write)

    def _definition(self, table: Table) -> Struct | None:
        try:
            return dict(self._call("get_table", table)["Table"])
        except AbsentError:
            return None

    def _call(self, operation: str, table: Table, **arguments: Any) -> Struct:
        """One call about a table, its database and name added; raises an `AwsError`."""
        name = table.identity["table"]
        named = {} if "TableInput" in arguments else {"Name" if operation == "get_table" else "TableName": name}
        with aws_errors("glue", f"{operation} of", f"{self.database}.{name}"):
            call = getattr(self.aws.client("glue"), operation)
            return dict(call(DatabaseName=self.database, **named, **arguments))


# docs.aws.amazon.com/redshift/latest/dg/r_SVV_EXTERNAL_PARTITIONS.html: "regular users can see only their own data".
_SHOW = (
    "It shows what a user may use: as the owner, grant usage on schema spectrum to the user of the warehouse; if that "
    "is not enough, alter schema spectrum owner to it. Whether Glue is wrong, `user-behaviour reconcile` says."
)


def _refused(days: Sequence[date], call: Callable[[Sequence[date]], list[Struct]]) -> dict[date, str]:
    """Makes a call that gives errors, again for days that failed for a passing reason; why the others were refused."""
    refused: dict[date, str] = {}
    for attempt in range(ATTEMPTS):
        failed = {partition_day(one): one["ErrorDetail"] for one in call(days)}
        last = attempt == ATTEMPTS - 1
        days = [day for day, detail in failed.items() if _may_pass(detail) and not last]
        refused |= {day: _reason(detail) for day, detail in failed.items() if day not in days}
        if not days:
            break
        _pause(attempt)
    return refused


def _may_pass(detail: Mapping[str, str]) -> bool:
    """Also where a partition is absent: another run took it out between two calls."""
    return detail.get("ErrorCode") == ABSENT or is_worth_another_try(detail.get("ErrorCode", ""))


def _reason(detail: Mapping[str, str]) -> str:
    return f"{detail.get('ErrorCode', 'no code')}: {detail.get('ErrorMessage', 'no message').rstrip('.')}"


def _pause(attempt: int) -> None:
    # Jitter, so that two runs that met do not meet again.
    time.sleep(random.uniform(0.5, 1.5) * 0.1 * 2**attempt)  # noqa: S311
