"""The encoding of features as the documentation states it, written again over NumPy and SciPy: the oracle's input.

Numbers are standardised by the training set's mean and population deviation; a null becomes the mean and, where training
saw nulls, sets an indicator. Strings are one-hot in ascending order; a null is the last category where training saw
nulls; an unseen value is no category.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse


def encode(train: pa.Table, test: pa.Table, label: str):
    """The matrices of both tables, encoded by the statistics of the first."""
    features = [name for name in train.column_names if name != label]
    blocks = [encode_column(train[name], test[name]) for name in features]
    return tuple(sparse.hstack([block[side] for block in blocks]).tocsr() for side in (0, 1))


def encode_column(train: pa.ChunkedArray, test: pa.ChunkedArray):
    is_text = pa.types.is_string(train.type) or pa.types.is_large_string(train.type) or pa.types.is_string_view(train.type)
    return encode_text(train, test) if is_text else encode_number(train, test)


def encode_number(train, test):
    known = numbers(train)
    mean, deviation = np.nanmean(known), np.nanstd(known)
    saw_nulls = bool(np.isnan(known).any())

    def matrix(column):
        values = numbers(column)
        missing = np.isnan(values)
        scaled = np.where(missing, 0.0, (values - mean) / (deviation or 1.0))
        return sparse.csr_matrix(np.column_stack([scaled, missing]) if saw_nulls else scaled[:, None])

    return matrix(train), matrix(test)


def encode_text(train, test):
    known = train.to_pylist()
    categories = sorted({value for value in known if value is not None}) + [None] * (None in known)
    index = {value: i for i, value in enumerate(categories)}

    def matrix(column):
        codes = [index.get(value, -1) for value in column.to_pylist()]
        rows = [row for row, code in enumerate(codes) if code >= 0]
        columns = [code for code in codes if code >= 0]
        return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(codes), len(categories)))

    return matrix(train), matrix(test)


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    """The values as float64, nulls as NaN (the tables compared here hold no NaN of their own)."""
    return pc.cast(column, pa.float64()).to_numpy()
