"""Errors: typed, by whose fault, naming the thing, with a hint; and the session goes on."""

import pytest

import gradframe as gf

E = gf.errors


def frame(**columns):
    return gf.from_dict(columns or {"x": [1.0, 2.0, 4.0], "s": ["a", "b", "a"], "y": [1.0, 2.0, 3.0]})


CASES = {
    "unknown column": (lambda: frame().select("yy").collect(), E.PlanError, "`yy`.*`y`"),
    "unknown column in SQL": (lambda: gf.sql("SELECT distanse FROM (SELECT 1 AS distance)").collect(), E.PlanError, "distanse.*distance"),
    "unknown table": (lambda: gf.sql("SELECT * FROM nowhere").collect(), E.PlanError, "nowhere"),
    "syntax": (lambda: gf.sql("SELEC 1"), E.PlanError, "line 1"),
    "missing file": (lambda: gf.scan_parquet("/nowhere/a.parquet"), E.GradframeError, "/nowhere/a.parquet"),
    "no such target": (lambda: frame().fit(gf.ml.LinearRegression(), target="z"), E.PlanError, "`z`"),
    "text target": (lambda: frame().fit(gf.ml.LinearRegression(), target="s"), E.GradframeError, "`s`"),
    "null target": (lambda: frame(x=[1.0, 2.0], y=[1.0, None]).fit(gf.ml.LinearRegression(), target="y"), E.ExecutionError, "`y`"),
    "constant target": (lambda: frame(x=[1.0, 2.0], y=[1.0, 1.0]).fit(gf.ml.LinearRegression(), target="y"), E.ExecutionError, "`y`"),
    "infinite feature": (lambda: frame(x=[1.0, float("inf")], y=[1.0, 2.0]).fit(gf.ml.LinearRegression(), target="y"), E.ExecutionError, "`x`"),
    "no rows": (lambda: frame().filter(gf.col("x") > 9).fit(gf.ml.LinearRegression(), target="y"), E.ExecutionError, "rows"),
    "bad option": (lambda: frame().fit(gf.ml.LinearRegression(l2_reg=-1.0), target="y"), E.PlanError, "l2_reg"),
    "unknown model": (lambda: frame().predict("nobody"), E.PlanError, "nobody"),
    "unknown run": (lambda: gf.Session(in_memory=True).resume_run("20260101"), E.PlanError, "20260101"),
    "unknown option": (
        lambda: gf.sql("CREATE MODEL m OPTIONS (model_type = 'linear_reg', l3_reg = 1) AS SELECT 1.0 AS x, 2.0 AS label"),
        E.PlanError,
        "l3_reg.*l2_reg",
    ),
    "filter by a number": (lambda: frame().filter("x"), E.DTypeError, "filter: `x` is Float64, expected a condition"),
    "one name twice": (lambda: frame().select("x", "x"), E.PlanError, "two results have the name `x`"),
    "unnamed model, other input": (
        lambda: frame(s=["a"]).predict(frame().fit(gf.ml.LinearRegression(), target="y")),
        E.PlanError,
        "lacks `x`, a feature of the model",
    ),
    "unknown model type": (lambda: gf.sql("CREATE MODEL m OPTIONS (model_type = 'linear') AS SELECT 1.0 AS x, 2.0 AS label"), E.PlanError, "linear_reg"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_named(name):
    action, kind, message = CASES[name]
    with pytest.raises(kind, match=message):
        action()
    assert gf.sql("SELECT 1 AS one").collect().item() == 1


def test_what_python_gets_wrong_is_a_type_or_value_error():
    with pytest.raises(TypeError, match=r"write gf.ml.LinearRegression\(\)"):
        frame().fit(gf.ml.LinearRegression, target="y")
    with pytest.raises(TypeError, match="expected a path"):
        gf.scan_csv(None)
    for refused in [lambda: frame().lazy().head(-1), lambda: frame().lazy().limit(-1), lambda: frame().slice(0, -1)]:
        with pytest.raises(ValueError, match="expected 0 rows or more"):
            refused()


def test_predict_input_that_does_not_fit():
    model = frame().fit(gf.ml.LinearRegression(), target="y")
    with pytest.raises(E.GradframeError, match="`x`"):
        frame(s=["a"]).predict(model).collect()
    with pytest.raises(E.GradframeError, match="`x`"):
        frame(x=["one"], s=["a"]).predict(model).collect()


def test_a_second_model_of_the_same_name():
    text = "CREATE MODEL twice OPTIONS (model_type = 'linear_reg') AS SELECT x, y AS label FROM (VALUES (1.0, 2.0), (2.0, 5.0)) AS t(x, y)"
    gf.sql(text)
    with pytest.raises(E.PlanError, match="twice.*OR REPLACE"):
        gf.sql(text)


def test_errors_are_also_pythons_own():
    for ours, builtin in [(E.PlanError, ValueError), (E.OutOfBoundsError, IndexError), (E.DTypeError, TypeError), (E.ResourcesError, MemoryError), (E.ExternalError, OSError)]:
        assert issubclass(ours, builtin) and issubclass(ours, E.GradframeError)


def test_corrupt_parquet(tmp_path):
    file = tmp_path / "bad.parquet"
    file.write_bytes(b"PAR1" + b"\0" * 100 + b"PAR1")
    with pytest.raises(E.GradframeError, match="bad.parquet"):
        gf.scan_parquet(file).collect()
