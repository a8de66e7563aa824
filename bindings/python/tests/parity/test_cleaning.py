"""The examples that clean real tables run, and give what the raw files say by another way."""

import importlib.util

import gradframe as gf

from .outside import ROOT, folder


def example(name: str):
    """An example as a module."""
    path = ROOT / f"examples/python/{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def one(query: str):
    return gf.sql(query).collect().rows()


def test_flights():
    home = folder("tables/nycflights13")
    trips = example("clean_flights").clean(str(home)).collect()
    flown = one(f"SELECT count(*) FROM '{home}/flights.parquet' WHERE dep_delay IS NOT NULL AND arr_delay IS NOT NULL")
    assert [(trips.height,)] == flown, "a left join on keys that are there once adds no row"
    assert trips["gained"].null_count() == 0
    assert {"temp", "age", "seats"} <= set(trips.columns) and "tailnum" not in trips.columns


def test_adults():
    home = folder("tables/adult")
    adults = example("clean_adults").clean(str(home)).collect()
    assert adults.select("income").unique("income").height == 2
    assert adults.filter(part="train").height == one(
        f"SELECT count(*) FROM (SELECT DISTINCT * FROM read_csv('{home}/data/adult.data', header => false, null_value => '?', trim => true))"
    )[0][0]
    assert adults["workclass"].null_count() > 0


def test_taxis():
    home = folder("tables/nyc_taxi_gx")
    module = example("clean_taxis")
    trips = module.clean(str(home)).collect()
    assert 30_000 < trips.height < 40_000
    assert trips.filter(gf.col("per_mile").is_null()).height == 0
    zones = module.by_zone(trips.lazy()).collect()
    assert zones.select(gf.col("begun").sum()).item() == trips.height
