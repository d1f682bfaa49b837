"""The twins that live in the embedded stack: the shop's database and the warehouse, wherever its server listens now."""

from pathlib import Path

from pydantic import Field

from user_behaviour.local.stack import Stack
from user_behaviour.source.database import SourceDatabase
from user_behaviour.warehouse.postgres import PostgresWarehouse, PostgresWarehouseByUrl
from user_behaviour.warehouse.warehouse import Warehouse

_HOME = "The home whose server it is; its port and password are looked up at each connection."


class EmbeddedSource(SourceDatabase):
    """The shop's database: `shop` of the embedded PostgreSQL."""

    home: str = Field(description=_HOME)

    def dsn(self) -> str:
        return Stack(Path(self.home)).endpoints().shop


class EmbeddedWarehouse(PostgresWarehouse):
    """The warehouse: database `warehouse` of the embedded PostgreSQL."""

    home: str = Field(description=_HOME)

    def dsn(self) -> str:
        return Stack(Path(self.home)).endpoints().warehouse

    def reader(self) -> Warehouse:
        return PostgresWarehouseByUrl(url=Stack(Path(self.home)).reader_url())
