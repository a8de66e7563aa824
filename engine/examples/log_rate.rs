//! How long a call of `log` takes: `log_rate HOME CALLS` prints nanoseconds a scalar. For `cargo xtask bench runs`.

use std::time::Instant;

use gradframe::{Error, Result, RunOptions, Session};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [home, calls] = arguments.as_slice() else { return Err(Error::plan("log_rate", "expected HOME CALLS")) };
    let calls: i64 = calls.parse().map_err(|_| Error::plan("log_rate", format!("`{calls}` is no number of calls")))?;
    let session = Session::builder().home(home).build()?;
    let run = session.start_run(RunOptions::new("loop").without_code())?;
    run.log(0, &[("loss", 1.0)])?;
    let start = Instant::now();
    for step in 1..=calls {
        run.log(step, &[("loss", 1.0 / step as f64)])?;
    }
    let taken = start.elapsed();
    run.finish()?;
    println!("{}", taken.as_nanos() as f64 / calls as f64);
    Ok(())
}
