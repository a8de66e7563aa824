"""Months of taxi trips, a file each, some with columns that others lack: impossible trips out, one row a zone.

    python examples/python/clean_taxis.py [folder of nyc_taxi_gx]
"""

import sys

import gradframe as gf


def clean(folder: str) -> gf.LazyFrame:
    """Trips that can have taken place, with their price a mile."""
    trips = gf.scan_csv(f"{folder}/yellow_tripdata_sample_*.csv")
    return (
        trips.filter(
            gf.col("trip_distance").is_between(0.1, 100.0),
            gf.col("fare_amount").is_between(2.5, 500.0),
            gf.col("passenger_count") > 0,
            gf.col("dropoff_datetime") > gf.col("pickup_datetime"),
        )
        .unique(maintain_order=True)
        .with_columns(
            congestion_surcharge=gf.col("congestion_surcharge").fill_null(0.0),
            per_mile=gf.col("fare_amount") / gf.col("trip_distance"),
        )
        .drop("store_and_fwd_flag", "rate_code_id")
    )


def by_zone(trips: gf.LazyFrame) -> gf.LazyFrame:
    """A row for each zone: how many trips begin there, what they cost, how many end there."""
    begun = trips.group_by(zone=gf.col("pickup_location_id")).agg(
        gf.len().alias("begun"), gf.col("per_mile").median().alias("per_mile")
    )
    ended = trips.group_by(zone=gf.col("dropoff_location_id")).agg(gf.len().alias("ended"))
    return begun.join(ended, on="zone", how="full", coalesce=True, validate="1:1")


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "../shared/data/tables/nyc_taxi_gx"
    zones = by_zone(clean(folder))
    print(zones.top_k(5, by="begun").collect())
