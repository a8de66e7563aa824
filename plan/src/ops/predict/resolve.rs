//! A model's features in an input: by name, and of a kind that fits.

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::Expr;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::{FeatureSpec, Model};

use super::{OP, PredictOutput};
use crate::functions::{element_named, element_type, tensor_element};
use crate::ops::columns::{TypeFamily, find, missing};
use crate::ops::transform::feature_exprs;
use crate::services::NamedModel;

/// The features that the model really reads, in its order: those with any weight.
pub fn used_features(model: &Model) -> Vec<&FeatureSpec> {
    let unused = model.unused_features();
    model.spec.features.iter().enumerate().filter(|(i, _)| !unused.contains(i)).map(|(_, f)| f).collect()
}

/// The used features: columns, or what the model's TRANSFORM makes of them.
pub(super) fn features(input: &DFSchema, model: &NamedModel) -> Result<Vec<Expr>> {
    // Unused features are still looked up: whether a query is right must not depend on the weights.
    let all = match &model.model.spec.transform {
        Some(transform) => feature_exprs(OP, transform, input, model)?,
        None => model.model.spec.features.iter().map(|f| feature(input, model, f)).collect::<Result<Vec<_>>>()?,
    };
    let unused = model.model.unused_features();
    Ok(all.into_iter().enumerate().filter(|(i, _)| !unused.contains(i)).map(|(_, expr)| expr).collect())
}

fn feature(input: &DFSchema, model: &NamedModel, feature: &FeatureSpec) -> Result<Expr> {
    let name = &feature.name;
    let Some(at) = find(OP, input, name)? else {
        if let Some(element) = element(input, name)? {
            return Ok(element);
        }
        return Err(missing(OP, input, format!("the input lacks `{name}`, a feature of {}", model.title()), name));
    };
    let (_, field) = input.qualified_field(at);
    let fits = TypeFamily::of(&feature.data_type).zip(TypeFamily::of(field.data_type())).is_some_and(|(t, g)| g.fits(t));
    if !fits {
        let (expected, got) = (&feature.data_type, field.data_type());
        let what = format!("feature `{name}` of {} has another type, expected {expected}, got {got}", model.title());
        return Err(Error::dtype(OP, what).hint(format!("cast it: CAST({name} AS ...)")));
    }
    Ok(Expr::Column(Column::from(input.qualified_field(at))))
}

/// A feature that is an element of a column of tensors: `image[12]`.
fn element(input: &DFSchema, name: &str) -> Result<Option<Expr>> {
    let Some((column, place)) = element_named(name) else { return Ok(None) };
    let Some(at) = find(OP, input, column)? else { return Ok(None) };
    let (qualifier, field) = input.qualified_field(at);
    let found = element_type(field.data_type(), place);
    Ok(found.map(|_| tensor_element(Expr::Column(Column::from((qualifier, field))), place)))
}

/// No input column may have the name of an output.
pub(super) fn outputs_are_new(input: &DFSchema, model: &NamedModel, outputs: &[PredictOutput]) -> Result<()> {
    for output in outputs {
        let name = output.name(&model.model.spec.label);
        if input.fields().iter().any(|f| *f.name() == name) {
            let what = format!("the input has a column `{name}` already, which {} predicts", model.title());
            return Err(Error::plan(OP, what).hint(format!("rename it: {name} AS ...")));
        }
    }
    Ok(())
}
