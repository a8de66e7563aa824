//! `tpch --scale 0.1 --out DIR`: TPC-H tables as Parquet, for the demo and the benchmarks.

use std::path::Path;
use std::process::ExitCode;

use gradframe_tests::tpch::write_tables;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match make(&arguments) {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("tpch: {message}\nusage: tpch --scale 0.1 --out DIR");
            ExitCode::FAILURE
        }
    }
}

fn make(arguments: &[String]) -> Result<String, String> {
    let [scale_option, scale, out_option, out] = arguments else { return Err("expected four arguments".into()) };
    if (scale_option.as_str(), out_option.as_str()) != ("--scale", "--out") {
        return Err(format!("expected --scale and --out, got {scale_option} and {out_option}"));
    }
    let factor: f64 = scale.parse().map_err(|_| format!("scale {scale} is not a number"))?;
    let known = Path::new(out).exists();
    write_tables(Path::new(out), factor).map_err(|error| error.to_string())?;
    Ok(format!("{} {out}", if known { "using" } else { "wrote" }))
}
