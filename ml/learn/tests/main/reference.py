"""Writes reference.json: what scikit-learn finds on small fixed data sets, for `reference.rs` to compare with.

    python -m venv /tmp/venv-learn && /tmp/venv-learn/bin/pip install scikit-learn numpy
    /tmp/venv-learn/bin/python reference.py > reference.json

The data is stored with the answers, so that the tests do not depend on NumPy's generator.
"""

import json

import numpy as np
from sklearn import metrics
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

ROWS = 60
CITIES = ["Aba", "Bern", "Cork"]


def raw_columns(rng):
    """Two numbers on very different scales, one of them with nulls, a constant, and a category."""
    size = np.round(rng.normal(50, 12, ROWS), 3)
    weight = np.round(rng.normal(4e6, 3e5, ROWS), 1)
    weight[rng.random(ROWS) < 0.15] = np.nan
    city = rng.integers(0, len(CITIES), ROWS)
    return size, weight, city


def encoded(size, weight, city):
    """The encoding of model.rs: standardised numbers (mean for null), null indicator, one-hot categories."""
    null = np.isnan(weight)
    z = lambda x, seen: (x - seen.mean()) / seen.std()
    filled = np.where(null, 0.0, z(np.nan_to_num(weight), weight[~null]))
    return np.column_stack([z(size, size), filled, null.astype(float), np.eye(len(CITIES))[city]])


def nullable(values):
    return [None if np.isnan(v) else float(v) for v in values]


def linear(x, y, l2_reg):
    # Ridge minimises |y - z|^2 + alpha |w|^2: alpha = n * l2_reg.
    model = Ridge(alpha=len(y) * l2_reg, solver="svd") if l2_reg else LinearRegression()
    z = model.fit(x, y).predict(x)
    loss = np.mean((y - z) ** 2) / 2 + l2_reg / 2 * np.sum(model.coef_**2)
    return {"l2_reg": l2_reg, "loss": loss, "predicted": z.tolist(), "weights": model.coef_.tolist() if l2_reg else None}


def logistic(x, y, l2_reg):
    # scikit-learn minimises sum of losses + |w|^2 / (2 C): C = 1 / (n * l2_reg).
    c = 1 / (len(y) * l2_reg) if l2_reg else np.inf
    model = LogisticRegression(C=c, tol=1e-12, max_iter=100000, solver="newton-cg").fit(x, y)
    p = model.predict_proba(x)
    # For two classes scikit-learn penalises one weight vector, as we do; for more, one a class, as we do.
    loss = metrics.log_loss(y, p) + l2_reg / 2 * np.sum(model.coef_**2)
    return {"l2_reg": l2_reg, "loss": loss, "probabilities": p.tolist(), "weights": model.coef_.tolist() if l2_reg else None}


def regression_metrics(rng):
    actual = np.round(rng.gamma(2.0, 3.0, 41), 3)
    predicted = np.round(actual + rng.normal(0.3, 1.0, 41), 3).clip(-0.9)
    return {
        "actual": actual.tolist(),
        "predicted": predicted.tolist(),
        "mean_absolute_error": metrics.mean_absolute_error(actual, predicted),
        "mean_squared_error": metrics.mean_squared_error(actual, predicted),
        "mean_squared_log_error": metrics.mean_squared_log_error(actual, predicted),
        "median_absolute_error": metrics.median_absolute_error(actual, predicted),
        "r2_score": metrics.r2_score(actual, predicted),
        "explained_variance": metrics.explained_variance_score(actual, predicted),
    }


def classification_metrics(rng, classes):
    actual = rng.integers(0, classes, 80)
    scores = rng.normal(0, 1, (80, classes)) + 1.5 * np.eye(classes)[actual]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    p[:, 0] = np.round(p[:, 0], 1)  # ties among scores
    p[:, 1:] *= ((1 - p[:, 0]) / p[:, 1:].sum(axis=1))[:, None]
    predicted = p.argmax(axis=1)
    how = {"average": "binary" if classes == 2 else "macro", "zero_division": 0}
    auc = metrics.roc_auc_score(actual, p[:, 1]) if classes == 2 else metrics.roc_auc_score(actual, p, multi_class="ovr")
    return {
        "actual": actual.tolist(),
        "probabilities": p.tolist(),
        "precision": metrics.precision_score(actual, predicted, **how),
        "recall": metrics.recall_score(actual, predicted, **how),
        "accuracy": metrics.accuracy_score(actual, predicted),
        "f1_score": metrics.f1_score(actual, predicted, **how),
        "log_loss": metrics.log_loss(actual, p),
        "roc_auc": auc,
    }


def main():
    rng = np.random.default_rng(20)
    size, weight, city = raw_columns(rng)
    x = encoded(size, weight, city)
    truth = x @ np.array([2.0, -1.0, 0.7, 0.3, -0.2, 0.9])
    number = np.round(truth + rng.normal(0, 0.5, ROWS) + 10, 4)
    two = (truth + rng.normal(0, 1.5, ROWS) > 0.3).astype(int)
    three = np.digitize(truth + rng.normal(0, 1.0, ROWS), [-0.8, 1.0])
    reference = {
        "size": size.tolist(),
        "weight": nullable(weight),
        "city": [CITIES[c] for c in city],
        "number": number.tolist(),
        "two": two.tolist(),
        "three": three.tolist(),
        "linear": [linear(x, number, l2) for l2 in (0.0, 0.1)],
        "logistic_two": [logistic(x, two, l2) for l2 in (0.0, 0.01, 0.1)],
        "logistic_three": [logistic(x, three, l2) for l2 in (0.0, 0.01, 0.1)],
        "regression_metrics": regression_metrics(rng),
        "classification_metrics_two": classification_metrics(rng, 2),
        "classification_metrics_three": classification_metrics(rng, 3),
    }
    print(json.dumps(reference, indent=1))


main()
