"""Slices of nested columns come in as they are: each slice of tables drawn of all nested types of Arrow, asked of pyarrow too."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradframe as gf

LEAVES = [
    (pa.int64(), st.integers(-5, 5)),
    (pa.int8(), st.integers(-5, 5)),
    (pa.float64(), st.integers(-5, 5).map(float)),
    (pa.bool_(), st.booleans()),
    (pa.string(), st.text("abcé", max_size=20)),
    (pa.large_string(), st.text("ab", max_size=3)),
    (pa.string_view(), st.text("ab", max_size=20)),
    (pa.binary(2), st.binary(min_size=2, max_size=2)),
    (pa.null(), st.none()),
]


@st.composite
def leaves(draw, rows):
    data_type, values = draw(st.sampled_from(LEAVES))
    return pa.array(draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), data_type)


def masks(draw, rows):
    """Which rows are null."""
    return pa.array(draw(st.lists(st.booleans(), min_size=rows, max_size=rows)), pa.bool_())


def structs(draw, rows, depth):
    columns = [draw(arrays(rows, depth)) for _ in range(draw(st.integers(1, 3)))]
    return pa.StructArray.from_arrays(columns, names=list("abc"[: len(columns)]), mask=masks(draw, rows))


def fixed_lists(draw, rows, depth):
    size = draw(st.integers(1, 3))
    return pa.FixedSizeListArray.from_arrays(draw(arrays(rows * size, depth)), size, mask=masks(draw, rows))


def offsets(draw, rows):
    lengths = draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows))
    return [sum(lengths[:row]) for row in range(rows + 1)]


def lists(draw, rows, depth):
    places, kind = offsets(draw, rows), draw(st.sampled_from([(pa.ListArray, pa.int32()), (pa.LargeListArray, pa.int64())]))
    values = draw(arrays(places[-1], depth))
    return kind[0].from_arrays(pa.array(places, kind[1]), values, mask=masks(draw, rows))


def maps(draw, rows, depth):
    places = offsets(draw, rows)
    keys = pa.array([str(key) for key in range(places[-1])], pa.string())
    return pa.MapArray.from_arrays(pa.array(places, pa.int32()), keys, draw(arrays(places[-1], depth)))


def which(draw, rows):
    return pa.array(draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows)), pa.int8())


def sparse_unions(draw, rows, depth):
    return pa.UnionArray.from_sparse(which(draw, rows), [draw(arrays(rows, depth)), draw(arrays(rows, depth))])


def dense_unions(draw, rows, depth):
    of = which(draw, rows)
    places = pa.array([sum(one == other for one in of.to_pylist()[:row]) for row, other in enumerate(of.to_pylist())], pa.int32())
    return pa.UnionArray.from_dense(of, places, [draw(arrays(rows, depth)), draw(arrays(rows, depth))])


def dictionaries(draw, rows, depth):
    keys = draw(st.lists(st.none() | st.integers(0, 2), min_size=rows, max_size=rows))
    return pa.DictionaryArray.from_arrays(pa.array(keys, pa.int8()), draw(arrays(3, depth)))


def runs(draw, rows, depth):
    ends = sorted(draw(st.sets(st.integers(1, rows)))) if rows else []
    ends = [*(end for end in ends if end < rows), rows] if rows else []
    # Runs of runs pyarrow itself does not take in.
    values = draw(arrays(len(ends), depth).filter(lambda own: not pa.types.is_run_end_encoded(own.type)))
    return pa.RunEndEncodedArray.from_arrays(pa.array(ends, pa.int32()), values)


NESTED = [structs, structs, fixed_lists, lists, maps, sparse_unions, dense_unions, dictionaries, runs]


@st.composite
def arrays(draw, rows, depth):
    """An array of so many rows, which may be a slice itself."""
    before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    whole = before + rows + after
    if depth == 0:
        return draw(leaves(whole)).slice(before, rows)
    return draw(st.sampled_from(NESTED))(draw, whole, depth - 1).slice(before, rows)


@settings(deadline=None)
@given(st.data())
def test_every_slice_comes_in_as_it_is(data):
    rows = data.draw(st.integers(0, 5))
    whole = pa.record_batch({"i": pa.array(range(rows), pa.int64()), "c": data.draw(arrays(rows, data.draw(st.integers(1, 3))))})
    table = pa.Table.from_batches([whole])
    for start in range(rows + 1):
        for length in range(rows - start + 1):
            part = table.slice(start, length)
            for given_rows in (part, whole.slice(start, length), part.to_reader()):
                back = gf.from_arrow(given_rows).to_arrow()
                assert back.schema.types == part.schema.types
                assert back["c"].to_pylist() == part["c"].to_pylist() and back["i"].to_pylist() == part["i"].to_pylist()


def test_a_struct_in_a_struct_is_sliced_once():
    table = pa.table({"c": pa.array([{"a": {"b": 1}}, None, {"a": None}, {"a": {"b": 2}}])})
    for start in range(5):
        for length in range(6):
            part = table.slice(start, length)
            assert gf.from_arrow(part).to_arrow()["c"].to_pylist() == part["c"].to_pylist(), (start, length)
    assert gf.Series("c", table["c"].slice(1)).to_list() == [None, {"a": None}, {"a": {"b": 2}}]
    mapped = gf.DataFrame({"x": [1, 2, 3]}).select(gf.col("x").map_batches(lambda _: table["c"].chunk(0).slice(1), return_dtype=table["c"].type))
    assert mapped["x"].to_list() == [None, {"a": None}, {"a": {"b": 2}}]
    batches = gf.DataFrame({"x": [1]}).lazy().map_batches(lambda _: table.slice(2), schema=table.schema)
    assert batches.collect()["c"].to_list() == [{"a": None}, {"a": {"b": 2}}]


def test_slices_share_memory():
    inner = pa.array([{"b": i} for i in range(1000)])
    column = pa.FixedSizeListArray.from_arrays(pa.StructArray.from_arrays([inner], names=["a"]), 2).slice(100, 50)
    back = gf.from_arrow(pa.table({"c": column})).to_arrow()["c"].chunk(0)

    def first(array):
        values = array.flatten().field("a").field("b")
        return values.buffers()[1].address + 8 * values.offset

    assert back.to_pylist() == column.to_pylist() and first(back) == first(column)


def test_a_row_that_is_null_is_null_in_each_column():
    rows = pa.StructArray.from_arrays([pa.array([1, 2]), pa.array(["a", "b"])], names=["x", "s"], mask=pa.array([False, True]))
    for given_rows in (rows, pa.chunked_array([rows])):
        assert gf.from_arrow(given_rows).rows() == [(1, "a"), (None, None)]


class Exports:
    """Capsules of anybody's."""

    def __init__(self, **capsules):
        for name, capsule in capsules.items():
            setattr(self, name, lambda requested_schema=None, capsule=capsule: capsule)


def test_what_does_not_keep_to_the_interface_is_an_error():
    (two, _), (_, one) = (pa.array([row]).__arrow_c_array__() for row in ({"a": 1, "b": 2}, {"a": 1}))
    with pytest.raises(gf.errors.ExecutionError, match="from_arrow: the producer failed: .*what it gave is not what it said"):
        gf.from_arrow(Exports(__arrow_c_array__=(two, one)))
    stream = Exports(__arrow_c_stream__=pa.table({"x": [1]}).__arrow_c_stream__())
    assert gf.from_arrow(stream).rows() == [(1,)]
    with pytest.raises(gf.errors.ExecutionError, match="read already"):
        gf.from_arrow(stream)
    with pytest.raises(gf.errors.DTypeError, match="from_arrow: got values of Int64, which have no columns"):
        gf.from_arrow(pa.array([1]))


def test_what_a_producer_says_is_told():
    def broken():
        yield pa.record_batch({"x": [1]})
        raise ValueError("no more today")

    reader = pa.RecordBatchReader.from_batches(pa.schema({"x": pa.int64()}), broken())
    with pytest.raises(gf.errors.ExecutionError, match="from_arrow: the producer failed: .*no more today"):
        gf.from_arrow(reader)
