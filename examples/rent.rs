//! The README's Rust example: `cargo run --package gradframe-tests --example rent`, from the repository's root.

use gradframe::expr::col;
use gradframe::ml::LinearRegression;
use gradframe::{CsvOptions, DataFrame, Result, Session};

pub async fn offers(session: &Session) -> Result<DataFrame> {
    let flats = session.scan_csv("examples/flats.csv", CsvOptions::new()).await?;
    let known = flats.filter(col("rent").is_not_null())?;
    let model = known.fit(LinearRegression::new().l2(0.01), "rent", None).await?;

    let offers = flats.predict(&model)?.filter(col("rent").is_null())?;
    offers.select(["district", "area", "predicted_rent"])?.sort(["predicted_rent"])
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows = offers(&Session::new()?).await?.collect().await?;
    arrow::util::pretty::print_batches(&rows)?;
    Ok(())
}
