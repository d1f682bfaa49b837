"""What a run needs on AWS beyond what the roles find out by their own verbs: permissions to start and to change."""

from collections.abc import Iterator

from user_behaviour.aws.clients import Aws
from user_behaviour.catalog.external_tables import ExternalTables
from user_behaviour.catalog.glue import GlueExternalTables
from user_behaviour.classifier.models import ROOT as MODELS
from user_behaviour.diagnosis import Diagnosis
from user_behaviour.doctor.permissions import account_prefix, may, trusts
from user_behaviour.lake.lake import Lake
from user_behaviour.spark.emr import PROGRAMS
from user_behaviour.spark.emr_serverless import LOGS, EmrServerlessSpark
from user_behaviour.spark.emr_steps import EmrStepsSpark
from user_behaviour.spark.job import JOBS_DIRECTORY
from user_behaviour.spark.spark import SparkRunner
from user_behaviour.tables.schemas import RAW_REVIEWS
from user_behaviour.vendor.drop import VendorDrop
from user_behaviour.vendor.originals import ORIGINALS
from user_behaviour.vendor.s3 import S3VendorDrop

_SERVERLESS = "emr-serverless.amazonaws.com"


def catalog_permissions(tables: ExternalTables) -> Iterator[Diagnosis]:
    """Writing partitions and defining tables in Glue; nothing for other catalogs."""
    if isinstance(tables, GlueExternalTables):
        prefix = account_prefix(tables.aws, "glue")
        places = [f"{prefix}catalog", f"{prefix}database/{tables.database}", f"{prefix}table/{tables.database}/*"]
        write = [f"glue:Batch{verb}Partition" for verb in ("Create", "Update", "Delete")]
        yield may("write partitions", tables.aws, write, on=places)
        yield may("define tables", tables.aws, ["glue:CreateTable", "glue:UpdateTable"], on=places)


def vendor_permissions(drop: VendorDrop) -> Iterator[Diagnosis]:
    """Deleting the events of the drop's queue; nothing where there is none."""
    if isinstance(drop, S3VendorDrop) and drop.queue:
        arn = account_prefix(drop.aws, "sqs") + drop.queue.rpartition("/")[2]
        yield may("delete events", drop.aws, ["sqs:DeleteMessage"], on=[arn])


def spark_permissions(spark: SparkRunner, lake: Lake) -> Iterator[Diagnosis]:
    """Starting and cancelling jobs, and what the role of the jobs does on the lake; nothing for other products."""
    if isinstance(spark, EmrServerlessSpark):
        aws, role = spark.aws, spark.role
        arn = f"{account_prefix(aws, 'emr-serverless')}/applications/{spark.application}"
        start = ["emr-serverless:StartJobRun", "emr-serverless:ListJobRuns"]
        watch = ["emr-serverless:GetJobRun", "emr-serverless:CancelJobRun"]
        yield may("start jobs", aws, start, on=[arn])
        yield may("watch jobs", aws, watch, on=[f"{arn}/jobruns/*"])
        yield trusts("job role", aws, role, _SERVERLESS)
        passed = {"iam:PassedToService": _SERVERLESS}
        yield may("pass the role", aws, ["iam:PassRole"], on=[role], context=passed)
        yield from _role_on_lake(aws, role, lake)
        yield may("role writes logs", aws, ["s3:PutObject"], on=[_arn(lake, f"{LOGS}/*")], who=role)
    elif isinstance(spark, EmrStepsSpark):
        aws, arn = spark.aws, f"{account_prefix(spark.aws, 'elasticmapreduce')}cluster/{spark.cluster}"
        submit = [f"elasticmapreduce:{verb}" for verb in ("AddJobFlowSteps", "DescribeStep", "CancelSteps")]
        yield may("submit steps", aws, submit, on=[arn])
        if spark.role:
            yield may("pass the role", aws, ["iam:PassRole"], on=[spark.role])
            yield from _role_on_lake(aws, spark.role, lake)


def _role_on_lake(aws: Aws, role: str, lake: Lake) -> Iterator[Diagnosis]:
    """What a job does: it reads its program, its job object, the vendor's or the landed files, and writes rows."""
    # Without a slash too: Spark asks whether its base path is an object before it takes it for a directory.
    below = (ORIGINALS, RAW_REVIEWS.name, MODELS, PROGRAMS, JOBS_DIRECTORY)
    reads = [RAW_REVIEWS.name, *(f"{directory}/*" for directory in below)]
    yield may("role reads", aws, ["s3:GetObject"], on=[_arn(lake, path) for path in reads], who=role)
    # S3A writes in parts, clears the parts of a task that failed, and what the output replaces.
    writes = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    yield may("role writes", aws, writes, on=[_arn(lake, f"{JOBS_DIRECTORY}/*")], who=role)
    for directory in (ORIGINALS, RAW_REVIEWS.name, MODELS, JOBS_DIRECTORY):
        bucket, _, key = _arn(lake, directory).partition("/")
        prefix = {"s3:prefix": f"{key}/"}
        yield may(f"role lists {directory}", aws, ["s3:ListBucket"], on=[bucket], who=role, context=prefix)


def _arn(lake: Lake, path: str) -> str:
    return f"arn:aws:s3:::{lake.uri(path).removeprefix('s3://')}"
