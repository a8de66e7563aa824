//! Why the command ends early, exit codes, and the one place where errors are printed.

use gradframe::Error;

/// Done.
pub const OK: u8 = 0;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// Whoever read our output closed it: what a shell reports of a program that SIGPIPE ended.
const READER_LEFT: u8 = 141;

/// The result of what the command does.
pub type Result<T> = std::result::Result<T, Stop>;

/// Why the command ends before its time.
#[derive(Debug)]
pub enum Stop {
    /// Something went wrong.
    Failed(Error),
    /// The reader of our output wants no more (`| head`). That is no error, and is not spoken of.
    ReaderLeft,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// Prints the reason to standard error, if it is an error, and gives the exit code for its kind.
pub fn report(stop: &Stop) -> u8 {
    match stop {
        Stop::ReaderLeft => READER_LEFT,
        Stop::Failed(error) => {
            eprintln!("error[{}]: {error}", error.kind());
            code(error)
        }
    }
}

/// The exit code by whose fault it is.
fn code(error: &Error) -> u8 {
    match error {
        Error::Plan(_) | Error::Shape(_) | Error::DType(_) | Error::Execution(_) => 1,
        Error::Resources(_) => 3,
        Error::External(_) => 4,
        Error::NotImplemented(_) | Error::NoDevice(_) => 5,
        Error::Internal(_) => 70,
        Error::Cancelled(_) => 130,
    }
}
