//! The command line's grammar.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Queries, training, prediction and experiment logs as one plan over Arrow.
#[derive(Debug, Parser)]
#[command(name = "gradframe", version, after_help = EXIT_CODES)]
pub struct Args {
    #[command(flatten)]
    pub session: SessionArgs,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 the query or its data is wrong; 2 the command line is wrong; 3 memory or disk is short; \
4 a file, network or other outside failure; 5 not built yet or no such device; 70 a bug of ours; 130 interrupted; 141 the reader of the output left.";

/// What every command takes.
#[derive(Debug, ClapArgs)]
pub struct SessionArgs {
    /// Directory of models, runs and tables [default: $GRADFRAME_HOME, else the nearest .gradframe upwards]
    #[arg(long, global = true, help_heading = "Session", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Database that keeps runs and models, postgresql://user:password@host/name [default: $GRADFRAME_STORE, unless --home is given]
    #[arg(long, global = true, help_heading = "Session", value_name = "ADDRESS")]
    pub store: Option<String>,
    /// Threads to use [default: all cores]
    #[arg(long, global = true, help_heading = "Session", value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=4096))]
    pub threads: Option<usize>,
    /// Memory that queries may use, such as 500MB or 2GiB; then they spill to disk
    #[arg(long, global = true, help_heading = "Session", value_name = "SIZE", value_parser = parse_bytes)]
    pub memory_limit: Option<u64>,
    /// Directory for what does not fit in memory [default: the system's, see TMPDIR]
    #[arg(long, global = true, help_heading = "Session", value_name = "DIR")]
    pub temp_directory: Option<PathBuf>,
    /// Seed of trainings that name none
    #[arg(long, global = true, help_heading = "Session", value_name = "N")]
    pub seed: Option<u64>,
    /// Keep no state of the code with trainings: git's commit in the working directory, and what was changed since
    #[arg(long, global = true, help_heading = "Session")]
    pub no_code: bool,
    /// No progress bars and no timings
    #[arg(long, short, global = true, help_heading = "Session")]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run SQL: from -c, from -f, from standard input, or at a prompt
    Sql(SqlArgs),
    /// Look at runs: what trainings and programs have logged
    Runs(RunsArgs),
    /// Look at models, and say which version an alias such as champion means
    Models(ModelsArgs),
    /// Serve the store to MLflow's client, until Ctrl-C
    Serve(ServeArgs),
    /// Say what this machine has, and what is missing for what: versions, processor, memory, CUDA
    Doctor,
}

#[derive(Debug, ClapArgs)]
pub struct SqlArgs {
    /// SQL text, one or more statements; several are run one after another
    #[arg(short, long, value_name = "SQL", conflicts_with = "file", allow_hyphen_values = true)]
    pub command: Vec<String>,
    /// File with SQL text; - is standard input
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Query to run again and again, for what changes: a training's metrics
    #[arg(long, value_name = "QUERY", conflicts_with_all = ["command", "file"])]
    pub watch: Option<String>,
    #[command(flatten)]
    pub watching: WatchArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How often a watched query runs.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct WatchArgs {
    /// Seconds between two runs of --watch
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = parse_pause, requires = "watch")]
    pub interval: Duration,
    /// Runs of --watch before it ends [default: until Ctrl-C]
    #[arg(long, value_name = "N", requires = "watch")]
    pub count: Option<u64>,
}

/// How results are written.
#[derive(Debug, Clone, ClapArgs)]
pub struct OutputArgs {
    /// Format of results [default: that of the output file's ending, else table]
    #[arg(long, value_enum, global = true, help_heading = "Output")]
    pub format: Option<Format>,
    /// File for the result, of several the last [default: standard output]
    #[arg(short, long, value_name = "FILE", global = true, help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Rows shown by the table format; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 40, global = true, help_heading = "Output")]
    pub max_rows: usize,
    /// Print each statement before its result and its time after
    #[arg(long, global = true, help_heading = "Output")]
    pub echo: bool,
}

impl OutputArgs {
    /// The format asked for, or the one that the output file's name ends in.
    pub fn format(&self) -> Format {
        let ending = || self.output.as_ref()?.extension()?.to_str().and_then(|ending| Format::from_str(ending, true).ok());
        self.format.or_else(ending).unwrap_or(Format::Table)
    }
}

/// Formats of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A drawn table
    Table,
    /// Comma-separated values with a header
    Csv,
    /// One array of objects
    Json,
    /// A Parquet file
    Parquet,
    /// An Arrow IPC stream
    Arrow,
}

impl Format {
    /// True if results may follow one another in a file.
    pub fn is_text(self) -> bool {
        matches!(self, Format::Table | Format::Csv | Format::Json)
    }
}

#[derive(Debug, ClapArgs)]
pub struct RunsArgs {
    #[command(subcommand)]
    pub command: RunsCommand,
    #[command(flatten)]
    pub output: OutputArgs,
}

impl RunsCommand {
    /// True of what looks at a store that is there already.
    pub fn looks(&self) -> bool {
        !matches!(self, RunsCommand::Import { .. })
    }
}

#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List runs, newest first
    Ls {
        /// At most this many; 0 is all
        #[arg(short = 'n', long, default_value_t = 20)]
        limit: usize,
        /// Condition in SQL, such as "metrics.loss < 0.5 AND params.lr = '0.1' AND status = 'finished'"
        #[arg(long = "where", value_name = "SQL")]
        filter: Option<String>,
        /// Columns, such as "run, title, metrics.loss, min.loss, params.lr, tags.team"
        #[arg(long, value_name = "COLUMNS")]
        columns: Option<String>,
        /// Order, such as "metrics.loss" or "params.lr, started DESC" [default: newest first]
        #[arg(long, value_name = "COLUMNS")]
        sort: Option<String>,
        /// Runs of this experiment alone
        #[arg(long, value_name = "NAME")]
        experiment: Option<String>,
        /// Also those that clients of MLflow have deleted
        #[arg(long)]
        deleted: bool,
    },
    /// Show in what two runs differ: parameters, code, environment, metrics, artifacts
    Diff {
        /// A run's identifier, or its beginning
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        a: String,
        /// Another's
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        b: String,
    },
    /// Forget runs, with all that they have logged; not those that a model comes from
    Rm {
        /// Identifiers, or their beginnings
        #[arg(required = true, value_parser = NonEmptyStringValueParser::new())]
        runs: Vec<String>,
    },
    /// Remove what nothing points to: contents of artifacts, and old versions of models if asked
    Gc {
        /// Versions of models to keep, the newest of each; those with an alias stay [default: all]
        #[arg(long, value_name = "N")]
        keep_versions: Option<u64>,
        /// Also forget runs that clients of MLflow have deleted, unless a model comes from them
        #[arg(long)]
        deleted: bool,
    },
    /// Copy a run, artifacts and all, into a store of its own, or pack it into one .tar file, for `import` elsewhere; or for TensorBoard
    Export {
        /// The run's identifier, or its beginning
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        run: String,
        /// Directory of that store, made if need be; a file if it ends with .tar; postgresql://... for a database
        directory: PathBuf,
        /// Pack the rows of its training query too, so that it replays where the data are not
        #[arg(long, conflicts_with = "tensorboard")]
        data: bool,
        /// Write an event file of TensorBoard's below the directory instead
        #[arg(long)]
        tensorboard: bool,
    },
    /// Take in runs: of another store, of MLflow's mlruns/ or mlflow.db, of TensorBoard's event files
    Import {
        /// What `export` has made, any .gradframe, postgresql://..., mlruns/, mlflow.db, or a directory of event files
        path: PathBuf,
    },
    /// Show one run: its state, parameters, tags and metrics
    Show {
        /// The run's identifier, or its beginning
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        run: String,
    },
    /// Do once more what a run did, and compare data, code, environment and each logged value
    ///
    /// A training trains again, and its model stays as it is. The program that has logged a run is started again with its arguments, in
    /// its directory: it does whatever it does.
    Replay {
        /// Start the program of a run that was logged elsewhere: on another machine, or into another store
        #[arg(long)]
        program: bool,
        /// The run's identifier, or its beginning
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        run: String,
    },
    /// Go on with an interrupted training from its last checkpoint
    Resume {
        /// The run's identifier, or its beginning
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        run: String,
    },
    /// Follow a run's metrics as they come, until it ends
    Tail {
        /// The run's identifier, or its beginning [default: the newest run]
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        run: Option<String>,
        /// Seconds between two looks
        #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = parse_pause)]
        interval: Duration,
        /// Print also what is sampled of the machine: `system/...`
        #[arg(long)]
        system: bool,
    },
}

#[derive(Debug, ClapArgs)]
pub struct ServeArgs {
    /// Address to listen on; one that others reach needs a token in GRADFRAME_TOKEN
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 5000)]
    pub port: u16,
}

#[derive(Debug, ClapArgs)]
pub struct ModelsArgs {
    #[command(subcommand)]
    pub command: ModelsCommand,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List all versions of all models, with their aliases
    Ls,
    /// Show one version: where it comes from, its aliases and tags
    Show {
        /// Its name, or name@alias, or name@version
        model: String,
    },
    /// Print a model's card: data, options, evaluation, lineage, as Markdown
    Card {
        /// Its name, or name@alias, or name@version
        model: String,
    },
    /// Let an alias name a version
    Alias {
        /// The model's name
        model: String,
        /// Such as champion
        alias: String,
        /// The version's number
        #[arg(value_parser = parse_version)]
        version: u64,
    },
    /// Let one alias name the version that another (or a number, or latest) means
    Promote {
        /// The model's name
        model: String,
        /// An alias, a version's number, or latest
        #[arg(long, default_value = "latest")]
        from: String,
        /// The alias that names it from now on
        #[arg(long, default_value = "champion")]
        to: String,
    },
    /// Take an alias back to the version that it named before
    Rollback {
        /// The model's name
        model: String,
        /// The alias
        #[arg(default_value = "champion")]
        alias: String,
    },
    /// Set tags of a version: NAME=VALUE
    Tag {
        /// The model's name
        model: String,
        /// The version's number
        #[arg(value_parser = parse_version)]
        version: u64,
        /// NAME=VALUE, several behind one another
        #[arg(required = true, value_parser = parse_tag)]
        tags: Vec<(String, String)>,
    },
}

/// Parses the number of a version.
fn parse_version(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| "expected the number of a version, behind the model: `gradframe models show fare@champion` says it".into())
}

/// Parses `name=value`.
fn parse_tag(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is no NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Parses seconds above zero: `2`, `0.5`.
fn parse_pause(text: &str) -> Result<Duration, String> {
    let pause = text.trim().parse().ok().and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok());
    pause.filter(|pause| !pause.is_zero()).ok_or_else(|| format!("`{text}` is no number of seconds above zero"))
}

/// Parses `512`, `500MB`, `2GiB`: decimal and binary multiples of a byte.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let unit = text.trim()[digits.len()..].trim().to_ascii_lowercase();
    let factor: f64 = match unit.as_str() {
        "" | "b" => 1.0,
        "kb" | "k" => 1e3,
        "mb" | "m" => 1e6,
        "gb" | "g" => 1e9,
        "tb" | "t" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(format!("`{unit}` is no unit of memory; use KB, MB, GB, TB or KiB, MiB, GiB, TiB")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("`{text}` is no size; write it like 500MB or 2GiB"))?;
    if !(number > 0.0 && number.is_finite()) {
        return Err(format!("`{text}` is no size; it must be above zero"));
    }
    Ok((number * factor) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_decimal_and_binary_units() {
        assert_eq!(parse_bytes("512"), Ok(512));
        assert_eq!(parse_bytes("1.5 MB"), Ok(1_500_000));
        assert_eq!(parse_bytes("2GiB"), Ok(2 << 30));
        for wrong in ["", "x", "5XB", "-1MB", "0"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pauses_are_seconds_above_zero() {
        assert_eq!(parse_pause("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "-1", "nan", "inf", "1e300", "soon"] {
            assert!(parse_pause(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_output_of_runs_is_chosen_before_or_after_what_is_listed() {
        for line in [["gradframe", "runs", "--format", "json", "ls"], ["gradframe", "runs", "ls", "--format", "json"]] {
            let Command::Runs(runs) = Args::try_parse_from(line).unwrap().command else { panic!("{line:?}") };
            assert_eq!(runs.output.format, Some(Format::Json), "{line:?}");
        }
        assert!(Args::try_parse_from(["gradframe", "runs", "show", ""]).is_err());
    }

    #[test]
    fn the_grammar_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
