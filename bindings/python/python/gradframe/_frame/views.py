"""Columns as pandas takes them: without views inside lists, and without types of extensions that it does not know."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def plain_lists(frame: Any) -> Any:
    """The frame, with the views inside its lists as plain texts and bytes; itself if there are none."""
    schema = pa.schema(frame)
    fields = [field.with_type(_plain(field.type)) if pa.types.is_nested(field.type) else field for field in schema]
    plain = pa.schema(fields, schema.metadata)
    return frame if plain == schema else type(frame)(pa.table(frame).cast(plain))


def plain_extensions(frame: Any) -> Any:
    """The frame, with truth values in bytes as truth values, and columns of types that pandas has none for as what they are stored as;
    itself if there are none."""
    schema = pa.schema(frame)
    plain = pa.schema([field.with_type(_stored(field.type)) for field in schema], schema.metadata)
    return frame if plain.types == schema.types else type(frame)(pa.table(frame).cast(plain))


def _stored(dtype: pa.DataType) -> pa.DataType:
    if not isinstance(dtype, pa.BaseExtensionType):
        return dtype
    if dtype.extension_name == "arrow.bool8":
        return pa.bool_()
    try:
        dtype.to_pandas_dtype()
    except NotImplementedError:
        return dtype.storage_type
    return dtype


def _plain(dtype: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(dtype):
        return pa.string()
    if pa.types.is_binary_view(dtype):
        return pa.binary()
    if pa.types.is_struct(dtype):
        return pa.struct([dtype.field(i).with_type(_plain(dtype.field(i).type)) for i in range(dtype.num_fields)])
    if pa.types.is_large_list(dtype):
        return pa.large_list(dtype.value_field.with_type(_plain(dtype.value_type)))
    if pa.types.is_fixed_size_list(dtype):
        return pa.list_(dtype.value_field.with_type(_plain(dtype.value_type)), dtype.list_size)
    if pa.types.is_list(dtype):
        return pa.list_(dtype.value_field.with_type(_plain(dtype.value_type)))
    return dtype
