//! The table of all operators: `docs/pytorch_operators.md`.

use std::fmt::Write;
use std::path::PathBuf;

use super::verdict::Verdict;

const HEAD: &str = "# PyTorch's operators

What PyTorch's own operator samples (version 2.15.0, `torch.testing`'s op_db) say of our graph. *yes*: our counterpart
agrees in every sample, in value and, where PyTorch has one, gradient, in float64 to 1e-9 (1 + the expected size);
decompositions up to their sign. *no*: there is no counterpart yet, or none for every sample. Random and uninitialised
results are not compared, and do not count.

Written by a test (`ml/kernels/tests/main/opinfo`, with `GRADFRAME_OPINFO=update`), which fails where this is stale.
";

/// Random results, uninitialised ones, and those of which PyTorch's own are not exact enough (ours agree with the
/// defining integral).
const UNCOMPARED: &[(&str, &str)] = &[
    ("cauchy", "random"),
    ("exponential", "random"),
    ("geometric", "random"),
    ("log_normal", "random"),
    ("normal", "random"),
    ("normal.in_place", "random"),
    ("normal.number_mean", "random"),
    ("uniform", "random"),
    ("randn", "random"),
    ("randn_like", "random"),
    ("rand_like", "random"),
    ("randint", "random"),
    ("randint_like", "random"),
    ("multinomial", "random"),
    ("bernoulli", "random"),
    ("nn.functional.rrelu", "random"),
    ("nn.functional.dropout", "random"),
    ("nn.functional.dropout2d", "random"),
    ("nn.functional.dropout3d", "random"),
    ("nn.functional.alpha_dropout", "random"),
    ("nn.functional.feature_alpha_dropout.with_train", "random"),
    ("nn.functional.feature_alpha_dropout.without_train", "random"),
    ("nn.functional.fractional_max_pool2d", "random"),
    ("nn.functional.fractional_max_pool3d", "random"),
    ("svd_lowrank", "random"),
    ("pca_lowrank", "random"),
    ("special.bessel_j0", "PyTorch's values are exact to 1e-8 only"),
    ("special.bessel_j1", "PyTorch's values are exact to 1e-8 only"),
    ("special.bessel_y0", "PyTorch's values are exact to 1e-7 only"),
    ("special.bessel_y1", "PyTorch's values are exact to 1e-7 only"),
    ("nn.functional.hardsigmoid", "PyTorch's gradient holds 1/6 in single precision"),
    ("empty", "uninitialised"),
    ("empty_like", "uninitialised"),
    ("empty_strided", "uninitialised"),
    ("empty_permuted", "uninitialised"),
    ("new_empty", "uninitialised"),
    ("new_empty_strided", "uninitialised"),
    ("resize_", "uninitialised"),
    ("resize_as_", "uninitialised"),
];

/// Where no counterpart is possible in a graph, and why.
const IMPOSSIBLE: &[(&str, &str)] = &[
    ("masked_select", "its shape depends on the data"),
    ("nonzero", "its shape depends on the data"),
    ("argwhere", "its shape depends on the data"),
    ("unique", "its shape depends on the data"),
    ("unique_consecutive", "its shape depends on the data"),
    ("bincount", "its shape depends on the data"),
    ("broadcast_shapes", "gives no tensor"),
    ("hash_tensor", "a hash of PyTorch's own"),
];

/// Why an operator is not compared.
pub fn excluded(name: &str) -> Option<&'static str> {
    UNCOMPARED.iter().find(|(op, _)| *op == name).map(|(_, why)| *why)
}

/// Where the table is kept.
pub fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/pytorch_operators.md")
}

/// The whole page.
pub fn table(verdicts: &[(String, Verdict)]) -> String {
    let count = |of: fn(&Verdict) -> bool| verdicts.iter().filter(|(_, v)| of(v)).count();
    let agree = count(|v| *v == Verdict::Agrees);
    let excluded = count(|v| matches!(v, Verdict::Excluded(_)));
    let mut page = format!("{HEAD}\nOf {} operators {agree} agree; {excluded} are not compared.\n", verdicts.len());
    page.push_str("\n| operator | counterpart | reason |\n|---|---|---|\n");
    for (name, verdict) in verdicts {
        let (word, reason) = words(name, verdict);
        let _ = writeln!(page, "| `{name}` | {word} | {reason} |"); // writing to a string cannot fail
    }
    page
}

fn words<'a>(name: &str, verdict: &'a Verdict) -> (&'static str, &'a str) {
    let impossible = IMPOSSIBLE.iter().find(|(op, _)| *op == name).map(|(_, why)| *why);
    match verdict {
        Verdict::Agrees => ("yes", ""),
        Verdict::NoCounterpart(why) => ("no", impossible.unwrap_or(why)),
        Verdict::Excluded(why) => ("not compared", why),
        Verdict::Differs(what) => ("differs", what),
    }
}
