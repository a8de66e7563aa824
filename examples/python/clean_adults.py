"""The census table that everybody begins with: no header, " ?" for what is missing, and a test file of other habits.

    python examples/python/clean_adults.py [folder of adult]
"""

import sys

import gradframe as gf

COLUMNS = (
    "age workclass fnlwgt education education_num marital_status occupation relationship race sex capital_gain "
    "capital_loss hours_per_week native_country income"
).split()


def clean(folder: str) -> gf.LazyFrame:
    """Both files as one table, each row once; `part` says which file it is from."""
    train = gf.scan_csv(f"{folder}/data/adult.data", has_header=False, null_values="?", trim=True)
    test = gf.scan_csv(f"{folder}/data/adult.test", null_values="?", trim=True)
    train, test = (frame.rename(dict(zip(frame.columns, COLUMNS))) for frame in (train, test))
    # The test file ends its classes with a full stop.
    test = test.with_columns(income=gf.when(gf.col("income") == "<=50K.").then(gf.lit("<=50K")).otherwise(gf.lit(">50K")))
    both = gf.concat([train.with_columns(part=gf.lit("train")), test.with_columns(part=gf.lit("test"))], how="vertical_relaxed")
    return both.unique(COLUMNS, keep="first", maintain_order=True).filter(gf.col("age") >= 17)


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "../shared/data/tables/adult"
    adults = clean(folder).collect()
    missing = adults.select(*[gf.col(name).is_null().cast(int).sum().alias(name) for name in COLUMNS])
    print(missing.unpivot(variable_name="column", value_name="nulls").filter(gf.col("nulls") > 0).sort("nulls", descending=True))
    print(adults.group_by("part", "income").len().sort("part", "income"))
