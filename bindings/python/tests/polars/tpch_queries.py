"""TPC-H's 22 queries in the dataframe API. `x` is the library, gradframe or Polars: the text is the same for both.

A query takes the tables as lazy frames, `t.lineitem` and so on, and gives a lazy frame.
"""

from datetime import date
from decimal import Decimal


def revenue(x):
    return x.col("l_extendedprice") * (1 - x.col("l_discount"))


def within(column, first, end):
    return (column >= first) & (column < end)


def q1(x, t):
    return (
        t.lineitem.filter(x.col("l_shipdate") <= date(1998, 9, 2))
        .group_by("l_returnflag", "l_linestatus")
        .agg(
            x.col("l_quantity").sum().alias("sum_qty"),
            x.col("l_extendedprice").sum().alias("sum_base_price"),
            revenue(x).sum().alias("sum_disc_price"),
            (revenue(x) * (1 + x.col("l_tax"))).sum().alias("sum_charge"),
            x.col("l_quantity").mean().alias("avg_qty"),
            x.col("l_extendedprice").mean().alias("avg_price"),
            x.col("l_discount").mean().alias("avg_disc"),
            x.len().alias("count_order"),
        )
        .sort("l_returnflag", "l_linestatus")
    )


def q2(x, t):
    offers = (
        t.partsupp.join(t.supplier, left_on="ps_suppkey", right_on="s_suppkey")
        .join(t.nation, left_on="s_nationkey", right_on="n_nationkey")
        .join(t.region.filter(x.col("r_name") == "EUROPE"), left_on="n_regionkey", right_on="r_regionkey")
    )
    brass = t.part.filter(x.col("p_size") == 15, x.col("p_type").str.ends_with("BRASS"))
    offers = offers.join(brass, left_on="ps_partkey", right_on="p_partkey")
    cheapest = offers.group_by("ps_partkey").agg(x.col("ps_supplycost").min())
    return (
        offers.join(cheapest, on=["ps_partkey", "ps_supplycost"])
        .select(
            "s_acctbal", "s_name", "n_name", x.col("ps_partkey").alias("p_partkey"), "p_mfgr", "s_address", "s_phone", "s_comment"
        )
        .sort("s_acctbal", "n_name", "s_name", "p_partkey", descending=[True, False, False, False])
        .head(100)
    )


def q3(x, t):
    day = date(1995, 3, 15)
    return (
        t.customer.filter(x.col("c_mktsegment") == "BUILDING")
        .join(t.orders.filter(x.col("o_orderdate") < day), left_on="c_custkey", right_on="o_custkey")
        .join(t.lineitem.filter(x.col("l_shipdate") > day), left_on="o_orderkey", right_on="l_orderkey")
        .group_by(x.col("o_orderkey").alias("l_orderkey"), "o_orderdate", "o_shippriority")
        .agg(revenue(x).sum().alias("revenue"))
        .select("l_orderkey", "revenue", "o_orderdate", "o_shippriority")
        .sort("revenue", "o_orderdate", descending=[True, False])
        .head(10)
    )


def q4(x, t):
    late = t.lineitem.filter(x.col("l_commitdate") < x.col("l_receiptdate"))
    return (
        t.orders.filter(within(x.col("o_orderdate"), date(1993, 7, 1), date(1993, 10, 1)))
        .join(late, left_on="o_orderkey", right_on="l_orderkey", how="semi")
        .group_by("o_orderpriority")
        .agg(x.len().alias("order_count"))
        .sort("o_orderpriority")
    )


def q5(x, t):
    return (
        t.customer.join(t.orders, left_on="c_custkey", right_on="o_custkey")
        .filter(within(x.col("o_orderdate"), date(1994, 1, 1), date(1995, 1, 1)))
        .join(t.lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .join(t.supplier, left_on=["l_suppkey", "c_nationkey"], right_on=["s_suppkey", "s_nationkey"])
        .join(t.nation, left_on="c_nationkey", right_on="n_nationkey")
        .join(t.region.filter(x.col("r_name") == "ASIA"), left_on="n_regionkey", right_on="r_regionkey")
        .group_by("n_name")
        .agg(revenue(x).sum().alias("revenue"))
        .sort("revenue", descending=True)
    )


def q6(x, t):
    return t.lineitem.filter(
        within(x.col("l_shipdate"), date(1994, 1, 1), date(1995, 1, 1)),
        x.col("l_discount").is_between(Decimal("0.05"), Decimal("0.07")),
        x.col("l_quantity") < 24,
    ).select((x.col("l_extendedprice") * x.col("l_discount")).sum().alias("revenue"))


def q7(x, t):
    supplied = t.nation.rename({"n_name": "supp_nation"})
    ordered = t.nation.rename({"n_name": "cust_nation"})
    france, germany = x.lit("FRANCE"), x.lit("GERMANY")
    return (
        t.supplier.join(t.lineitem, left_on="s_suppkey", right_on="l_suppkey")
        .join(t.orders, left_on="l_orderkey", right_on="o_orderkey")
        .join(t.customer, left_on="o_custkey", right_on="c_custkey")
        .join(supplied, left_on="s_nationkey", right_on="n_nationkey")
        .join(ordered, left_on="c_nationkey", right_on="n_nationkey")
        .filter(
            ((x.col("supp_nation") == france) & (x.col("cust_nation") == germany))
            | ((x.col("supp_nation") == germany) & (x.col("cust_nation") == france)),
            x.col("l_shipdate").is_between(date(1995, 1, 1), date(1996, 12, 31)),
        )
        .group_by("supp_nation", "cust_nation", x.col("l_shipdate").dt.year().alias("l_year"))
        .agg(revenue(x).sum().alias("revenue"))
        .sort("supp_nation", "cust_nation", "l_year")
    )


def q8(x, t):
    supplied = t.nation.select("n_nationkey", x.col("n_name").alias("nation"))
    american = t.nation.join(t.region.filter(x.col("r_name") == "AMERICA"), left_on="n_regionkey", right_on="r_regionkey")
    volume = revenue(x)
    brazilian = x.when(x.col("nation") == "BRAZIL").then(volume).otherwise(0)
    return (
        t.part.filter(x.col("p_type") == "ECONOMY ANODIZED STEEL")
        .join(t.lineitem, left_on="p_partkey", right_on="l_partkey")
        .join(t.orders, left_on="l_orderkey", right_on="o_orderkey")
        .filter(x.col("o_orderdate").is_between(date(1995, 1, 1), date(1996, 12, 31)))
        .join(t.customer, left_on="o_custkey", right_on="c_custkey")
        .join(american, left_on="c_nationkey", right_on="n_nationkey", how="semi")
        .join(t.supplier, left_on="l_suppkey", right_on="s_suppkey")
        .join(supplied, left_on="s_nationkey", right_on="n_nationkey")
        .group_by(x.col("o_orderdate").dt.year().alias("o_year"))
        .agg((brazilian.sum().cast(x.Float64) / volume.sum().cast(x.Float64)).alias("mkt_share"))
        .sort("o_year")
    )


def q9(x, t):
    return (
        t.part.filter(x.col("p_name").str.contains("green", literal=True))
        .join(t.lineitem, left_on="p_partkey", right_on="l_partkey")
        .join(t.partsupp, left_on=["p_partkey", "l_suppkey"], right_on=["ps_partkey", "ps_suppkey"])
        .join(t.orders, left_on="l_orderkey", right_on="o_orderkey")
        .join(t.supplier, left_on="l_suppkey", right_on="s_suppkey")
        .join(t.nation, left_on="s_nationkey", right_on="n_nationkey")
        .group_by(x.col("n_name").alias("nation"), x.col("o_orderdate").dt.year().alias("o_year"))
        .agg((revenue(x) - x.col("ps_supplycost") * x.col("l_quantity")).sum().alias("sum_profit"))
        .sort("nation", "o_year", descending=[False, True])
    )


def q10(x, t):
    customer = ["c_custkey", "c_name", "c_acctbal", "c_phone", "n_name", "c_address", "c_comment"]
    return (
        t.customer.join(t.orders, left_on="c_custkey", right_on="o_custkey")
        .filter(within(x.col("o_orderdate"), date(1993, 10, 1), date(1994, 1, 1)))
        .join(t.lineitem.filter(x.col("l_returnflag") == "R"), left_on="o_orderkey", right_on="l_orderkey")
        .join(t.nation, left_on="c_nationkey", right_on="n_nationkey")
        .group_by(customer)
        .agg(revenue(x).sum().alias("revenue"))
        .select("c_custkey", "c_name", "revenue", "c_acctbal", "n_name", "c_address", "c_phone", "c_comment")
        .sort("revenue", descending=True)
        .head(20)
    )


def q11(x, t):
    stock = t.partsupp.join(t.supplier, left_on="ps_suppkey", right_on="s_suppkey").join(
        t.nation.filter(x.col("n_name") == "GERMANY"), left_on="s_nationkey", right_on="n_nationkey"
    )
    value = x.col("ps_supplycost") * x.col("ps_availqty")
    total = stock.select((value.sum() * Decimal("0.0001")).alias("threshold"))
    return (
        stock.group_by("ps_partkey")
        .agg(value.sum().alias("value"))
        .join(total, how="cross")
        .filter(x.col("value") > x.col("threshold"))
        .select("ps_partkey", "value")
        .sort("value", descending=True)
    )


def q12(x, t):
    high = x.col("o_orderpriority").is_in(["1-URGENT", "2-HIGH"])
    return (
        t.orders.join(t.lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .filter(
            x.col("l_shipmode").is_in(["MAIL", "SHIP"]),
            x.col("l_commitdate") < x.col("l_receiptdate"),
            x.col("l_shipdate") < x.col("l_commitdate"),
            within(x.col("l_receiptdate"), date(1994, 1, 1), date(1995, 1, 1)),
        )
        .group_by("l_shipmode")
        .agg(high.sum().alias("high_line_count"), (~high).sum().alias("low_line_count"))
        .sort("l_shipmode")
    )


def q13(x, t):
    orders = t.orders.filter(~x.col("o_comment").str.contains("special.*requests"))
    return (
        t.customer.join(orders, left_on="c_custkey", right_on="o_custkey", how="left")
        .group_by("c_custkey")
        .agg(x.col("o_orderkey").count().alias("c_count"))
        .group_by("c_count")
        .agg(x.len().alias("custdist"))
        .sort("custdist", "c_count", descending=True)
    )


def q14(x, t):
    promoted = x.when(x.col("p_type").str.starts_with("PROMO")).then(revenue(x)).otherwise(0)
    return (
        t.lineitem.filter(within(x.col("l_shipdate"), date(1995, 9, 1), date(1995, 10, 1)))
        .join(t.part, left_on="l_partkey", right_on="p_partkey")
        .select((100.0 * promoted.sum().cast(x.Float64) / revenue(x).sum().cast(x.Float64)).alias("promo_revenue"))
    )


def q15(x, t):
    earned = (
        t.lineitem.filter(within(x.col("l_shipdate"), date(1996, 1, 1), date(1996, 4, 1)))
        .group_by(x.col("l_suppkey").alias("supplier_no"))
        .agg(revenue(x).sum().alias("total_revenue"))
    )
    return (
        t.supplier.join(earned, left_on="s_suppkey", right_on="supplier_no")
        .filter(x.col("total_revenue") == x.col("total_revenue").max())
        .select("s_suppkey", "s_name", "s_address", "s_phone", "total_revenue")
        .sort("s_suppkey")
    )


def q16(x, t):
    complained = t.supplier.filter(x.col("s_comment").str.contains("Customer.*Complaints"))
    return (
        t.partsupp.join(t.part, left_on="ps_partkey", right_on="p_partkey")
        .filter(
            x.col("p_brand") != "Brand#45",
            ~x.col("p_type").str.starts_with("MEDIUM POLISHED"),
            x.col("p_size").is_in([49, 14, 23, 45, 19, 3, 36, 9]),
        )
        .join(complained, left_on="ps_suppkey", right_on="s_suppkey", how="anti")
        .group_by("p_brand", "p_type", "p_size")
        .agg(x.col("ps_suppkey").n_unique().alias("supplier_cnt"))
        .sort("supplier_cnt", "p_brand", "p_type", "p_size", descending=[True, False, False, False])
    )


def q17(x, t):
    lines = t.part.filter(x.col("p_brand") == "Brand#23", x.col("p_container") == "MED BOX").join(
        t.lineitem, left_on="p_partkey", right_on="l_partkey"
    )
    quantity = x.col("l_quantity").cast(x.Float64)
    average = lines.group_by("p_partkey").agg((0.2 * quantity.mean()).alias("small"))
    yearly = x.col("l_extendedprice").sum().cast(x.Float64) / 7.0
    # A sum of nothing is 0 in frames, and null in SQL, whose answer this is.
    return (
        lines.join(average, on="p_partkey")
        .filter(quantity < x.col("small"))
        .select(x.when(x.len() > 0).then(yearly).otherwise(x.lit(None)).alias("avg_yearly"))
    )


def q18(x, t):
    large = t.lineitem.group_by("l_orderkey").agg(x.col("l_quantity").sum().alias("sum_quantity")).filter(x.col("sum_quantity") > 300)
    return (
        t.orders.join(large, left_on="o_orderkey", right_on="l_orderkey")
        .join(t.customer, left_on="o_custkey", right_on="c_custkey")
        .select("c_name", x.col("o_custkey").alias("c_custkey"), "o_orderkey", "o_orderdate", "o_totalprice", "sum_quantity")
        .sort("o_totalprice", "o_orderdate", descending=[True, False])
        .head(100)
    )


def q19(x, t):
    def kind(brand, containers, quantity, size):
        return (
            (x.col("p_brand") == brand)
            & x.col("p_container").is_in(containers)
            & x.col("l_quantity").is_between(quantity, quantity + 10)
            & x.col("p_size").is_between(1, size)
        )

    return (
        t.lineitem.filter(x.col("l_shipmode").is_in(["AIR", "AIR REG"]), x.col("l_shipinstruct") == "DELIVER IN PERSON")
        .join(t.part, left_on="l_partkey", right_on="p_partkey")
        .filter(
            kind("Brand#12", ["SM CASE", "SM BOX", "SM PACK", "SM PKG"], 1, 5)
            | kind("Brand#23", ["MED BAG", "MED BOX", "MED PKG", "MED PACK"], 10, 10)
            | kind("Brand#34", ["LG CASE", "LG BOX", "LG PACK", "LG PKG"], 20, 15)
        )
        .select(revenue(x).sum().alias("revenue"))
    )


def q20(x, t):
    shipped = (
        t.lineitem.filter(within(x.col("l_shipdate"), date(1994, 1, 1), date(1995, 1, 1)))
        .group_by("l_partkey", "l_suppkey")
        .agg(x.col("l_quantity").sum().alias("quantity"))
    )
    forest = t.part.filter(x.col("p_name").str.starts_with("forest"))
    overstocked = (
        t.partsupp.join(forest, left_on="ps_partkey", right_on="p_partkey", how="semi")
        .join(shipped, left_on=["ps_partkey", "ps_suppkey"], right_on=["l_partkey", "l_suppkey"])
        .filter(x.col("ps_availqty") * 2 > x.col("quantity"))
    )
    return (
        t.supplier.join(overstocked, left_on="s_suppkey", right_on="ps_suppkey", how="semi")
        .join(t.nation.filter(x.col("n_name") == "CANADA"), left_on="s_nationkey", right_on="n_nationkey")
        .select("s_name", "s_address")
        .sort("s_name")
    )


def q21(x, t):
    late = t.lineitem.filter(x.col("l_receiptdate") > x.col("l_commitdate"))
    several = t.lineitem.group_by("l_orderkey").agg(x.col("l_suppkey").n_unique().alias("suppliers")).filter(x.col("suppliers") > 1)
    one_late = late.group_by("l_orderkey").agg(x.col("l_suppkey").n_unique().alias("late")).filter(x.col("late") == 1)
    return (
        late.join(several, on="l_orderkey", how="semi")
        .join(one_late, on="l_orderkey", how="semi")
        .join(t.orders.filter(x.col("o_orderstatus") == "F"), left_on="l_orderkey", right_on="o_orderkey", how="semi")
        .join(t.supplier, left_on="l_suppkey", right_on="s_suppkey")
        .join(t.nation.filter(x.col("n_name") == "SAUDI ARABIA"), left_on="s_nationkey", right_on="n_nationkey")
        .group_by("s_name")
        .agg(x.len().alias("numwait"))
        .sort("numwait", "s_name", descending=[True, False])
        .head(100)
    )


def q22(x, t):
    countries = ["13", "31", "23", "29", "30", "18", "17"]
    customers = t.customer.with_columns(x.col("c_phone").str.slice(0, 2).alias("cntrycode")).filter(
        x.col("cntrycode").is_in(countries)
    )
    balance = x.col("c_acctbal").cast(x.Float64)
    average = customers.filter(balance > 0.0).select(balance.mean().alias("average"))
    return (
        customers.join(average, how="cross")
        .filter(balance > x.col("average"))
        .join(t.orders, left_on="c_custkey", right_on="o_custkey", how="anti")
        .group_by("cntrycode")
        .agg(x.len().alias("numcust"), x.col("c_acctbal").sum().alias("totacctbal"))
        .sort("cntrycode")
    )


QUERIES = {number: globals()[f"q{number}"] for number in range(1, 23)}
