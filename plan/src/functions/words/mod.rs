//! The functions of frames as words of SQL, so that a frame's text says all of it: `"str.contains"(s, 'a')`, and with the
//! constants that a function carries in brackets after its name, `"quantile[0.5, 'linear']"(x)`.
//!
//! What EXPLAIN calls such a function is the word itself. A statement that holds one is given the function ([`scalar`],
//! [`window`], [`aggregate`]); no catalog lists them.

mod constants;
mod filled;

use std::sync::{Arc, OnceLock};

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

use self::constants::{read, written};
use super::{as_trained, column, enums, equal_lengths, frame, once, required, row_key};

/// A name with its constants.
pub fn word(name: &str, constants: &[ScalarValue]) -> String {
    format!("{name}[{}]", written(constants))
}

/// Words of the engine's own, the same in the whole program: a stored TRANSFORM is planned where no session is at hand.
static MORE: OnceLock<Words> = OnceLock::new();

/// The functions that words mean; None for what is no word.
pub type Words = fn(&str) -> Option<Arc<ScalarUDF>>;

/// Makes words of the engine's own known. What is given later changes nothing.
pub fn add_words(more: Words) {
    MORE.get_or_init(|| more);
}

/// The scalar function that a word means.
pub fn scalar(word: &str) -> Option<Arc<ScalarUDF>> {
    own(word).or_else(|| MORE.get().and_then(|more| more(word)))
}

fn own(word: &str) -> Option<Arc<ScalarUDF>> {
    let Some((name, constants)) = parts(word) else { return frame::named(word).or_else(|| with_gaps(word)) };
    column::per_row_named(name, &constants)
        .or_else(|| enums::named(name, &constants))
        .or_else(|| equal_lengths::named(name, &constants))
        .or_else(|| once::named(name, &constants))
        .or_else(|| required::named(name, &constants))
        .or_else(|| row_key::named(name, &constants))
        .or_else(|| as_trained::named(name, &constants))
        .map(Arc::new)
        .or_else(|| with_gaps(word))
}

/// The word of a function of frames some of whose arguments are filled in with constants, those that are given here:
/// `dt.to_string[_, Utf8 null]`. None for another function, and for constants that have no text.
pub fn filled(name: &str, arguments: &[Option<ScalarValue>]) -> Option<String> {
    frame::named(name)?;
    let text = constants::with_gaps(arguments);
    (constants::read_with_gaps(&text)? == arguments).then(|| format!("{name}[{text}]"))
}

/// The window function that a word means.
pub fn window(word: &str) -> Option<Arc<WindowUDF>> {
    let (name, constants) = parts(word)?;
    column::window_named(name, constants).map(Arc::new)
}

/// The aggregate that a word means.
pub fn aggregate(word: &str) -> Option<Arc<AggregateUDF>> {
    let (name, constants) = parts(word)?;
    column::aggregate_named(name, constants).map(Arc::new)
}

fn with_gaps(word: &str) -> Option<Arc<ScalarUDF>> {
    let (name, constants) = word.strip_suffix(']')?.split_once('[')?;
    let function = frame::named(name)?;
    Some(Arc::new(filled::filled(word, function, constants::read_with_gaps(constants)?)))
}

/// The name and the constants of a word.
pub fn parts(word: &str) -> Option<(&str, Vec<ScalarValue>)> {
    let (name, constants) = word.strip_suffix(']')?.split_once('[')?;
    Some((name, read(constants)?))
}

/// The texts among constants, all of which must be.
pub fn texts(constants: &[ScalarValue]) -> Option<Vec<String>> {
    constants.iter().map(|constant| constant.try_as_str().flatten().map(str::to_owned)).collect()
}

/// Texts as constants.
pub fn of_texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<ScalarValue> {
    texts.into_iter().map(|text| text.as_str().into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{equal_lengths as equal, row_key as key};
    use datafusion::logical_expr::{Expr, col};

    #[test]
    fn a_word_means_the_function_that_it_is_of() {
        let quantile = column::per_row("round_to", vec![col("x")], vec![2_i64.into(), "half_even".into()]);
        let categories = || vec!["a".to_owned(), "it's, [b]".to_owned()];
        let enums = [
            enums::to_enum(col("x"), "x", categories(), false).expect("an enum"),
            enums::enum_place(col("x"), categories()),
            enums::enum_at(col("x"), categories()),
        ];
        let others = [equal("explode", &categories(), vec![col("x")]), key(vec![col("x")], u64::MAX)];
        for call in enums.into_iter().chain(others).chain([quantile]) {
            let Expr::ScalarFunction(call) = call else { panic!("a scalar function") };
            assert_eq!(scalar(call.func.name()).as_deref(), Some(call.func.as_ref()), "{}", call.func.name());
        }
        assert_eq!(scalar("str.contains").expect("a function").name(), "str.contains");
        for unknown in ["str.contain", "sum", "quantile[", "no_kernel[1]", "row_key['a']", "round_to[1"] {
            assert!(scalar(unknown).is_none(), "{unknown}");
        }
    }
}
