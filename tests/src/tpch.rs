//! TPC-H tables as Parquet, one file a table, made by the `tpchgen` crates: same scale, same bytes of data everywhere.

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator, RegionGenerator,
    SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RecordBatchIterator, RegionArrow,
    SupplierArrow,
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The tables' names, as in the queries.
pub const TABLES: [&str; 8] = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"];

const ROW_GROUP_ROWS: usize = 1 << 18;

/// The tables at `scale` in `directory/<table>.parquet`, written unless they are there. All or nothing: they are made
/// beside the directory and renamed into place, so that two processes may ask at once.
///
/// Errors: the directory cannot be written.
pub fn write_tables(directory: &Path, scale: f64) -> Result<()> {
    if directory.exists() {
        return Ok(());
    }
    let unfinished = directory.with_extension(format!("unfinished-{}", std::process::id()));
    fs::create_dir_all(&unfinished)?;
    std::thread::scope(|scope| {
        let big = scope.spawn(|| write_table(&unfinished, "lineitem", scale));
        for table in TABLES.into_iter().filter(|table| *table != "lineitem") {
            write_table(&unfinished, table, scale)?;
        }
        big.join().map_err(|_| "writing lineitem panicked")?
    })?;
    match fs::rename(&unfinished, directory) {
        Err(_) if directory.exists() => Ok(fs::remove_dir_all(&unfinished)?),
        renamed => Ok(renamed?),
    }
}

/// The file of a table in a directory of `write_tables`.
pub fn table_file(directory: &Path, table: &str) -> PathBuf {
    directory.join(format!("{table}.parquet"))
}

fn write_table(directory: &Path, table: &str, scale: f64) -> Result<()> {
    let mut batches = batches_of(table, scale);
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1)?);
    let properties = WriterProperties::builder().set_compression(zstd).set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
    let file = File::create(table_file(directory, table))?;
    let mut writer = ArrowWriter::try_new(file, batches.schema().clone(), Some(properties.build()))?;
    for batch in &mut batches {
        writer.write(&batch)?;
    }
    writer.close()?;
    Ok(())
}

fn batches_of(table: &str, scale: f64) -> Box<dyn RecordBatchIterator> {
    match table {
        "customer" => Box::new(CustomerArrow::new(CustomerGenerator::new(scale, 1, 1))),
        "lineitem" => Box::new(LineItemArrow::new(LineItemGenerator::new(scale, 1, 1))),
        "nation" => Box::new(NationArrow::new(NationGenerator::new(scale, 1, 1))),
        "orders" => Box::new(OrderArrow::new(OrderGenerator::new(scale, 1, 1))),
        "part" => Box::new(PartArrow::new(PartGenerator::new(scale, 1, 1))),
        "partsupp" => Box::new(PartSuppArrow::new(PartSuppGenerator::new(scale, 1, 1))),
        "region" => Box::new(RegionArrow::new(RegionGenerator::new(scale, 1, 1))),
        "supplier" => Box::new(SupplierArrow::new(SupplierGenerator::new(scale, 1, 1))),
        other => unreachable!("{other} is not in TABLES"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    #[test]
    fn every_table_is_written_with_its_rows() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("tpch");
        write_tables(&directory, 0.001).unwrap();
        let rows = |table| {
            let file = File::open(table_file(&directory, table)).unwrap();
            SerializedFileReader::new(file).unwrap().metadata().file_metadata().num_rows()
        };
        assert_eq!(TABLES.map(rows), [150, 6005, 25, 1500, 200, 800, 5, 10]);
    }
}
