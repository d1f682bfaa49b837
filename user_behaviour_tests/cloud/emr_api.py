"""The requests about jobs and steps that moto gets wrong, between the server and moto: what AWS would answer.

Which requests these are is here; what becomes of the jobs is the worker's.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from user_behaviour_tests.cloud.moto_server import Answer, Environ, Wsgi, body_of

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.emr_worker import EmrWorker, Job

Accepted = Callable[[str, dict[str, Any]], None]
_JOB_RUN = re.compile(r"/applications/(\w+)/jobruns(?:/(\w+))?")


class EmrApi:
    """A middleware. `job_run` and `step` are told of what moto accepted: its id and the request."""

    def __init__(self, worker: EmrWorker, job_run: Accepted, step: Accepted) -> None:
        self._worker = worker
        self._job_run = job_run
        self._step = step
        self._tokens: dict[str, Answer] = {}
        self._lock = threading.Lock()

    def __call__(self, moto: Wsgi) -> Wsgi:
        def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            answer = self._answer(moto, environ)
            return answer.give(start_response) if answer else moto(environ, start_response)

        return serve

    def _answer(self, moto: Wsgi, environ: Environ) -> Answer | None:
        """What AWS says where moto would say something else."""
        if "/emr-serverless/" in environ.get("HTTP_AUTHORIZATION", ""):
            path = _JOB_RUN.fullmatch(environ["PATH_INFO"])
            if path and path[1] == self._worker.application_id:
                if environ["REQUEST_METHOD"] == "POST":
                    return self._start_job_run(moto, environ)
                if environ["REQUEST_METHOD"] == "DELETE" and (job := self._job(path[2])):
                    return self._cancel_job_run(job)
            return None
        verbs = {
            "ElasticMapReduce.AddJobFlowSteps": self._add_steps,
            "ElasticMapReduce.DescribeStep": self._describe_step,
            "ElasticMapReduce.CancelSteps": self._cancel_steps,
        }
        verb = verbs.get(environ.get("HTTP_X_AMZ_TARGET", ""))
        return verb(moto, environ) if verb else None

    def _start_job_run(self, moto: Wsgi, environ: Environ) -> Answer:
        request = json.loads(body_of(environ))
        token = request["clientToken"]
        with self._lock:
            if token in self._tokens:
                return self._tokens[token]
            answer = Answer.of(moto, environ)
            if answer.is_good:
                self._tokens[token] = answer
                self._job_run(json.loads(answer.content)["jobRunId"], request)
            return answer

    def _cancel_job_run(self, job: Job) -> Answer:
        if not self._worker.cancel(job):
            return _refusal("ValidationException", f"Job run {job.id} is already in a terminal state.")
        return Answer.json({"applicationId": self._worker.application_id, "jobRunId": job.id})

    def _add_steps(self, moto: Wsgi, environ: Environ) -> Answer:
        request = json.loads(body_of(environ))
        answer = Answer.of(moto, environ)
        if answer.is_good:
            for step_id, step in zip(json.loads(answer.content)["StepIds"], request["Steps"], strict=True):
                self._step(step_id, step)
        return answer

    def _describe_step(self, moto: Wsgi, environ: Environ) -> Answer:
        step_id = json.loads(body_of(environ))["StepId"]
        found = json.loads(Answer.of(moto, environ).content)
        if not found.get("Step"):
            return _refusal("InvalidRequestException", f"Step id '{step_id}' is not valid.")
        if (job := self._job(step_id)) and job.failure:
            log_file = f"s3://cluster-logs/emr/{self._worker.cluster_id}/steps/{job.id}/stderr.gz"
            details = {"Reason": "Unknown Error.", "Message": job.failure, "LogFile": log_file}
            found["Step"]["Status"]["FailureDetails"] = details
        return Answer.json(found)

    def _cancel_steps(self, _moto: Wsgi, environ: Environ) -> Answer:
        infos = []
        for step_id in json.loads(body_of(environ))["StepIds"]:
            job = self._job(step_id)
            taken = job is not None and self._worker.cancel(job)
            refusal = {} if taken else {"Reason": "Cannot cancel a step that is not pending or running."}
            infos.append({"StepId": step_id, "Status": "SUBMITTED" if taken else "FAILED", **refusal})
        return Answer.json({"CancelStepsInfoList": infos})

    def _job(self, job_id: str) -> Job | None:
        return next((job for job in self._worker.jobs if job.id == job_id), None)


def _refusal(code: str, message: str) -> Answer:
    return Answer.json({"__type": code, "message": message, "Message": message}, HTTPStatus.BAD_REQUEST)
