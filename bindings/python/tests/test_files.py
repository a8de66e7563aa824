"""Files of every format, read and written: one or many, whole or compressed, with columns that differ."""

import datetime
import json

import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import gradframe as gf
from gradframe import errors as E

DATA = {"id": [1, 2, 3], "zone": ["a", None, "c"], "fare": [1.5, 2.5, 3.5]}


def rows(frame):
    return frame.sort("id").collect().rows()


EXPECTED = list(zip(DATA["id"], DATA["zone"], DATA["fare"]))


@pytest.mark.parametrize(
    ("write", "scan", "name"),
    [
        ("write_ndjson", gf.scan_ndjson, "t.ndjson"),
        ("write_ipc", gf.scan_ipc, "t.arrow"),
        ("write_csv", gf.scan_csv, "t.csv"),
        ("write_parquet", gf.scan_parquet, "t.parquet"),
    ],
)
def test_what_is_written_is_read(tmp_path, write, scan, name):
    frame = gf.from_dict(DATA)
    assert getattr(frame, write)(tmp_path / name) == 3
    assert rows(scan(tmp_path / name)) == EXPECTED
    assert getattr(frame.head(1), write)(tmp_path / name) == 1, "a file is replaced"
    assert rows(scan(tmp_path / name)) == EXPECTED[:1]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith((".", name))] == [name], "and nothing is left over"


def test_partitions_are_directories_and_exist_once(tmp_path):
    frame = gf.from_dict(DATA)
    assert frame.write_parquet(tmp_path / "t", partition_by="zone") == 3
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["zone=__HIVE_DEFAULT_PARTITION__", "zone=a", "zone=c"]
    assert rows(gf.scan_parquet(tmp_path / "t").select("id", "zone", "fare")) == EXPECTED
    with pytest.raises(E.PlanError, match="already exists; hint: OVERWRITE"):
        frame.write_parquet(tmp_path / "t", partition_by="zone")
    assert frame.lazy().sink_ndjson(tmp_path / "t", partition_by=["zone"], overwrite=True, compression="zstd") == 3
    assert rows(gf.scan_ndjson(tmp_path / "t").select("id", "zone", "fare")) == EXPECTED


def test_csv_is_written_as_wished(tmp_path):
    gf.from_dict(DATA).write_csv(tmp_path / "t.csv", include_header=False, separator=";", null_value="NA")
    assert (tmp_path / "t.csv").read_text() == "1;a;1.5\n2;NA;2.5\n3;c;3.5\n"


MOMENTS = {
    "d": [datetime.date(2024, 1, 31), None],
    "t": [datetime.datetime(2024, 1, 31, 1, 2, 3), None],
    "z": [datetime.datetime(2024, 1, 31, tzinfo=datetime.timezone.utc), None],
    "c": [datetime.time(1, 2, 3), None],
}


def test_csv_has_moments_in_their_formats():
    formats = {"date_format": "%d/%m/%y", "datetime_format": "%d.%m. %H:%M", "time_format": "%H h %M"}
    assert gf.DataFrame(MOMENTS).write_csv(**formats) == pl.DataFrame(MOMENTS).write_csv(**formats)


def test_row_groups_statistics_and_levels_are_as_wished(tmp_path):
    frame = gf.DataFrame({"n": list(range(3000))})
    frame.write_parquet(tmp_path / "t.parquet", row_group_size=1000, statistics=False, compression="zstd", compression_level=9)
    written = pq.ParquetFile(tmp_path / "t.parquet").metadata
    assert (written.num_row_groups, written.row_group(0).column(0).compression) == (3, "ZSTD")
    assert written.row_group(0).column(0).statistics is None
    small, large = tmp_path / "9.ndjson.gz", tmp_path / "1.ndjson.gz"
    frame.write_ndjson(small, compression="gzip", compression_level=9)
    frame.lazy().sink_ndjson(large, compression="gzip", compression_level=1)
    assert small.stat().st_size < large.stat().st_size and gf.read_ndjson(small).equals(frame)
    with pytest.raises(TypeError, match="sink_csv.. got an unexpected keyword argument 'seperator'"):
        frame.write_csv(seperator=";")


def test_feather_of_pyarrow_is_read(tmp_path):
    for compression in ["lz4", "zstd", "uncompressed"]:
        pyarrow.feather.write_feather(pa.table(DATA), tmp_path / "t.feather", compression=compression)
        assert rows(gf.scan_ipc(tmp_path / "t.feather")) == EXPECTED
    assert gf.read_ipc(tmp_path / "t.feather").shape == (3, 3)


def test_files_are_united_by_name(tmp_path):
    (tmp_path / "a.ndjson").write_text("".join(json.dumps(row) + "\n" for row in [{"id": 1, "fare": 1}]))
    (tmp_path / "b.ndjson").write_text("".join(json.dumps(row) + "\n" for row in [{"id": 2, "fare": 2.5, "tip": 1}]))
    frame = gf.scan_ndjson(tmp_path / "*.ndjson", include_file_paths="file")
    assert rows(frame.select("id", "fare", "tip")) == [(1, 1.0, None), (2, 2.5, 1)]
    assert rows(frame.select("id", "file"))[0][1].endswith("a.ndjson")
    with pytest.raises(E.ExecutionError, match="has other columns than"):
        gf.scan_ndjson(tmp_path / "*.ndjson", union_by_name=False)
    report = gf.describe_files(tmp_path / "*.ndjson").to_dict()
    assert dict(zip(zip(report["column"], report["note"]), report["file"])).keys() >= {("tip", "missing"), ("fare", "widened")}


def test_types_may_be_said(tmp_path):
    (tmp_path / "t.csv").write_text("zip,n\n01234,1\n")
    frame = gf.read_csv(tmp_path / "t.csv", schema_overrides={"zip": "VARCHAR"})
    assert frame.rows() == [("01234", 1)]


def test_a_broken_line_is_named(tmp_path):
    (tmp_path / "t.ndjson").write_text('{"a": 1}\n{"a": \n')
    with pytest.raises(E.ExecutionError, match=r"t\.ndjson`, line 2: not JSON"):
        gf.read_ndjson(tmp_path / "t.ndjson")


SIZES = ["small", "medium", "large"]
KINDS = pl.DataFrame({"e": pl.Series(["large", None, "small"], dtype=pl.Enum(SIZES)), "c": pl.Series(["a", "b", None], dtype=pl.Categorical), "l": pl.Series([["small"], None, []], dtype=pl.List(pl.Enum(SIZES)))})


def test_enums_and_categories_of_polars_are_written_and_read_back(tmp_path):
    frame = gf.from_polars(KINDS)
    frame.write_parquet(tmp_path / "ours.parquet")
    KINDS.write_parquet(tmp_path / "theirs.parquet")
    for name in ("ours", "theirs"):
        back = gf.read_parquet(tmp_path / f"{name}.parquet")
        assert back.to_dicts() == KINDS.to_dicts()
        assert (back.schema["e"], back.schema["c"], back.schema["l"]) == (gf.Enum(SIZES), gf.Categorical, gf.List(gf.Enum(SIZES)))
        assert back.sort("e")["e"].to_list() == [None, "small", "large"]
    assert pl.read_parquet(tmp_path / "ours.parquet").schema["e"] == pl.Enum(SIZES)


def test_enums_of_other_categories_in_two_files_are_categories(tmp_path):
    for at, sizes in enumerate([SIZES, SIZES[::-1]]):
        pl.DataFrame({"e": pl.Series(["small"], dtype=pl.Enum(sizes))}).write_parquet(tmp_path / f"{at}.parquet")
    assert gf.read_parquet(tmp_path / "*.parquet").schema == {"e": gf.Categorical}


def test_a_file_that_is_named_twice_is_read_twice(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x\n1\n2\n")
    assert gf.scan_csv([path, path]).collect()["x"].to_list() == [1, 2, 1, 2]
    assert gf.scan_csv([path, tmp_path]).collect().height == 2


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv", "ndjson"])
def test_rows_of_several_batches_are_written_in_their_order(tmp_path, ending):
    numbers = pa.Table.from_batches([pa.record_batch([pa.array(range(start, start + 100_000))], ["i"]) for start in range(0, 300_000, 100_000)])
    frame, path = gf.from_arrow(numbers), str(tmp_path / f"a.{ending}")
    {"parquet": frame.write_parquet, "arrow": frame.write_ipc, "csv": frame.write_csv, "ndjson": frame.write_ndjson}[ending](path)
    assert gf.sql(f"SELECT * FROM '{path}'").collect()["i"].to_list() == list(range(300_000))


def test_categories_are_written_as_arrow_files(tmp_path):
    rows = 300_000
    table = pa.Table.from_batches(
        [pa.record_batch([pa.array([f"{part}-{i % 3}" for i in range(rows // 3)] + [None]).dictionary_encode()], ["c"]) for part in "abc"]
    )
    for name, frame in {"one": gf.DataFrame({"c": ["a", "b", "a"]}).with_columns(gf.col("c").cast(gf.Categorical)), "three": gf.from_arrow(table), "none": gf.from_arrow(table.slice(0, 0))}.items():
        frame.write_ipc(tmp_path / f"{name}.arrow")
        kept = pa.ipc.open_file(tmp_path / f"{name}.arrow").read_all()
        assert kept["c"].to_pylist() == frame["c"].to_list()
        read = gf.read_ipc(tmp_path / f"{name}.arrow")
        assert read.schema == frame.schema and read["c"].to_list() == frame["c"].to_list()
    nested = gf.from_arrow(table).head(10).select(gf.struct("c").alias("s"), gf.concat_list("c").alias("l"))
    nested.write_ipc(tmp_path / "nested.arrow")
    assert gf.read_ipc(tmp_path / "nested.arrow").to_dicts() == nested.to_dicts()


def test_hints_of_readers_are_in_python_s_words(tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\nxx\n")
    with pytest.raises(gf.errors.GradframeError, match=r"schema_overrides=\{'a': gf.String\}, or a greater infer_schema_length, or null_values='xx'"):
        gf.read_csv(tmp_path / "a.csv", schema_overrides={"a": gf.Int64})
    gf.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
    gf.DataFrame({"b": [1]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(gf.errors.GradframeError, match="union_by_name=True"):
        gf.read_parquet([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    with pytest.raises(gf.errors.GradframeError, match="union_by_name => true"):
        gf.sql(f"SELECT * FROM read_parquet('{tmp_path}/*.parquet')").collect()


def test_nan_in_parquet_is_read_whatever_the_file_says_of_its_largest(tmp_path):
    """pyarrow, like our own writer, leaves NaN out of a column's least and largest value."""
    pq.write_table(pa.table({"f": [-2.25, float("nan")], "i": [1, 2]}), tmp_path / "two.parquet")
    two = gf.scan_parquet(str(tmp_path / "two.parquet"))
    first, second = two.select("f").collect().to_dict()["f"]
    assert (first, second) == (-2.25, second) and second != second
    assert two.filter(gf.col("f").is_nan()).collect().to_dict()["i"] == [2]
    assert two.filter(gf.col("f") > 5).collect().to_dict()["i"] == [2]
