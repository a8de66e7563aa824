"""Flights with the weather at their airport: nulls that are written as NA, keys that must be there once, one table to learn from.

    python examples/python/clean_flights.py [folder of nycflights13]
"""

import sys

import gradframe as gf

KEY = ["origin", "month", "day", "hour"]


def clean(folder: str) -> gf.LazyFrame:
    """A row for each flight that took place, with the hour's weather and the plane's age."""
    flights = gf.scan_parquet(f"{folder}/flights.parquet").drop_nulls(["dep_delay", "arr_delay"])
    weather = (
        gf.scan_csv(f"{folder}/data-raw/weather.csv", null_values="NA")
        .select(*KEY, "temp", "wind_speed", "precip", "visib")
        # The hour in which the clocks go back is there twice.
        .unique(KEY, keep="first", maintain_order=True)
    )
    planes = (
        gf.scan_csv(f"{folder}/data-raw/planes.csv", null_values="NA")
        .rename({"year": "built"})
        .select("tailnum", "built", "seats", "engine")
    )
    return (
        flights.join(weather, on=KEY, how="left", validate="m:1")
        .join(planes, on="tailnum", how="left", validate="m:1")
        .with_columns(
            age=gf.col("year") - gf.col("built"),
            gained=gf.col("dep_delay") - gf.col("arr_delay"),
            windy=gf.col("wind_speed") > 20,
        )
        .drop("built", "tailnum")
    )


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "../shared/data/tables/nycflights13"
    trips = clean(folder)
    by_airport = trips.group_by("origin").agg(
        gf.len().alias("flights"),
        gf.col("dep_delay").mean().alias("mean_delay"),
        gf.col("temp").is_null().cast(int).sum().alias("without_weather"),
    )
    print(by_airport.sort("origin").collect())
