"""Writes `docs/array_scipy.md`: what functions of SciPy and scikit-learn that dispatch by the Array API standard make of our arrays.

    python tests/arrays/array_scipy.py          # after adding a function

Each is called with arrays of NumPy and with ours of the same numbers. `SCIPY_ARRAY_API` has to be set before SciPy is loaded, so the test
runs this file as a program.
"""

import os

os.environ["SCIPY_ARRAY_API"] = "1"

import pathlib
import sys
import warnings

import gradframe.numpy as gnp
import numpy as np
import scipy.cluster.hierarchy
import scipy.cluster.vq
import scipy.constants
import scipy.differentiate
import scipy.fft
import scipy.integrate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.optimize.elementwise
import scipy.signal
import scipy.spatial.transform
import scipy.special
import scipy.stats
import sklearn.decomposition
import sklearn.discriminant_analysis
import sklearn.linear_model
import sklearn.metrics.pairwise
import sklearn.model_selection
import sklearn.naive_bayes
import sklearn.preprocessing
from sklearn import config_context

PAGE = pathlib.Path(__file__).resolve().parents[4] / "docs/array_scipy.md"

#: Calls over x and p, float64 (12, 5), p between 0 and 1, and y, 12 labels; xp is the namespace.
SCIPY = {
    "special": "erf(x); erfc(x); expit(x); logit(p); logsumexp(x, axis=1); softmax(x, axis=1); log_softmax(x, axis=1); gammaln(p + 1); "
    "betaln(p + 1, p + 1); xlogy(p, p); entr(p); rel_entr(p, p); kl_div(p, p); ndtr(x); i0(x); chdtr(p + 1, p)",
    "fft": "fft(x); ifft(x); fftn(x); rfft(x); dct(x); fftshift(x)",
    "stats": "zscore(x); gzscore(p); skew(x); kurtosis(x); moment(x, order=3); gmean(p); hmean(p); pmean(p, 2); variation(p); sem(x); "
    "tmean(x); tvar(x); trim_mean(x, 0.1); circmean(x); entropy(p); boxcox_llf(0.5, p[:, 0]); rankdata(x); "
    "pearsonr(x[:, 0], x[:, 1]).statistic; spearmanrho(x[:, 0], x[:, 1]).statistic; ttest_1samp(x, 0.0).pvalue; "
    "ttest_ind(x, p).statistic; ttest_rel(x, p).pvalue; jarque_bera(x[:, 0]).statistic; normaltest(x).pvalue; describe(x).variance; "
    "quantile(x, xp.asarray(0.25, dtype=xp.float64))",
    "integrate": "trapezoid(x); cumulative_trapezoid(x)",
    "cluster.vq": "whiten(x); vq(x, x[:3])[1]; kmeans(x, x[:2])[0]",
    "cluster.hierarchy": "linkage(x)",
    "constants": "convert_temperature(p, 'C', 'K')",
    "optimize": "rosen(x[0]); rosen_der(x[0]); elementwise.find_root(lambda t: t * t - 2.0, (x[0, 0] * 0.0, x[0, 0] * 0.0 + 2.0)).x",
    "differentiate": "derivative(lambda t: t**3, p[0]).df",
    "signal": "detrend(x); convolve(x, x); fftconvolve(x, x); correlate(x, x); savgol_filter(x, 3, 1); hilbert(x); "
    "lfilter(x[0, :2] + 3.0, x[1, :2] + 3.0, x)",
    "ndimage": "gaussian_filter(x, 1.0); sobel(x); median_filter(x, 3); zoom(x, 2); label(x > 0)[0]",
    "linalg": "det(x[:4, :4]); inv(x[:4, :4])",
    "spatial.transform": "Rotation.from_quat(x[0, :4]).as_matrix()",
}
SKLEARN = {
    "preprocessing": "StandardScaler().fit_transform(x); MinMaxScaler().fit_transform(x); MaxAbsScaler().fit_transform(x); "
    "Normalizer().fit_transform(x); Binarizer().fit_transform(x); PolynomialFeatures().fit_transform(x); "
    "KernelCenterer().fit_transform(x @ x.T); LabelEncoder().fit_transform(y)",
    "decomposition": "PCA(2, svd_solver='full').fit(x).explained_variance_",
    "linear_model": "Ridge(solver='svd').fit(x, x[:, 0]).predict(x); RidgeCV().fit(x, x[:, 0]).predict(x); "
    "LogisticRegression().fit(x, y).predict(x)",
    "discriminant_analysis": "LinearDiscriminantAnalysis().fit(x, y).predict(x)",
    "naive_bayes": "GaussianNB().fit(x, y).predict(x)",
    "model_selection": "train_test_split(x, random_state=0)[0]",
    "metrics": "accuracy_score(y, y); confusion_matrix(y, y); f1_score(y, y); log_loss(y, p[:, 0]); roc_auc_score(y, p[:, 0]); "
    "mean_squared_error(x[:, 0], x[:, 1]); mean_absolute_error(x[:, 0], x[:, 1]); r2_score(x[:, 0], x[:, 1]); "
    "mean_pinball_loss(x[:, 0], x[:, 1])",
    "metrics.pairwise": "cosine_similarity(x); euclidean_distances(x); rbf_kernel(x); linear_kernel(x); paired_cosine_distances(x, p)",
}


def numbers():
    rng = np.random.default_rng(0)
    return {"x": rng.normal(size=(12, 5)), "p": rng.uniform(0.05, 0.95, size=(12, 5)), "y": np.arange(12) % 2}


def called(package, module, call, xp):
    """What a call gives over arrays of a namespace, and whether it has left them as they were."""
    given = {name: xp.asarray(values.copy()) for name, values in numbers().items()}
    scope = {**given, "xp": xp, "package": package}
    with config_context(array_api_dispatch=True):
        found = eval(f"package.{module}.{call}", scope)
    is_whole = all(np.array_equal(np.asarray(given[name]), values) for name, values in numbers().items())
    return found, is_whole


def word(package, module, call):
    """What the table says."""
    expected, _ = called(package, module, call, np)
    try:
        found, is_whole = called(package, module, call, gnp)
    except Exception as error:
        return f"refused: {type(error).__name__}: {str(error).splitlines()[0][:80]}"
    if not is_whole:
        return "DIFFERS: changes what it is given"
    if not np.allclose(np.asarray(found), np.asarray(expected), rtol=1e-9, atol=1e-9):
        return "DIFFERS"
    is_ours = type(found).__module__.startswith("gradframe") or np.ndim(expected) == 0
    return "same" if is_ours else "same, in NumPy's array"


def page():
    lines = [
        "# SciPy and scikit-learn on our arrays",
        "",
        "What their functions that dispatch by the Array API standard make of arrays of `gradframe.numpy`, beside what they make of NumPy's,",
        "to nine digits. Made by `bindings/python/tests/arrays/array_scipy.py`, to which a test holds it. SciPy needs `SCIPY_ARRAY_API=1`,",
        "scikit-learn `array_api_dispatch=True`. Python's numbers become float32 in functions that make arrays of them without saying a type:",
        "there seven digits are the same (`scipy.integrate.cumulative_simpson` is one).",
        "",
        f"SciPy {scipy.__version__}, scikit-learn {sklearn.__version__}.",
    ]
    for package, modules in ((scipy, SCIPY), (sklearn, SKLEARN)):
        lines += ["", f"## {package.__name__}", "", "| call | |", "|---|---|"]
        for module, calls in modules.items():
            lines += [f"| `{module}.{call}` | {word(package, module, call)} |" for call in calls.split("; ")]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    text = page()
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if PAGE.read_text() == text else f"docs/array_scipy.md is not what {__file__} writes:\n{text}")
    PAGE.write_text(text)
