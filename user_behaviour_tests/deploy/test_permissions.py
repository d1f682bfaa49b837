"""Least privilege: everything that each role of the stack may do, by hand. What is not in a table, the role may not do.

LAKE and VENDOR are the buckets' ARNs, APPLICATION the Spark application's, ORCHESTRATOR, SPARK and REDSHIFT the roles'.
"""

import pytest

from user_behaviour_tests.deploy.created_stack import CreatedStack

CATALOG = {
    "arn:aws:glue:catalog",
    "arn:aws:glue:database/deployed",
    "arn:aws:glue:table/deployed/*",
}
OBJECTS = {"LAKE/lake/*"}
STAGING = {"LAKE/lake/_staging/*"}
JOB_RUNS = {"arn:aws:emr-serverlessAPPLICATION/jobruns/*"}
ROLES = {"ORCHESTRATOR", "SPARK"}

REDSHIFT = {
    "s3:GetBucketLocation": {"LAKE"},
    "s3:ListBucket": {"LAKE"},
    "s3:GetObject": {"LAKE/lake/staged_purchases/*", "LAKE/lake/classified_reviews/*", "LAKE/lake/exchange/*"},
    "s3:PutObject": {"LAKE/lake/exchange/*"},
    "s3:AbortMultipartUpload": {"LAKE/lake/exchange/*"},
    "glue:CreateDatabase": CATALOG,
    "glue:GetDatabase": CATALOG,
    "glue:GetDatabases": CATALOG,
    "glue:GetTable": CATALOG,
    "glue:GetTables": CATALOG,
    "glue:GetPartition": CATALOG,
    "glue:GetPartitions": CATALOG,
    "glue:BatchGetPartition": CATALOG,
}

SPARK = {
    "s3:ListBucket": {"LAKE"},
    "s3:GetObject": {
        "LAKE/lake/movie_review_file/*",
        "LAKE/lake/raw_reviews",
        "LAKE/lake/raw_reviews/*",
        "LAKE/lake/review_classifier/*",
        "LAKE/lake/_programs/*",
        "LAKE/lake/_staging/*",
    },
    "s3:PutObject": {"LAKE/lake/_staging/*", "LAKE/lake/_logs/*"},
    "s3:DeleteObject": STAGING,
    "s3:AbortMultipartUpload": STAGING,
    "s3:ListMultipartUploadParts": STAGING,
}

ORCHESTRATOR = {
    "s3:GetBucketLocation": {"LAKE"},
    "s3:ListBucket": {"LAKE", "VENDOR"},
    "s3:ListBucketMultipartUploads": {"LAKE"},
    "s3:GetObject": {"LAKE/lake/*", "VENDOR/reviews/*"},
    "s3:PutObject": OBJECTS,
    "s3:DeleteObject": OBJECTS,
    "s3:AbortMultipartUpload": OBJECTS,
    "s3:ListMultipartUploadParts": OBJECTS,
    "sqs:ReceiveMessage": {"QUEUE"},
    "sqs:DeleteMessage": {"QUEUE"},
    "glue:GetDatabase": CATALOG,
    "glue:GetTable": CATALOG,
    "glue:CreateTable": CATALOG,
    "glue:UpdateTable": CATALOG,
    "glue:GetPartition": CATALOG,
    "glue:GetPartitions": CATALOG,
    "glue:BatchGetPartition": CATALOG,
    "glue:BatchCreatePartition": CATALOG,
    "glue:BatchUpdatePartition": CATALOG,
    "glue:BatchDeletePartition": CATALOG,
    "emr-serverless:StartJobRun": {"arn:aws:emr-serverlessAPPLICATION"},
    "emr-serverless:ListJobRuns": {"arn:aws:emr-serverlessAPPLICATION"},
    "emr-serverless:GetApplication": {"arn:aws:emr-serverlessAPPLICATION"},
    "emr-serverless:GetJobRun": JOB_RUNS,
    "emr-serverless:CancelJobRun": JOB_RUNS,
    "emr-serverless:GetDashboardForJobRun": JOB_RUNS,
    "iam:PassRole": {"SPARK"},
    "redshift-serverless:GetCredentials": {"WORKGROUP"},
    "redshift-serverless:GetWorkgroup": {"WORKGROUP"},
    "secretsmanager:GetSecretValue": {"arn:aws:secretsmanager:secret:user-behaviour/*"},
    # For `user-behaviour doctor`:
    "s3:GetBucketPolicy": {"LAKE"},
    "s3:GetBucketPublicAccessBlock": {"LAKE"},
    "s3:GetBucketVersioning": {"LAKE"},
    "s3:GetEncryptionConfiguration": {"LAKE"},
    "s3:GetLifecycleConfiguration": {"LAKE"},
    "iam:GetRole": ROLES,
    "iam:SimulatePrincipalPolicy": ROLES,
}
GRANTED = {"RedshiftRole": REDSHIFT, "SparkRole": SPARK, "OrchestratorRole": ORCHESTRATOR}

LISTED = {
    "RedshiftRole": {"LAKE": ["lake/staged_purchases/*", "lake/classified_reviews/*", "lake/exchange/*"]},
    "SparkRole": {
        "LAKE": [
            "lake/movie_review_file/*",
            "lake/raw_reviews",
            "lake/raw_reviews/*",
            "lake/review_classifier/*",
            "lake/_programs/*",
            "lake/_staging/*",
        ]
    },
    "OrchestratorRole": {"LAKE": ["lake", "lake/*"], "VENDOR": ["reviews", "reviews/*"]},
}

# All the conditions there are. A key that an action does not have makes its statement void: s3:prefix is one of
# s3:ListBucket, and none of s3:ListBucketMultipartUploads ("Actions, resources, and condition keys for Amazon S3").
CONDITIONS = {
    "RedshiftRole": {"s3:ListBucket": {"s3:prefix"}},
    "SparkRole": {"s3:ListBucket": {"s3:prefix"}},
    "OrchestratorRole": {"s3:ListBucket": {"s3:prefix"}, "iam:PassRole": {"iam:PassedToService"}},
}

TRUSTED = {
    "RedshiftRole": ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"],
    "SparkRole": "emr-serverless.amazonaws.com",
    "OrchestratorRole": ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"],
}


@pytest.mark.parametrize("role", sorted(GRANTED))
def test_a_role_may_do_what_the_table_says_and_nothing_else(created: CreatedStack, role: str) -> None:
    assert created.permissions(role) == GRANTED[role]


@pytest.mark.parametrize("role", sorted(LISTED))
def test_a_role_lists_its_own_prefixes_only(created: CreatedStack, role: str) -> None:
    names = {created.resource("LakeBucket"): "LAKE", created.resource("VendorBucket"): "VENDOR"}
    found = {
        names[statement["Resource"].removeprefix("arn:aws:s3:::")]: statement["Condition"]["StringLike"]["s3:prefix"]
        for statement in created.statements(role)
        if "s3:ListBucket" in ([a] if isinstance(a := statement["Action"], str) else a)
    }
    assert found == LISTED[role]


@pytest.mark.parametrize("role", sorted(CONDITIONS))
def test_a_condition_stands_only_on_an_action_that_has_its_key(created: CreatedStack, role: str) -> None:
    found = {
        statement["Action"]: {key for keys in statement["Condition"].values() for key in keys}
        for statement in created.statements(role)
        if "Condition" in statement  # each on one action alone, so a text
    }
    assert found == CONDITIONS[role]


@pytest.mark.parametrize("role", sorted(TRUSTED))
def test_a_role_is_assumed_by_its_service_only(created: CreatedStack, role: str) -> None:
    found = created.aws.client("iam").get_role(RoleName=created.resource(role))["Role"]
    (statement,) = found["AssumeRolePolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Principal"]) == ("sts:AssumeRole", {"Service": TRUSTED[role]})


def test_the_job_s_role_serves_this_application_and_is_handed_to_emr_only(created: CreatedStack) -> None:
    iam = created.aws.client("iam")
    spark = iam.get_role(RoleName=created.resource("SparkRole"))["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
    application = created.outputs["EmrApplication"]
    assert spark["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnEquals": {"aws:SourceArn": f"arn:aws:emr-serverless:eu-west-1:123456789012:/applications/{application}"},
    }
    (handed,) = [one for one in created.statements("OrchestratorRole") if one["Action"] == "iam:PassRole"]
    assert handed["Condition"] == {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}
