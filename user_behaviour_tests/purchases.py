"""Purchase lines by hand, and rows of a day as a batch of the lake."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from user_behaviour.lake.dataset import Dataset


def purchase_line(day: date, **otherwise: Any) -> dict[str, Any]:
    """A line of the day, as it is after the extraction."""
    moment = datetime(day.year, day.month, day.day, 8, 26)  # noqa: DTZ001  # UTC without a zone
    line = {"invoice_number": "100", "stock_code": "A", "detail": None, "quantity": 3, "invoice_date": moment}
    return {**line, "unit_price": Decimal("1.250"), "customer_id": 14000, "country": "Italy", **otherwise}


def publish(dataset: Dataset, day: date, batch: str, rows: Sequence[dict[str, Any]], **manifest: Any) -> None:
    """Publishes the rows as the day's batch; `manifest` is what it says besides."""
    with dataset.write(day, batch) as writer:
        if rows:
            schema = dataset.table.without("batch_id").arrow_schema()
            writer.write(pa.RecordBatch.from_pylist(list(rows), schema=schema))
        assert dataset.publish(writer.manifest(as_of="2010-12-05T00:00:00.000000Z", **manifest))
