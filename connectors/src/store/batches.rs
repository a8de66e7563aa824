//! Rows of the store as Arrow batches.

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, RecordBatchOptions, StringBuilder,
    TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use gradframe_ml_core::{Error, Result};

use super::filters::BoundSql;
use super::float_order::{float_of_order, one_nan};
use super::sql::{Next, Row, Transaction};

/// At most so many rows a batch: DataFusion's own batch size.
pub(super) const BATCH_ROWS: usize = 8192;

/// Runs the query and gives its rows as batches of `schema`, whose fields are the selected columns in order.
pub(super) fn collect(transaction: &Transaction, sql: &BoundSql, schema: &SchemaRef) -> Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    let mut batch = BatchBuilder::new(schema)?;
    transaction.each(&sql.text, &sql.values(), |row| {
        batch.push(row)?;
        if batch.rows == BATCH_ROWS {
            batches.push(batch.finish()?);
        }
        Ok(Next::Continue(()))
    })?;
    if batch.rows > 0 {
        batches.push(batch.finish()?);
    }
    Ok(batches)
}

struct BatchBuilder {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
}

enum Column {
    Text(StringBuilder),
    Integer(Int64Builder),
    Unsigned(UInt64Builder),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
}

impl BatchBuilder {
    fn new(schema: &SchemaRef) -> Result<Self> {
        let columns = schema.fields().iter().map(|field| Column::of(field.data_type())).collect::<Result<_>>()?;
        Ok(BatchBuilder { schema: schema.clone(), columns, rows: 0 })
    }

    fn push(&mut self, row: &Row) -> Result<()> {
        for (i, column) in self.columns.iter_mut().enumerate() {
            column.push(row, i)?;
        }
        self.rows += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<RecordBatch> {
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(Column::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|e| Error::internal("store", e.to_string()).because(e))
    }
}

impl Column {
    fn of(data_type: &DataType) -> Result<Self> {
        Ok(match data_type {
            DataType::Utf8 => Column::Text(StringBuilder::new()),
            DataType::Int64 => Column::Integer(Int64Builder::new()),
            DataType::UInt64 => Column::Unsigned(UInt64Builder::new()),
            DataType::Float64 => Column::Float(Float64Builder::new()),
            DataType::Boolean => Column::Boolean(BooleanBuilder::new()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                Column::Time(TimestampMicrosecondBuilder::new().with_timezone_opt(zone.clone()))
            }
            other => return Err(Error::internal("store", format!("no column of type {other}"))),
        })
    }

    fn push(&mut self, row: &Row, i: usize) -> Result<()> {
        match self {
            Column::Text(builder) => builder.append_option(row.get::<Option<String>>(i)?),
            Column::Integer(builder) => builder.append_option(row.get::<Option<i64>>(i)?),
            Column::Unsigned(builder) => builder.append_option(row.get::<Option<i64>>(i)?.map(|bits| bits as u64)),
            Column::Float(builder) => builder.append_option(row.get::<Option<i64>>(i)?.map(float_of_order).map(one_nan)),
            Column::Boolean(builder) => builder.append_option(row.get::<Option<bool>>(i)?),
            Column::Time(builder) => builder.append_option(row.get::<Option<i64>>(i)?),
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        let builder: &mut dyn ArrayBuilder = match self {
            Column::Text(builder) => builder,
            Column::Integer(builder) => builder,
            Column::Unsigned(builder) => builder,
            Column::Float(builder) => builder,
            Column::Boolean(builder) => builder,
            Column::Time(builder) => builder,
        };
        builder.finish()
    }
}
