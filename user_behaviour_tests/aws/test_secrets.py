"""Secrets are looked up when they are used, and seen nowhere: in no repr, no error, nothing that an error carries."""

import json
import secrets
import traceback
from collections.abc import Callable

import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.secrets import Secret, SecretError, SecretUrl
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.policies import host, refusing

CANARY = "cAnArY-7f3a"
NO_OBJECT = "it is no JSON object; store one, or leave the key out of the reference"
NO_KEY = "it has no key 'password'; add it to the secret, or correct the reference"
URL = f"postgresql://shop:{CANARY}@127.0.0.1:5432/shop"


@pytest.fixture
def store(cloud: Cloud) -> Callable[[str | bytes], str]:
    """Stores a secret under a name of its own."""

    def store(value: str | bytes) -> str:
        name = f"prod/shop-{secrets.token_hex(4)}"
        held = {"SecretString": value} if isinstance(value, str) else {"SecretBinary": value}
        cloud.aws.client("secretsmanager").create_secret(Name=name, **held)
        return name

    return store


def refusal(secret: Secret) -> str:
    """The message of the error; nothing that is printed or recorded with it holds the canary."""
    with pytest.raises(SecretError) as caught:
        secret()
    everything = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert CANARY not in everything
    assert CANARY[:5] not in everything
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    return str(caught.value)


def test_a_plain_text_is_its_own_value_and_asks_nobody() -> None:
    assert Secret("PASSWORD", CANARY, Aws(region_name="eu-west-1", endpoint_url="http://127.0.0.1:1"))() == CANARY


def test_a_reference_is_looked_up_by_name_and_by_arn(cloud: Cloud, store: Callable[[str], str]) -> None:
    name = store(CANARY)
    arn = cloud.aws.client("secretsmanager").describe_secret(SecretId=name)["ARN"]
    assert arn.count(":") == 6
    assert Secret("PASSWORD", f"secretsmanager:{name}", cloud.aws)() == CANARY
    assert Secret("PASSWORD", f"secretsmanager:{arn}", cloud.aws)() == CANARY


def test_a_key_of_a_json_secret_is_taken_by_name_and_by_arn(cloud: Cloud, store: Callable[[str], str]) -> None:
    name = store(json.dumps({"username": "shop", "password": CANARY, "port": 5432}))
    arn = cloud.aws.client("secretsmanager").describe_secret(SecretId=name)["ARN"]
    assert Secret("PASSWORD", f"secretsmanager:{name}#password", cloud.aws)() == CANARY
    assert Secret("PASSWORD", f"secretsmanager:{arn}#password", cloud.aws)() == CANARY
    assert Secret("PORT", f"secretsmanager:{name}#port", cloud.aws)() == "5432"


def test_a_rotated_secret_is_the_new_one_at_the_next_use(cloud: Cloud, store: Callable[[str], str]) -> None:
    name = store("before")
    secret = Secret("PASSWORD", f"secretsmanager:{name}", cloud.aws)
    assert secret() == "before"
    cloud.aws.client("secretsmanager").put_secret_value(SecretId=name, SecretString="after")
    assert secret() == "after"


def test_no_repr_shows_a_value(cloud: Cloud) -> None:
    plain = Secret("PASSWORD", CANARY, cloud.aws)
    assert (repr(plain), str(plain), f"{plain}") == ("<Secret PASSWORD>",) * 3
    assert repr(SecretUrl("SOURCE_URL", "secretsmanager:shop#url", cloud.aws)) == (
        "<SecretUrl SOURCE_URL (secretsmanager:shop#url)>"
    )


def test_a_secret_that_is_not_there_is_named_with_the_region(cloud: Cloud) -> None:
    assert refusal(Secret("PASSWORD", "secretsmanager:nowhere#password", cloud.aws)) == (
        "The value of PASSWORD (secretsmanager:nowhere#password) cannot be used: Secrets Manager in eu-west-1 says "
        "ResourceNotFoundException; create the secret there, or correct the reference."
    )


def test_a_secret_that_is_being_deleted_is_not_taken_for_one_that_never_was(
    cloud: Cloud, store: Callable[[str], str]
) -> None:
    name = store(CANARY)
    cloud.aws.client("secretsmanager").delete_secret(SecretId=name)
    assert refusal(Secret("PASSWORD", f"secretsmanager:{name}", cloud.aws)) == (
        f"The value of PASSWORD (secretsmanager:{name}) cannot be used: Secrets Manager in eu-west-1 says "
        "InvalidRequestException; restore it (`aws secretsmanager restore-secret`) if it is marked for deletion, or "
        "give it a value."
    )


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (
            "AccessDeniedException",
            "allow secretsmanager:GetSecretValue on secret any to the identity in use, and kms:Decrypt if a key of "
            "your own encrypts it",
        ),
        (
            "ExpiredTokenException",
            "log in again (`aws sso login`), or have the role's credentials refreshed, and rerun",
        ),
    ],
)
def test_a_refusal_is_told_by_its_code_with_its_remedy(cloud: Cloud, code: str, remedy: str) -> None:
    with cloud.behind(refusing(host("secretsmanager"), code)):
        assert refusal(Secret("PASSWORD", "secretsmanager:any", cloud.aws)) == (
            "The value of PASSWORD (secretsmanager:any) cannot be used: Secrets Manager in eu-west-1 says "
            f"{code}; {remedy}."
        )


@pytest.mark.parametrize(
    ("stored", "key", "trouble"),
    [
        (CANARY, "password", NO_OBJECT),
        (f'{{"password": "{CANARY}', "password", NO_OBJECT),
        (f'["{CANARY}"]', "password", NO_OBJECT),
        (f'{{"pass": "{CANARY}"}}', "password", NO_KEY),
        (f'{{"password": ["{CANARY}"]}}', "password",
         "its key 'password' holds no text; correct the key in the reference, or store a text"),
        (CANARY.encode(), "password", "it is binary; store a text"),
    ],
)  # fmt: skip
def test_a_secret_of_another_shape_is_refused_without_its_content(
    cloud: Cloud, store: Callable[[str | bytes], str], stored: str | bytes, key: str, trouble: str
) -> None:
    name = store(stored)
    assert refusal(Secret("PASSWORD", f"secretsmanager:{name}#{key}", cloud.aws)) == (
        f"The value of PASSWORD (secretsmanager:{name}#{key}) cannot be used: {trouble}."
    )


@pytest.mark.parametrize("reference", ["secretsmanager:", "secretsmanager:#password", "secretsmanager:shop#"])
def test_half_a_reference_is_refused(cloud: Cloud, reference: str) -> None:
    assert refusal(Secret("PASSWORD", reference, cloud.aws)) == (
        f"The value of PASSWORD ({reference}) cannot be used: write secretsmanager:NAME or secretsmanager:NAME#KEY."
    )


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "postgres://shop@db.example.com/shop",
        "postgresql://shop:p%40ss%2Fword@[2001:db8::1]:5432/shop?sslmode=require&application_name=a%20b",
        "postgresql://127.0.0.1",
        "postgresql://shop:a:b!c$d&e*(f)@db-1.example.com:5432/shop_2",
    ],
)
def test_a_url_of_postgresql_passes(cloud: Cloud, url: str) -> None:
    assert SecretUrl("SOURCE_URL", url, cloud.aws)() == url


@pytest.mark.parametrize(
    "url",
    [
        CANARY,
        f"postgresqll://shop:{CANARY}@127.0.0.1/shop",
        f"postgresql://shop:{CANARY}%zz@127.0.0.1/shop",
        f"postgresql://shop:{CANARY}%00@127.0.0.1/shop",
        f"postgresql://shop:a@{CANARY}@127.0.0.1:1/shop",
        f"postgresql://shop:{CANARY}/b@127.0.0.1/shop",
        f"postgresql://shop:12/{CANARY}@127.0.0.1/shop",
        f"postgresql://shop:{CANARY} b@127.0.0.1/shop",
        f"postgresql://shop:{CANARY}@127.0.0.1:port/shop",
        f"postgresql://shop:{CANARY}@127.0.0.1:99999/shop",
        f"postgresql://shop:{CANARY}@[::1/shop",
        f"postgresql://shop:{CANARY}@127.0.0.1/shop?{CANARY}=1",
        f"host=127.0.0.1 password='{CANARY}",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_a_piece_of_it(cloud: Cloud, url: str) -> None:
    """The driver quotes what it cannot read: the whole URL, its host (what follows an @ in a password), its port."""
    assert refusal(SecretUrl("SOURCE_URL", url, cloud.aws)) == (
        "The value of SOURCE_URL cannot be used: it is no URL of PostgreSQL; write "
        "postgresql://user:password@host:5432/database, and in user and password %40 for @, %2F for /, %3A for :, "
        "%25 for %."
    )
