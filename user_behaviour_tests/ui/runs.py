"""The runs of a server, asked for and looked at over its GraphQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from user_behaviour_tests.ui.dev_server import DevServer, eventually

UNFINISHED = {"NOT_STARTED", "QUEUED", "STARTING", "STARTED", "CANCELING"}

_RUNS = """
query ($tags: [ExecutionTag!]) { runsOrError(filter: {tags: $tags}) { ... on Runs { results {
  runId status startTime endTime tags { key value } } } } }
"""
_LAUNCH = """
mutation ($params: [ExecutionParams!]!) { launchMultipleRuns(executionParamsList: $params) {
  __typename ... on LaunchMultipleRunsResult { launchMultipleRunsResult {
    __typename ... on LaunchRunSuccess { run { runId status } } ... on PythonError { message } } } } }
"""


@dataclass(frozen=True)
class Run:
    """A run; the times are epoch seconds, of a run that has not started or ended 0."""

    run_id: str
    status: str
    started: float
    ended: float
    tags: Mapping[str, str]


def runs(server: DevServer, **tags: str) -> Sequence[Run]:
    """The runs that carry all the tags of Dagster's, newest first: `backfill="abc"` is the tag dagster/backfill."""
    wanted = [{"key": f"dagster/{key}", "value": value} for key, value in tags.items()]
    return [
        Run(
            found["runId"],
            found["status"],
            found["startTime"] or 0.0,
            found["endTime"] or 0.0,
            {tag["key"]: tag["value"] for tag in found["tags"]},
        )
        for found in server.ask(_RUNS, tags=wanted)["runsOrError"]["results"]
    ]


def launch_days(server: DevServer, job: str, days: Sequence[str]) -> Sequence[str]:
    """Asks for one run a day, all in one request; gives their ids."""
    params = [
        {
            "selector": {
                "repositoryLocationName": "user_behaviour.definitions",
                "repositoryName": "__repository__",
                "jobName": job,
            },
            "mode": "default",
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": day}]},
        }
        for day in days
    ]
    launched = server.ask(_LAUNCH, params=params)["launchMultipleRuns"]["launchMultipleRunsResult"]
    assert {each["__typename"] for each in launched} == {"LaunchRunSuccess"}, launched
    return [each["run"]["runId"] for each in launched]


def finished(server: DevServer, ids: Sequence[str], *, within: float) -> Sequence[Run]:
    """Waits until the runs have ended, in whatever way."""

    def look() -> Sequence[Run]:
        found = [run for run in runs(server) if run.run_id in ids]
        return [] if any(run.status in UNFINISHED for run in found) else found

    return eventually(look, within=within, every=1)


def most_at_once(found: Sequence[Run]) -> int:
    """The largest number of runs that were running at the same moment."""
    return max(sum(other.started <= run.started < other.ended for other in found) for run in found)
