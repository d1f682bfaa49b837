"""Stage report: what people read in the morning. One page a run, of its last day; it is partitioned by nothing.

A run over a year makes one page, and Dagster takes a backfill for failed in which a partition was not materialized
(docs/adr/0034).
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import Field

from user_behaviour.assets.declaration import OWNERS
from user_behaviour.assets.marts import MARTS, QUESTIONS
from user_behaviour.assets.warehouse import user_behavior_metric
from user_behaviour.classifier.models import Models
from user_behaviour.classifier.scored_days import scored_by
from user_behaviour.deployments import settings
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.manifests import timestamp
from user_behaviour.partitions import existing_days
from user_behaviour.report.dagster_pages import DagsterPages
from user_behaviour.tables.days import PARTITION, DayRange
from user_behaviour.warehouse.warehouse import Warehouse

GROUP = "report"
LINK_LASTS = timedelta(hours=12)  # at the most: a link ends with the credentials that signed it, too


class ReportDay(dg.Config):
    """Which day the page is about."""

    day: str = Field(default="", description="As 2010-12-01; without it the last published day of the run, or of all.")


@dg.asset(
    deps=[user_behavior_metric, *MARTS, *QUESTIONS],
    group_name=GROUP,
    kinds={"html"},
    owners=OWNERS,
    op_tags={"dagster/priority": "-1"},  # after the checks of the same run, whose results it shows
)
def daily_report(
    context: dg.AssetExecutionContext,
    config: ReportDay,
    lake: Lake,
    warehouse: Warehouse,
    dagster_pages: DagsterPages,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """A file is a page about a day: what happened, the weeks before it, and what is known of the data behind it."""
    from user_behaviour.report.daily_report import read_report, report_path
    from user_behaviour.report.figures import last_published
    from user_behaviour.report.marts import read_marts

    asked = {PARTITION: config.day} if config.day else context.run.tags
    day = last_published(warehouse, DayRange.of_tags(asked) or existing_days())
    path, until = report_path(day), datetime.now(UTC) + LINK_LASTS
    pages, run = dagster_pages, context.run.run_id
    with ThreadPoolExecutor(2) as pool:  # the warehouse reads the marts, and another process draws, meanwhile
        marts = pool.submit(read_marts, warehouse, day)
        report = read_report(day, settings().first_day, warehouse, lake, pages, instance=context.instance, run_id=run)
        preview = pool.submit(report.markdown)
        classifier = scored_by(Models(lake), report.of_day.classifier_version)
        lake.write(path, report.html(classifier, marts.result()).encode())
    metadata = {
        "day": dg.MetadataValue.text(day.isoformat()),
        "page": dg.MetadataValue.path(lake.uri(path)),
        "preview": dg.MetadataValue.md(preview.result()),
    }
    if (link := lake.link(path, until=until)) != lake.uri(path):
        metadata |= {"link": dg.MetadataValue.url(link), "link_ends": dg.MetadataValue.text(timestamp(until))}
    return dg.MaterializeResult(metadata=metadata)
