"""The requests about jobs and steps that moto gets wrong, between the server and moto: what AWS would answer.

Which requests these are is here; what becomes of the jobs is the worker's.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from user_behaviour_tests.cloud.moto_server import Wsgi

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.emr_worker import EmrWorker, Job

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Accepted = Callable[[str, dict[str, Any]], None]
_JOB_RUN = re.compile(r"/applications/(\w+)/jobruns(?:/(\w+))?")
_TARGET = "ElasticMapReduce."


class EmrApi:
    """A middleware. `job_run` and `step` are told of what moto accepted: its id and the request."""

    def __init__(self, worker: EmrWorker, job_run: Accepted, step: Accepted) -> None:
        self._worker = worker
        self._job_run = job_run
        self._step = step
        self._tokens: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def __call__(self, moto: Wsgi) -> Wsgi:
        def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            if "/emr-serverless/" in environ.get("HTTP_AUTHORIZATION", ""):
                return self._serverless(moto, environ, start_response)
            target = environ.get("HTTP_X_AMZ_TARGET", "")
            verb = getattr(self, f"_{target.removeprefix(_TARGET)}", None) if target.startswith(_TARGET) else None
            return verb(moto, environ, start_response) if verb else moto(environ, start_response)

        return serve

    def _serverless(self, moto: Wsgi, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = _JOB_RUN.fullmatch(environ["PATH_INFO"])
        if path and path[1] == self._worker.application_id:
            if environ["REQUEST_METHOD"] == "POST":
                return self._start_job_run(moto, environ, start_response)
            if environ["REQUEST_METHOD"] == "DELETE" and (job := self._job(path[2])):
                return self._cancel_job_run(job, start_response)
        return moto(environ, start_response)

    def _start_job_run(self, moto: Wsgi, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = _body(environ)
        with self._lock:
            if known := self._tokens.get(request["clientToken"]):
                return _answer(start_response, HTTPStatus.OK, json.loads(known))
            status, content = _ask(moto, environ)
            if status.startswith("200"):
                self._tokens[request["clientToken"]] = content
                self._job_run(json.loads(content)["jobRunId"], request)
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
        return [content]

    def _cancel_job_run(self, job: Job, start_response: StartResponse) -> Iterable[bytes]:
        if not self._worker.cancel(job):
            message = f"Job run {job.id} is already in a terminal state."
            return _refusal(start_response, "ValidationException", message)
        answer = {"applicationId": self._worker.application_id, "jobRunId": job.id}
        return _answer(start_response, HTTPStatus.OK, answer)

    def _AddJobFlowSteps(  # noqa: N802 (named as the operation of AWS)
        self, moto: Wsgi, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        request = _body(environ)
        status, content = _ask(moto, environ)
        if status.startswith("200"):
            for step_id, step in zip(json.loads(content)["StepIds"], request["Steps"], strict=True):
                self._step(step_id, step)
        start_response(status, [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(content)))])
        return [content]

    def _DescribeStep(  # noqa: N802
        self, moto: Wsgi, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        request = _body(environ)
        _, content = _ask(moto, environ)
        answer = json.loads(content)
        if not answer.get("Step"):
            return _refusal(start_response, "InvalidRequestException", f"Step id '{request['StepId']}' is not valid.")
        if (job := self._job(request["StepId"])) and job.failure:
            log_file = f"s3://cluster-logs/emr/{self._worker.cluster_id}/steps/{job.id}/stderr.gz"
            details = {"Reason": "Unknown Error.", "Message": job.failure, "LogFile": log_file}
            answer["Step"]["Status"]["FailureDetails"] = details
        return _answer(start_response, HTTPStatus.OK, answer)

    def _CancelSteps(  # noqa: N802
        self, _moto: Wsgi, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        infos = []
        for step_id in _body(environ)["StepIds"]:
            job = self._job(step_id)
            taken = job is not None and self._worker.cancel(job)
            refusal = {} if taken else {"Reason": "Cannot cancel a step that is not pending or running."}
            infos.append({"StepId": step_id, "Status": "SUBMITTED" if taken else "FAILED", **refusal})
        return _answer(start_response, HTTPStatus.OK, {"CancelStepsInfoList": infos})

    def _job(self, job_id: str) -> Job | None:
        return next((job for job in self._worker.jobs if job.id == job_id), None)


def _body(environ: Environ) -> dict[str, Any]:
    """The request's JSON, which moto can then read once more."""
    content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(content)
    found: dict[str, Any] = json.loads(content or b"{}")
    return found


def _ask(moto: Wsgi, environ: Environ) -> tuple[str, bytes]:
    said: list[str] = []
    content = b"".join(moto(environ, lambda status, *_: said.append(status)))
    return said[0], content


def _answer(start_response: StartResponse, status: HTTPStatus, answer: dict[str, Any]) -> Iterable[bytes]:
    content = json.dumps(answer).encode()
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(content)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [content]


def _refusal(start_response: StartResponse, code: str, message: str) -> Iterable[bytes]:
    return _answer(start_response, HTTPStatus.BAD_REQUEST, {"__type": code, "message": message, "Message": message})
