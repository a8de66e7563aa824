"""Models that were stored once load in every later build: `stored_words.json` holds the texts that transforms were stored as, by the
expression. Its texts are never changed; `python tests/test_stored_words.py` adds those of new expressions."""

import json
import pathlib

import gradframe as gf
from test_transform_expressions import EXPRESSIONS, frame, same, trained

WORDS = pathlib.Path(__file__).parent / "stored_words.json"


def known():
    return json.loads(WORDS.read_text()) if WORDS.exists() else {}


def test_every_expression_has_its_text():
    missing = [str(expr) for expr in EXPRESSIONS if str(expr) not in known()]
    assert not missing, "run python tests/test_stored_words.py"


def test_a_text_that_was_stored_means_what_it_meant(tmp_path):
    session, data, texts = gf.Session(home=tmp_path), frame(), known()
    # In a statement `^` is a power; in a stored text it stays the XOR that it was.
    items = ", ".join(f'{text} AS "f{number}"' for number, text in enumerate(text.replace('" ^ ', '" XOR ') for text in texts.values()))
    options = "model_type = 'linear_reg', input_label_cols = ['y'], l2_reg = 0.1"
    session.sql(f"CREATE MODEL m TRANSFORM ({items}, y) OPTIONS ({options}) AS SELECT * FROM data", data=data)
    made = session.sql("SELECT * FROM ML.TRANSFORM(MODEL m, (SELECT * FROM data))", data=data).collect()
    expressions = {str(expr): expr for expr in EXPRESSIONS}
    for number, shown in enumerate(texts):
        if shown in expressions:
            same(made[f"f{number}"], data.with_columns(made=expressions[shown])["made"])


def test_a_power_is_stored_as_one(tmp_path):
    data = gf.DataFrame({"x": [1.0, 2.0, 3.0, 5.0], "y": [1.0, 4.0, 9.0, 25.0]})
    statement = "CREATE MODEL m TRANSFORM (x ^ 2 AS z, y) OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT * FROM data"
    gf.Session(home=tmp_path).sql(statement, data=data)
    made = gf.Session(home=tmp_path).sql("SELECT z FROM ML.TRANSFORM(MODEL m, (SELECT * FROM data))", data=data).collect()
    assert made["z"].to_list() == [1.0, 4.0, 9.0, 25.0]


def add():
    data, texts = frame(), known()
    new = [expr for expr in EXPRESSIONS if str(expr) not in texts]
    if new:
        stored = trained(data, {f"f{number}": expr for number, expr in enumerate(new)}).spec["transform"]["items"]
        texts |= {str(expr): item["sql"].rpartition(" AS ")[0] for expr, item in zip(new, stored, strict=False)}
    WORDS.write_text(json.dumps(texts, indent=0, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    add()
