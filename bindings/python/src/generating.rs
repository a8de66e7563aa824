//! Options of generation, by transformers' names.

use std::num::NonZeroUsize;

use gradframe::Error;
use gradframe::models::GenerateOptions;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::OrRaise;

/// What `generate` takes, by transformers' names.
const GENERATE: &[&str] = &[
    "max_new_tokens",
    "min_new_tokens",
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "repetition_penalty",
    "stop",
    "seed",
    "num_beams",
    "length_penalty",
];

/// An option of `GenerateOptions` by transformers' name.
pub fn name_in_python(name: &'static str) -> &'static str {
    match name {
        "max_tokens" => "max_new_tokens",
        "min_tokens" => "min_new_tokens",
        "beams" => "num_beams",
        same => same,
    }
}

/// The value of an option. Errors: `Plan` naming the option.
fn option<'py, T: for<'a> FromPyObject<'a, 'py>>(name: &str, expected: &str, value: &Bound<'py, PyAny>) -> PyResult<T> {
    let wrong = || Error::plan("generate", format!("option `{name}`: expected {expected}, got {value}"));
    value.extract().ok().ok_or_else(wrong).or_raise()
}

/// transformers' names, over what the model says itself.
pub fn generate_options(mut options: GenerateOptions, given: Option<&Bound<'_, PyDict>>) -> PyResult<GenerateOptions> {
    let draws = given.map(|given| given.get_item("do_sample")).transpose()?.flatten().filter(|value| !value.is_none());
    let draws = draws.map(|value| option::<bool>("do_sample", "true or false", &value)).transpose()?;
    match draws {
        Some(true) if options.temperature == 0.0 => options.draw(),
        Some(false) => options.take_best(),
        _ => {}
    }
    for (name, value) in given.into_iter().flatten() {
        if value.is_none() {
            continue;
        }
        const COUNT: &str = "a whole number from 0";
        const SOME: &str = "a whole number from 1";
        let name = name.extract::<String>()?;
        match name.as_str() {
            "do_sample" => {}
            "temperature" | "top_k" | "top_p" if draws == Some(false) => {}
            "max_new_tokens" => options.max_tokens = option::<NonZeroUsize>(&name, SOME, &value)?.get(),
            "min_new_tokens" => options.min_tokens = option(&name, COUNT, &value)?,
            "temperature" => options.temperature = option(&name, "a number", &value)?,
            "top_k" => options.top_k = Some(option(&name, COUNT, &value)?).filter(|&most| most > 0),
            "top_p" => options.top_p = option(&name, "a number", &value)?,
            "repetition_penalty" => options.repetition_penalty = option(&name, "a number", &value)?,
            "stop" | "stop_strings" => {
                let one = value.extract::<String>().map(|text| vec![text]);
                options.stop = one.or_else(|_| option(&name, "a text or a list of texts", &value))?;
            }
            "seed" => options.seed = option(&name, COUNT, &value)?,
            "num_beams" => options.beams = option::<NonZeroUsize>(&name, SOME, &value)?.get(),
            "length_penalty" => options.length_penalty = option(&name, "a number", &value)?,
            other => {
                let error = Error::plan("generate", format!("unknown option `{other}`, expected one of {}", GENERATE.join(", ")));
                let own = match other {
                    "max_output_tokens" => "max_new_tokens",
                    "min_output_tokens" => "min_new_tokens",
                    "stop_sequences" => "stop",
                    _ => return Err(error).or_raise(),
                };
                return Err(error.hint(format!("did you mean `{own}`?"))).or_raise();
            }
        }
    }
    Ok(options)
}
