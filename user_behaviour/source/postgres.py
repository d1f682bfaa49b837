"""Twin of the source role: any PostgreSQL, at an address that is a setting or a secret."""

from pydantic import Field

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.secrets import SecretUrl
from user_behaviour.source.database import SourceDatabase


class PostgresSource(SourceDatabase):
    """The shop's database on any PostgreSQL."""

    url: str = Field(
        repr=False,
        description="Its libpq URL, or secretsmanager:NAME[#KEY] that holds it, looked up at each connection.",
    )
    aws: Aws

    def dsn(self) -> str:
        return SecretUrl("USER_BEHAVIOUR_SOURCE_URL", self.url, self.aws)()
