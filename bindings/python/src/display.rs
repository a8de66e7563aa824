//! How frames look: a drawn table in a terminal, an HTML table in a notebook.

use arrow::array::RecordBatchOptions;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow::util::pretty::pretty_format_batches_with_options;
use gradframe::{Error, Result};

/// The rows as a drawn table; columns also where there is no row.
pub fn text(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<String> {
    let empty = RecordBatchOptions::new().with_row_count(Some(0));
    let columns = schema.fields().iter().map(|field| arrow::array::new_empty_array(field.data_type())).collect();
    let header = RecordBatch::try_new_with_options(schema.clone(), columns, &empty).map_err(failed)?;
    let batches = [&[header], batches].concat();
    pretty_format_batches_with_options(&batches, &options()).map(|table| table.to_string()).map_err(failed)
}

/// The rows as an HTML table.
pub fn html(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<String> {
    let mut html = String::from("<table>\n<thead><tr>");
    for field in schema.fields() {
        html.push_str(&format!(
            "<th>{}<br><small>{}</small></th>",
            escaped(field.name()),
            escaped(&field.data_type().to_string())
        ));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for batch in batches {
        push_rows(&mut html, batch).map_err(failed)?;
    }
    html.push_str("</tbody>\n</table>");
    Ok(html)
}

fn push_rows(html: &mut String, batch: &RecordBatch) -> std::result::Result<(), ArrowError> {
    let options = options();
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        let cells = columns.iter().map(|column| format!("<td>{}</td>", escaped(&column.value(row).to_string())));
        html.push_str(&format!("<tr>{}</tr>\n", cells.collect::<String>()));
    }
    Ok(())
}

fn options() -> FormatOptions<'static> {
    FormatOptions::default().with_display_error(true).with_null("null")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn failed(error: ArrowError) -> Error {
    Error::execution("repr", error.to_string())
}
