"""What a step waits for that finds its concurrency pool full; holders that are dead are not waited for."""

import time

import dagster as dg

from user_behaviour.instance.dead_runs import dead, process_of, report

WAITS = "Waits for a slot of pool"
LOOK_SECONDS = 10

Step = tuple[str, str]  # run, step


class PoolWait:
    """The steps of this process that wait: when the holders of each were last asked for, and what was said of them."""

    def __init__(self) -> None:
        self._waiting: dict[Step, tuple[float, str]] = {}

    def look(self, instance: dg.DagsterInstance, pool: str, run_id: str, step_key: str) -> None:
        """Every so many seconds: frees what dead runs hold of the pool, or says in the waiting run who holds it."""
        step, now = (run_id, step_key), time.monotonic()
        looked, said = self._waiting.get(step, (-LOOK_SECONDS, ""))
        if now < looked + LOOK_SECONDS:
            return
        self._waiting[step] = (now, said)
        held = {
            (slot.run_id, slot.step_key)
            for slot in instance.event_log_storage.get_concurrency_info(pool).pending_steps
            if slot.assigned_timestamp and (slot.run_id, slot.step_key) != step
        }
        if not held:
            return  # given back meanwhile
        runs = {run.run_id: run for run in instance.get_runs(dg.RunsFilter(run_ids=sorted({run for run, _ in held})))}
        if gone := dead(instance, runs.values()):
            for run in gone:
                report(instance, run)
            return
        holders = [f"{key} of run {run} ({process_of(runs[run])})" for run, key in sorted(held) if run in runs]
        sentence = (
            f"{WAITS} {pool}; they are held by {', '.join(holders)}. It goes on when one of these steps ends, or its "
            f"process (host:pid:start). To free a slot by hand: Deployment, Concurrency, {pool} in Dagster's UI."
        )
        if holders and said != sentence:
            instance.report_engine_event(sentence, instance.get_run_by_id(run_id), step_key=step_key)
            self._waiting[step] = (now, sentence)
