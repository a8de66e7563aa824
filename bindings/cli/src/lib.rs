//! The command line: SQL from an argument, a file or a prompt, results in the format asked for, and the run log.
//!
//! Results go to standard output; prompts, progress, timings and errors go to standard error, so that output can be piped.

mod args;
mod doctor;
mod exit;
mod models;
mod output;
mod progress;
mod runs;
mod serve;
mod shell;
mod statements;
mod status;
mod tail;
mod terminal;
mod watch;

use std::ffi::OsString;
use std::io::IsTerminal;

use clap::Parser;
use gradframe::{Error, Session};
use tokio::runtime::{Builder, Runtime};

pub use output::drawing;

use args::{Args, Command, SessionArgs, SqlArgs};
use exit::Result;
use output::Style;
use statements::Shell;

/// A thread's stack: plans of many steps recurse deep. Only what is used is taken.
const STACK_BYTES: usize = 64 << 20;

/// Runs the command with these arguments (the program's name first) and gives its exit code (see `exit`).
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // --help and --version are "errors" that belong on standard output; a closed pipe there is nobody's loss.
            let _ = error.print();
            return if error.use_stderr() { exit::USAGE } else { exit::OK };
        }
    };
    gradframe::notices::listen(|what| {
        status::clear();
        eprintln!("note: {what}");
    });
    let runtime = match start_threads(args.session.threads) {
        Ok(runtime) => runtime,
        Err(stop) => return exit::report(&stop),
    };
    let code = match runtime.block_on(dispatch(args)) {
        Ok(()) => exit::OK,
        Err(stop) => exit::report(&stop),
    };
    // A blocking task may still wind down after Ctrl-C; the user has waited enough.
    runtime.shutdown_background();
    code
}

fn start_threads(threads: Option<usize>) -> Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    let started = builder.thread_stack_size(STACK_BYTES).enable_all().build();
    Ok(started.map_err(|error| Error::external("gradframe", format!("cannot start threads: {error}")))?)
}

async fn dispatch(args: Args) -> Result<()> {
    if matches!(args.command, Command::Doctor) {
        return doctor::run(); // it may be the store that is ill
    }
    let session = open_session(&args.session)?;
    match args.command {
        Command::Sql(sql) => {
            let (style, echo, quiet) = (Style::of(&sql.output), sql.output.echo, args.session.quiet);
            run_sql(Shell { session, style, echo, quiet }, &sql).await
        }
        Command::Runs(runs) => {
            if let Some(home) = args.session.home.filter(|home| !home.exists() && runs.command.looks()) {
                eprintln!("note: there is no store at {}", home.display());
            }
            runs::run(&session, &runs).await
        }
        Command::Serve(serve) => serve::run(&session, &serve).await,
        Command::Models(models) => models::run(&session, &models).await,
        Command::Doctor => doctor::run(),
    }
}

/// SQL from where it is given; at a prompt if it is not.
async fn run_sql(shell: Shell, args: &SqlArgs) -> Result<()> {
    if let Some(query) = &args.watch {
        return watch::run(&shell, query, args.watching.interval, args.watching.count).await;
    }
    let texts = statements::texts_of(args)?;
    for text in &texts {
        shell.run_script(text).await?;
    }
    match texts.is_empty() {
        false => Ok(()),
        true if std::io::stdin().is_terminal() => shell::run(shell).await,
        true => shell.run_script(&statements::read_standard_input()?).await,
    }
}

fn open_session(args: &SessionArgs) -> Result<Session> {
    let mut builder = Session::builder();
    if let Some(home) = &args.home {
        builder = builder.home(home);
    }
    if let Some(address) = &args.store {
        builder = builder.store(address);
    }
    if let Some(threads) = args.threads {
        builder = builder.threads(threads);
    }
    if let Some(bytes) = args.memory_limit {
        builder = builder.memory_limit_bytes(bytes);
    }
    if let Some(directory) = &args.temp_directory {
        builder = builder.temp_directory(directory);
    }
    if let Some(seed) = args.seed {
        builder = builder.seed(seed);
    }
    if args.no_code {
        builder = builder.without_code();
    }
    if std::io::stderr().is_terminal() && !args.quiet {
        builder = builder.progress(progress::TrainingBar::shared());
    }
    Ok(builder.build()?)
}
