"""Taxi fares over monthly CSVs, one of which has two columns renamed and lacks a third."""

import csv

import pytest

import gradframe as gf
from gradframe import errors as E

from .outside import folder

RENAMED = {"trip_distance": "distance_miles", "passenger_count": "passengers"}
MISSING = "congestion_surcharge"


@pytest.fixture
def months(tmp_path):
    """The months as they are, and the last one as another program would have exported it."""
    files = sorted(folder("tables/nyc_taxi_gx").glob("yellow_tripdata_sample_*.csv"))
    for file in files[:-1]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with files[-1].open(newline="") as source, (tmp_path / files[-1].name).open("w", newline="") as copy:
        names = [name for name in next(csv.reader([source.readline()])) if name != MISSING]
        writer = csv.writer(copy)
        writer.writerow([RENAMED.get(name, name) for name in names])
        source.seek(0)
        writer.writerows([row[name] for name in names] for row in csv.DictReader(source))
    return tmp_path


TRIPS = """
    SELECT fare_amount, coalesce(trip_distance, distance_miles) AS distance, coalesce(passenger_count, passengers) AS passengers,
           date_part('hour', pickup_datetime) AS hour, CAST(rate_code_id AS VARCHAR) AS rate,
           date_part('epoch', dropoff_datetime) - date_part('epoch', pickup_datetime) AS seconds, filename
    FROM read_csv('{months}/*.csv', union_by_name => true, filename => true)
    WHERE fare_amount BETWEEN 0.01 AND 200 AND coalesce(trip_distance, distance_miles) BETWEEN 0.01 AND 50
"""


def test_without_the_union_both_files_and_the_columns_are_named(session, months):
    with pytest.raises(E.ExecutionError) as caught:
        session.scan_csv(months / "*.csv")
    message = str(caught.value)
    for part in ["2019-07.csv` has other columns than", "2018-01.csv`", *RENAMED, *RENAMED.values(), "union_by_name=True"]:
        assert part in message, message


def test_the_report_says_what_is_missing_where(session, months):
    report = session.describe_files(months / "*.csv").filter(gf.col("note") == gf.lit("missing")).collect().to_dict()
    missing = {(file.rsplit("_", 1)[1], column) for file, column in zip(report["file"], report["column"])}
    assert {("2019-07.csv", name) for name in [*RENAMED, MISSING]} <= missing
    assert {("2018-01.csv", name) for name in RENAMED.values()} <= missing


def test_a_fare_model_learns_from_all_months(session, months):
    trips = TRIPS.format(months=months)
    session.sql(f"CREATE VIEW trips AS {trips}")
    by_file = session.sql("SELECT filename, count(*) AS n, count(distance) AS d FROM trips GROUP BY filename").collect().rows()
    assert len(by_file) == 4 and all(n == d and n > 9000 for _, n, d in by_file), by_file
    session.sql(
        "CREATE MODEL fares OPTIONS (model_type = 'linear_reg', input_label_cols = ['fare_amount'], l2_reg = 0.001) AS "
        "SELECT * EXCLUDE (filename) FROM trips WHERE filename NOT LIKE '%2018-07%'"
    )
    evaluated = session.sql(
        "SELECT mean_absolute_error, r2_score FROM ML.EVALUATE(MODEL fares, "
        "(SELECT * EXCLUDE (filename) FROM trips WHERE filename LIKE '%2018-07%'))"
    )
    error, r2 = evaluated.collect().rows()[0]
    assert r2 > 0.85 and error < 2.5, (error, r2)
