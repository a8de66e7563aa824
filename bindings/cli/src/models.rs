//! `gradframe models`: versions, and the aliases that name them.

use gradframe::Session;

use crate::args::{ModelsArgs, ModelsCommand, OutputArgs};
use crate::exit::Result;
use crate::output::{self, Style, print_line};
use crate::runs::quoted;
use crate::statements::interruptible;

/// Runs the subcommand.
pub async fn run(session: &Session, args: &ModelsArgs) -> Result<()> {
    match &args.command {
        ModelsCommand::Ls => interruptible(list(session, &args.output)).await,
        ModelsCommand::Show { model } => interruptible(show(session, model, &args.output)).await,
        ModelsCommand::Card { model } => print_line(session.model_card(model)?.trim_end()),
        ModelsCommand::Alias { model, alias, version } => {
            session.set_alias(model, alias, *version)?;
            print_line(&format!("{model}@{alias} is version {version}"))
        }
        ModelsCommand::Promote { model, from, to } => {
            let version = session.promote(model, from, to)?;
            print_line(&format!("{model}@{to} is version {version}"))
        }
        ModelsCommand::Rollback { model, alias } => {
            let version = session.roll_back(model, alias)?;
            print_line(&format!("{model}@{alias} is version {version} again"))
        }
        ModelsCommand::Tag { model, version, tags } => {
            session.set_model_tags(model, *version, tags.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
            Ok(())
        }
    }
}

async fn list(session: &Session, args: &OutputArgs) -> Result<()> {
    let sql =
        "SELECT m.model, m.version, m.model_type, m.label, m.features, m.run, m.created, a.aliases FROM gradframe.models AS m
               LEFT JOIN (SELECT model, version, string_agg(alias, ', ' ORDER BY alias) AS aliases FROM gradframe.aliases
                          GROUP BY model, version) AS a ON m.model = a.model AND m.version = a.version
               ORDER BY m.model, m.version DESC";
    print(session, sql, args).await
}

/// Where a model comes from and what is said about it.
async fn show(session: &Session, model: &str, args: &OutputArgs) -> Result<()> {
    let found = session.model(model)?;
    let (name, version) = (quoted(&found.name), found.version);
    let of = format!("model = {name} AND version = {version}");
    print(session, &format!("SELECT * FROM gradframe.models WHERE {of}"), args).await?;
    print(session, &format!("SELECT alias, set_at FROM gradframe.aliases WHERE {of} ORDER BY alias"), args).await?;
    print(session, &format!("SELECT name, value FROM gradframe.model_tags WHERE {of} ORDER BY name"), args).await?;
    let run = quoted(&found.model.spec.training.run);
    print(session, &format!("SELECT name, value FROM gradframe.params WHERE run = {run} ORDER BY name"), args).await
}

async fn print(session: &Session, sql: &str, args: &OutputArgs) -> Result<()> {
    output::write(session.sql(sql).await?.stream().await?, &Style::of(args), None).await
}
