"""Values in the type that their column declares: exactly, or refused by name. Nothing is rounded, cut or guessed.

pandas is imported where it is needed: most who stream rows do without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pandas as pd

_REFUSALS = (pa.ArrowException, ArithmeticError, TypeError, ValueError)
_SHOWN = 60  # characters of a value
_EXACT_FLOATS = 2**53
_WHOLE = pa.decimal128(38, 9)  # of a number in a text; an integer's zeros behind the point are none of its value


class MisfitError(pa.ArrowInvalid):  # type: ignore[misc]
    """A value that its column's declared type does not hold."""

    def __init__(self, column: str, type_: pa.DataType, value: Any) -> None:
        super().__init__(f"{column} is {shown(value)}, which {spelled(type_)} does not hold")


def shown(value: Any) -> str:
    """A value in an error: texts in quotes, long ones cut."""
    text = repr(value) if isinstance(value, str | bytes) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def spelled(type_: pa.DataType) -> str:
    """An Arrow type as `Column.type` spells it."""
    if pa.types.is_decimal(type_):
        return f"decimal({type_.precision},{type_.scale})"
    return {"bool": "boolean", "int32": "int", "int64": "bigint", "string": "varchar"}.get(
        str(type_), str(type_).partition("[")[0].replace("date32", "date")
    )


def parsed(texts: pa.Array, field: pa.Field) -> pa.Array:
    """Bytes as PostgreSQL writes values of any type, in the type of the field."""
    return _each(texts, field, partial(_parsed, type_=field.type))


def exact(values: Sequence[Any] | pd.Series, field: pa.Field) -> pa.Array:
    """Python's or pandas' values in the type of the field. Raises `MisfitError`, by which column and value are named.

    What pandas holds for null is null. Integers may come as floats, as far as floats count exactly; days as timestamps.
    """
    return _each(values, field, partial(_exact, type_=field.type))


def unhex(texts: pa.Array) -> pa.Array:
    """Bytes that a database shows in hexadecimal digits, PostgreSQL with a mark before them."""
    found = (text if text is None else bytes.fromhex(text.removeprefix(r"\x")) for text in texts.to_pylist())
    return pa.array(found, pa.binary())


def _each(values: Any, field: pa.Field, convert: Callable[[Any], pa.Array]) -> pa.Array:
    """All at once; where that fails by halves, down to the first value that does not fit."""
    try:
        return convert(values)
    except _REFUSALS as error:
        if len(values) <= 1:
            raise MisfitError(field.name, field.type, _plain(next(iter(values), None))) from error
    rows, middle = getattr(values, "iloc", values), len(values) // 2
    return pa.concat_arrays([_each(half, field, convert) for half in (rows[:middle], rows[middle:])])


def _plain(value: Any) -> Any:
    return value.as_py().decode(errors="backslashreplace") if isinstance(value, pa.Scalar) else value


def _parsed(content: pa.Array, *, type_: pa.DataType) -> pa.Array:
    texts = content.cast(pa.string())
    if pa.types.is_boolean(type_):
        known = {None: None, "t": True, "f": False}
        if strange := set(texts.to_pylist()) - known.keys():
            raise ValueError(strange)
        return pa.array([known[text] for text in texts.to_pylist()], type_)
    if pa.types.is_binary(type_):
        return unhex(texts)
    return (texts.cast(_WHOLE) if pa.types.is_integer(type_) else texts).cast(type_)


def _exact(values: Sequence[Any] | pd.Series, *, type_: pa.DataType) -> pa.Array:
    import pandas as pd

    series = values if isinstance(values, pd.Series) else pd.Series(values, dtype=object)
    if series.dtype == object:
        _require_one_kind([value for value in series if isinstance(value, Decimal) or not pd.isna(value)])
    natural = pa.array(series, from_pandas=True)
    if isinstance(natural, pa.ChunkedArray):
        natural = natural.combine_chunks()
    if pa.types.is_dictionary(natural.type):
        natural = natural.dictionary_decode()
    if natural.null_count == len(natural):
        return pa.nulls(len(natural), type_)
    if not _may_become(natural.type, type_):
        raise TypeError(f"{natural.type} is no {type_}")
    if pa.types.is_floating(natural.type) and pc.max(pc.abs(natural)).as_py() >= _EXACT_FLOATS:
        raise ValueError("Its last digits may be lost already.")
    is_count = pa.types.is_integer(natural.type) and pa.types.is_decimal(type_)
    found = (natural.cast(pa.decimal128(38, 0)) if is_count else natural).cast(type_)
    if pa.types.is_date(type_) and not found.cast(natural.type).equals(natural):
        raise ValueError("The time of the day would be cut off.")
    return found


def _require_one_kind(values: Sequence[Any]) -> None:
    """Of several kinds, Arrow takes the first for that of all; NaN it takes for null, and nanoseconds it leaves out."""
    if len({(type(value), getattr(value, "tzinfo", None) is None) for value in values}) > 1:
        raise TypeError("Each value has to be looked at by itself.")
    if any(isinstance(value, Decimal) and not value.is_finite() for value in values):
        raise ValueError("NaN is no null.")
    if any(getattr(value, "nanosecond", 0) for value in values):
        raise ValueError("Nanoseconds would be cut off.")


def _may_become(found: pa.DataType, declared: pa.DataType) -> bool:
    types = pa.types
    if types.is_integer(declared):
        return bool(types.is_integer(found) or types.is_floating(found) or types.is_decimal(found))
    if types.is_decimal(declared):
        return bool(types.is_decimal(found) or types.is_integer(found))
    if types.is_string(declared):
        return bool(types.is_string(found) or types.is_large_string(found))
    if types.is_binary(declared):
        return bool(types.is_binary(found) or types.is_large_binary(found))
    if types.is_timestamp(declared) or types.is_date(declared):
        is_timestamp = types.is_timestamp(found) and found.tz is None
        return bool(is_timestamp or (types.is_date(declared) and types.is_date32(found)))
    return bool(found == declared)
