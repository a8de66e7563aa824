//! `gradframe runs`: the run log, read through the same tables as SQL.

mod diff;
mod import;
mod list;

use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use gradframe::{Error, Replay, Session};

use crate::args::{Format, OutputArgs, RunsArgs, RunsCommand};
use crate::exit::{Result, Stop};
use crate::output::{self, Style, print_line};
use crate::statements::interruptible;
use crate::tail::{self, Following};
use list::Wish;

/// Runs the subcommand.
pub async fn run(session: &Session, args: &RunsArgs) -> Result<()> {
    match &args.command {
        RunsCommand::Ls { limit, filter, columns, sort, experiment, deleted } => {
            let (columns, filter, sort, experiment) =
                (columns.as_deref(), filter.as_deref(), sort.as_deref(), experiment.as_deref());
            let wish = Wish { columns, filter, sort, experiment, limit: *limit, deleted: *deleted };
            interruptible(list(session, &wish, &args.output)).await
        }
        RunsCommand::Diff { a, b } => interruptible(differ(session, a, b, &args.output)).await,
        RunsCommand::Rm { runs } => Ok(runs.iter().try_for_each(|run| session.remove_run(run))?),
        RunsCommand::Gc { keep_versions, deleted } => collect(session, *keep_versions, *deleted),
        RunsCommand::Export { run, directory, tensorboard: true, .. } => {
            print_line(&session.export_tensorboard(run, directory)?.display().to_string())
        }
        RunsCommand::Export { run, directory, data, tensorboard: false } => {
            interruptible(export(session, run, directory, *data)).await
        }
        RunsCommand::Import { path } => import::run(session, path).await,
        RunsCommand::Show { run } => interruptible(show(session, run, &args.output)).await,
        RunsCommand::Replay { run, program } => interruptible(replay(session, run, *program, &args.output)).await,
        RunsCommand::Resume { run } => interruptible(resume(session, run, &args.output)).await,
        RunsCommand::Tail { run, interval, system } => {
            let as_json = may_follow(&args.output)?;
            let following = Following { interval: *interval, sampled: *system, as_json };
            interruptible(follow(session, run.as_deref(), following)).await
        }
    }
}

async fn list(session: &Session, wish: &Wish<'_>, args: &OutputArgs) -> Result<()> {
    check(session, wish)?;
    let runs = match list::chosen(wish)? {
        // An order by what a column is called is for the whole query alone.
        Some(query) => match session.sql(&query).await {
            Ok(runs) => Some(runs.collect().await?.iter().flat_map(texts).collect::<Vec<String>>()),
            Err(_) => None,
        },
        None => None,
    };
    print(session, &list::query(wish, runs.as_deref())?, args).await.map_err(|stop| in_words_of(wish, stop))?;
    if args.format() == Format::Table {
        note_more(session, wish).await?;
    }
    note_unknown(session, wish).await
}

/// Errors: `Plan` for what is no SQL, at its place in what the user has written.
fn check(session: &Session, wish: &Wish<'_>) -> Result<()> {
    for (option, text, before) in list::parts(wish) {
        match session.parse(&format!("{before}\n{text}")) {
            Err(error) => {
                let place = error.detail().place.filter(|place| place.line > 1);
                let error = error.inside(option);
                return Err(match place {
                    Some(place) => Stop::FailedIn(error.at(place.line - 1, place.column), text.to_owned()),
                    None => Stop::Failed(error),
                });
            }
            Ok(statements) if statements.len() != 1 => {
                let what = format!("{option} is `{text}`, expected one part of a query, without `;`");
                return Err(Error::plan("gradframe runs", what).into());
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// A place in the query that was made of the user's words is none in them; what is wrong is in one of the options.
fn in_words_of(wish: &Wish<'_>, stop: Stop) -> Stop {
    let options: Vec<&str> = list::parts(wish).into_iter().map(|(option, ..)| option).collect();
    match stop {
        Stop::Failed(error) if !options.is_empty() && matches!(error.kind(), "Plan" | "Execution") => {
            Stop::Failed(error.inside(&options.join(" or ")))
        }
        other => other,
    }
}

/// Says that there are more runs than are shown.
async fn note_more(session: &Session, wish: &Wish<'_>) -> Result<()> {
    let counted = first_column(session, &list::counted(wish)?).await?;
    let all = counted.first().and_then(|count| count.parse().ok()).unwrap_or(0);
    if wish.limit > 0 && all > wish.limit {
        eprintln!("{} of {all} runs, -n 0 shows all", wish.limit);
    }
    Ok(())
}

/// Says on the error output what no run has that was asked for: a list that is empty for a slip of the hand looks like an answer.
async fn note_unknown(session: &Session, wish: &Wish<'_>) -> Result<()> {
    let mut asked: Vec<(&str, &str, String)> =
        list::asked_for(wish)?.into_iter().map(|(table, name)| (table, "name", name)).collect();
    asked.extend(wish.experiment.map(|name| ("experiments", "experiment", name.to_owned())));
    for (table, column, name) in asked {
        let one = format!("SELECT {column} FROM gradframe.{table} WHERE {column} = {} LIMIT 1", quoted(&name));
        if !first_column(session, &one).await?.is_empty() {
            continue;
        }
        let known = first_column(session, &format!("SELECT DISTINCT {column} FROM gradframe.{table}")).await?;
        let what = match table {
            "latest" => "no run has a metric",
            "params" => "no run has a parameter",
            "tags" => "no run has a tag",
            _ => "there is no experiment",
        };
        let near = gradframe::nearest_name(&name, known.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        eprintln!("note: {what} `{name}`{near}");
    }
    Ok(())
}

async fn first_column(session: &Session, sql: &str) -> Result<Vec<String>> {
    Ok(session.sql(sql).await?.collect().await?.iter().flat_map(texts).collect())
}

async fn differ(session: &Session, a: &str, b: &str, args: &OutputArgs) -> Result<()> {
    let (a, b) = (session.full_run_name(a)?, session.full_run_name(b)?);
    if a == b {
        eprintln!("note: both are the run {a}");
    }
    print(session, &diff::query(&a, &b), args).await
}

fn collect(session: &Session, keep_versions: Option<u64>, deleted: bool) -> Result<()> {
    let runs = if deleted { session.remove_deleted_runs()? } else { vec![] };
    runs.iter().try_for_each(|run| print_line(&format!("removed {run}")))?;
    let garbage = session.collect_garbage(keep_versions)?;
    for (model, version) in &garbage.versions {
        print_line(&format!("removed {model}@{version}"))?;
    }
    print_line(&format!("removed {} contents, {} bytes", garbage.objects, garbage.bytes))
}

async fn export(session: &Session, run: &str, directory: &Path, data: bool) -> Result<()> {
    let run = session.export_run(run, directory, data).await?;
    print_line(&format!("{run} is in {}", directory.display()))
}

async fn resume(session: &Session, run: &str, args: &OutputArgs) -> Result<()> {
    let log = session.resume_run(run).await?;
    output::write(log.stream().await?, &Style::of(args), None).await
}

/// Errors: `Execution` if a logged value came out differently, after all differences have been shown.
async fn replay(session: &Session, run: &str, program: bool, args: &OutputArgs) -> Result<()> {
    if let Some((command, directory)) = session.program_of_run(run)? {
        eprintln!("starting {command}, in {directory}");
    }
    let replay = if program { session.replay_program(run).await? } else { session.replay_run(run).await? };
    if !replay.differences.is_empty() || args.format() != Format::Table || args.output.is_some() {
        let differences = session.differences(&replay.differences)?;
        output::write(differences.stream().await?, &Style::of(args), None).await?;
    }
    replay.unknown.iter().for_each(|what| eprintln!("not compared: {what}"));
    let how = match replay.tolerance {
        None => "bit for bit".to_owned(),
        Some(tolerance) => format!("within {tolerance:e} of one another, on another machine"),
    };
    let Replay { run, again, values, .. } = &replay;
    if replay.is_equal() {
        eprintln!("{again} repeats {run}: {values} values are equal, {how}");
        return Ok(());
    }
    let differing = replay.differences.iter().filter(|difference| difference.what == "value").count();
    Err(Error::execution("replay", format!("{differing} of {values} values of {run} did not come out again, expected {how}")))?
}

/// Whether lines are JSON. Errors: `Plan` for what a run that goes on cannot be written as.
fn may_follow(args: &OutputArgs) -> Result<bool> {
    if args.output.is_some() {
        let error = Error::plan("gradframe runs", "tail prints as the run goes on, and writes no file with -o");
        return Err(error.hint("`gradframe runs tail --format json > FILE`").into());
    }
    match args.format() {
        Format::Table => Ok(false),
        Format::Json => Ok(true),
        Format::Csv | Format::Parquet | Format::Arrow => {
            let error = Error::plan("gradframe runs", "tail prints lines for people, or with --format json an object a line");
            Err(error.hint("all points as a table: gradframe sql -c \"SELECT * FROM gradframe.metrics WHERE run = ..\""))?
        }
    }
}

async fn follow(session: &Session, run: Option<&str>, following: Following) -> Result<()> {
    let run = match run {
        Some(start) => session.full_run_name(start)?,
        None => newest(session).await?,
    };
    tail::run(session, &run, following).await
}

async fn newest(session: &Session) -> Result<String> {
    let batches = session.sql("SELECT max(run) FROM gradframe.runs").await?.collect().await?;
    let newest = batches.iter().flat_map(texts).next();
    Ok(newest.ok_or_else(|| Error::plan("gradframe runs", "there are no runs yet"))?)
}

async fn show(session: &Session, run: &str, args: &OutputArgs) -> Result<()> {
    let run = quoted(&session.full_run_name(run)?);
    if !args.format().is_text() && args.output.is_none() {
        let error = Error::plan("gradframe runs", "show has several tables, which do not follow one another in this format");
        return Err(error.hint("--format json is one object, --format csv a table after the other"))?;
    }
    if args.format() == Format::Json && args.output.is_none() {
        return show_as_json(session, &run, args).await;
    }
    for (_, query) in parts_of_run(&run) {
        print(session, &query, args).await?;
    }
    Ok(())
}

/// One object, with a list of each part.
async fn show_as_json(session: &Session, run: &str, args: &OutputArgs) -> Result<()> {
    for (i, (name, query)) in parts_of_run(run).into_iter().enumerate() {
        print_line(&format!("{}\"{name}\":", if i == 0 { "{" } else { "," }))?;
        print(session, &query, args).await?;
    }
    print_line("}")
}

fn parts_of_run(run: &str) -> [(&'static str, String); 5] {
    [
        ("run", format!("SELECT * FROM gradframe.runs WHERE run = {run}")),
        ("params", format!("SELECT name, value FROM gradframe.params WHERE run = {run} ORDER BY name")),
        ("tags", format!("SELECT name, value FROM gradframe.tags WHERE run = {run} ORDER BY name")),
        (
            "metrics",
            format!(
                "SELECT name, points, step, epoch, min, max, value AS last FROM gradframe.latest WHERE run = {run} ORDER BY name"
            ),
        ),
        ("artifacts", format!("SELECT path, kind, step, bytes FROM gradframe.artifacts WHERE run = {run} ORDER BY path")),
    ]
}

/// The first column's texts.
fn texts(batch: &RecordBatch) -> Vec<String> {
    match arrow::compute::cast(batch.column(0), &DataType::Utf8) {
        Ok(column) => column.as_string::<i32>().iter().flatten().map(str::to_owned).collect(),
        Err(_) => vec![],
    }
}

pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

async fn print(session: &Session, sql: &str, args: &OutputArgs) -> Result<()> {
    output::write(session.sql(sql).await?.stream().await?, &Style::of(args), None).await
}
