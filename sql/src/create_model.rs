//! CREATE MODEL's options, read.

use datafusion::config::ConfigOptions;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::Spanned;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::ops::text::Pretrained;
use gradframe_plan::ops::train::TrainRequest;

use crate::errors::at;
use crate::literal::literal;
use crate::names::model_name;
use crate::statement::{CreateModel, LoadModel, ModelOption};

/// Named in errors.
pub(crate) const OP: &str = "create model";

/// What the statement asks of training. The options that every model type has get their own fields; whether the model type
/// has the others is the Train operator's to say.
pub(crate) fn train_request(create: &CreateModel, config: &ConfigOptions) -> Result<TrainRequest> {
    let mut request = TrainRequest {
        module: None,
        name: Some(model_name(OP, &create.name, config)?),
        on_existing: create.on_existing,
        model_type: String::new(),
        label: None,
        options: Vec::new(),
        transform: create.transform.clone(),
        seed: None,
        query: Some(create.query_text.clone()),
        resume: None,
        statement: None,
    };
    for option in &create.options {
        set(&mut request, option)?;
    }
    if request.model_type.is_empty() {
        return Err(at(
            Error::plan(OP, "no model_type is given").hint("OPTIONS (model_type = 'linear_reg')"),
            create.name.span().start,
        ));
    }
    Ok(request)
}

/// What the statement asks of a pretrained model. Whether there are such options is the operator's to say.
pub(crate) fn load_request(load: &LoadModel, config: &ConfigOptions) -> Result<Pretrained> {
    let others = load.options.iter().filter(|option| option.name != "model_type");
    let value = |option: &ModelOption| Ok((option.name.clone(), literal(OP, &option.name, &option.value)?));
    let options = others.map(value).collect::<Result<_>>()?;
    Ok(Pretrained { name: model_name(OP, &load.name, config)?, on_existing: load.on_existing, options })
}

fn set(request: &mut TrainRequest, option: &ModelOption) -> Result<()> {
    let value = literal(OP, &option.name, &option.value)?;
    match option.name.as_str() {
        "model_type" => {
            request.model_type = text(&value).ok_or_else(|| wrong(option, "text, such as 'linear_reg'"))?.to_lowercase()
        }
        "input_label_cols" => {
            request.label = Some(label(&value).ok_or_else(|| wrong(option, "a list of one column, such as ['y']"))?)
        }
        "seed" => request.seed = Some(seed(&value).ok_or_else(|| wrong(option, "an integer from 0"))?),
        _ => request.options.push((option.name.clone(), value)),
    }
    Ok(())
}

/// An error of training about an option, with the option's place: its name or its value is quoted in the message.
pub(crate) fn at_option(error: Error, create: &CreateModel) -> Error {
    if error.detail().place.is_some() {
        return error;
    }
    let quotes = |text: &str| error.detail().what.contains(&format!("`{text}`"));
    let value = |option: &ModelOption| option.value.to_string().trim_matches(['[', ']', '\'', '"']).to_owned();
    let option = create.options.iter().find(|option| quotes(&option.name) || quotes(&value(option)));
    match option.map(|option| option.place) {
        Some(place) => at(error, place),
        None => error,
    }
}

fn text(value: &ScalarValue) -> Option<&str> {
    match value {
        ScalarValue::Utf8(Some(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn label(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::List(list) => match ScalarValue::convert_array_to_scalar_vec(list.as_ref()).ok()?.as_slice() {
            [Some(columns)] => match columns.as_slice() {
                [column] => text(column).map(str::to_owned),
                _ => None,
            },
            _ => None,
        },
        value => text(value).map(str::to_owned),
    }
}

fn seed(value: &ScalarValue) -> Option<u64> {
    match value {
        ScalarValue::Int64(Some(seed)) => u64::try_from(*seed).ok(),
        _ => None,
    }
}

fn wrong(option: &ModelOption, expected: &str) -> Error {
    let what = format!("option `{}` takes {expected}, got `{}`", option.name, option.value);
    at(Error::plan(OP, what), option.place)
}
