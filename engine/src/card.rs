//! A model's card: where it comes from, what it learned from and how well, as Markdown.

use std::fmt::Write;

use gradframe_plan::services::NamedModel;

use crate::{Result, Session};

impl Session {
    /// What is known of a model, for people: data, options, evaluation, lineage, tags. Its name as in [`Session::model`].
    /// Errors: `Plan` for an unknown model, with the nearest, and one that a client of MLflow has registered.
    pub fn model_card(&self, name: &str) -> Result<String> {
        let model = self.model(name)?;
        let store = self.public().store();
        let said = store.registered_version(&model.name, model.version)?;
        let mut card = heading(&model);
        if let Some(said) = &said {
            if !said.description.is_empty() {
                section(&mut card, "", &said.description);
            }
            list(&mut card, "Aliases", said.aliases.iter().map(|alias| (alias.as_str(), String::new())));
            list(&mut card, "Tags", said.tags.iter().map(|(name, value)| (name.as_str(), value.clone())));
        }
        list(&mut card, "Training", training(&model).into_iter());
        for data in store.datasets(&model.model.spec.training.run)? {
            let facts = [("source", data.source.clone()), ("digest", data.digest.clone()), ("profile", data.profile.clone())];
            list(&mut card, &format!("Data for {}", data.role), facts.into_iter());
        }
        let spec = &model.model.spec;
        let features = spec.features.iter().map(|feature| (feature.name.as_str(), feature.data_type.to_string()));
        list(&mut card, "Features", features);
        let evaluation = spec.evaluation.iter().flatten();
        let shown = |value: &Option<f64>| value.map_or_else(|| "not defined".to_owned(), |value| value.to_string());
        list(&mut card, "Evaluation on the rows held back", evaluation.map(|(name, value)| (name.as_str(), shown(value))));
        list(&mut card, "Options", spec.options.iter().map(|(name, value)| (name.as_str(), value.to_string())));
        Ok(card)
    }
}

fn heading(model: &NamedModel) -> String {
    let spec = &model.model.spec;
    let predicts = format!("`{}` of type {}", spec.label.name, spec.label.data_type);
    format!("# {} version {}\n\nA {} that predicts {predicts}.\n", model.name, model.version, spec.model_type)
}

fn training(model: &NamedModel) -> Vec<(&'static str, String)> {
    let training = &model.model.spec.training;
    let facts = [
        ("run", training.run.clone()),
        ("rows", training.rows.to_string()),
        ("epochs", training.epochs.to_string()),
        ("loss", training.loss.to_string()),
        ("converged", training.converged.to_string()),
        ("seed", training.seed.to_string()),
        ("repeats bit for bit", training.reproducible.to_string()),
    ];
    facts.into_iter().chain(training.query.iter().map(|query| ("query", query.clone()))).collect()
}

fn section(card: &mut String, title: &str, text: &str) {
    let title = if title.is_empty() { String::new() } else { format!("## {title}\n\n") };
    // A String takes all that is written to it.
    let _ = write!(card, "\n{title}{text}\n");
}

/// Nothing of an empty list.
fn list<'a>(card: &mut String, title: &str, items: impl Iterator<Item = (&'a str, String)>) {
    let line = |(name, value): (&str, String)| match value.is_empty() {
        true => format!("- {name}"),
        // A value of several lines stays in its item.
        false => format!("- {name}: {}", value.replace('\n', "\n  ")),
    };
    let lines: Vec<String> = items.map(line).collect();
    if !lines.is_empty() {
        section(card, title, &lines.join("\n"));
    }
}
