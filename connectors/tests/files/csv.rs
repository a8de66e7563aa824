//! CSV: options, types, and errors with file and line.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::{Array, StringArray, StructArray};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::prelude::{col, lit};
use datafusion::scalar::ScalarValue;
use tempfile::TempDir;

use super::{collect, columns, csv, frame, lines, rows, text};

fn file(content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.csv");
    fs::write(&path, content).unwrap();
    (directory, path)
}

fn yes(name: &str) -> (&str, ScalarValue) {
    (name, ScalarValue::from(true))
}

#[tokio::test]
async fn columns_have_the_narrowest_type_that_fits() {
    let (_directory, path) =
        file("i,f,b,d,t,s,n\n1,1,true,2013-01-01,2013-01-01 05:00:00,x,\n2,2.5,FALSE,2013-01-02,2013-01-02T06:30:00,1,\n");
    let table = csv(&path, &[]).await.unwrap();
    let expected = ["i Int64", "f Float64", "b Boolean", "d Date32", "t Timestamp(µs)", "s Utf8", "n Utf8"];
    assert_eq!(columns(&table), expected);
    let expected = ["1,1.0,true,2013-01-01,2013-01-01T05:00:00,x,-", "2,2.5,false,2013-01-02,2013-01-02T06:30:00,1,-"];
    assert_eq!(lines(&rows(table).await.unwrap()), expected);
}

#[tokio::test]
async fn null_values_and_spaces_as_in_the_adult_data() {
    let (_directory, path) = file("39, State-gov, 77516\n ?, ?, ?\n 50, Private , 12\n");
    let options = [("header", ScalarValue::from(false)), ("null_value", ScalarValue::from("?")), yes("trim")];
    let table = csv(&path, &options).await.unwrap();
    assert_eq!(columns(&table), ["column_1 Int64", "column_2 Utf8", "column_3 Int64"]);
    assert_eq!(lines(&rows(table).await.unwrap()), ["39,State-gov,77516", "-,-,-", "50,Private,12"]);
}

#[tokio::test]
async fn several_null_values() {
    let (_directory, path) = file("a,b\nNA,1\nx,-99\n");
    let nulls = StringArray::from(vec!["NA", "-99"]);
    let nulls = ScalarValue::List(ScalarValue::new_list_nullable(
        &[ScalarValue::from(nulls.value(0)), ScalarValue::from(nulls.value(1))],
        &DataType::Utf8,
    ));
    let table = csv(&path, &[("nullstr", nulls)]).await.unwrap();
    assert_eq!(columns(&table), ["a Utf8", "b Int64"]);
    assert_eq!(lines(&rows(table).await.unwrap()), ["-,1", "x,-"]);
}

#[tokio::test]
async fn delimiter_quote_escape_comment_and_skip() {
    let (_directory, path) = file("a note\nand another\n#comment\na;b\n'x;y';'it\\'s'\n");
    let options = [
        ("skip", ScalarValue::from(2i64)),
        ("comment", ScalarValue::from("#")),
        ("delim", ScalarValue::from(";")),
        ("quote", ScalarValue::from("'")),
        ("escape", ScalarValue::from("\\")),
    ];
    assert_eq!(lines(&rows(csv(&path, &options).await.unwrap()).await.unwrap()), ["x;y,it's"]);
}

#[tokio::test]
async fn a_header_is_found_where_there_is_one() {
    let auto = [("header", ScalarValue::from("auto"))];
    let (_directory, path) = file("a,b\n1,x\n");
    assert_eq!(columns(&csv(&path, &auto).await.unwrap()), ["a Int64", "b Utf8"]);
    let (_directory, path) = file("3,y\n1,x\n");
    assert_eq!(columns(&csv(&path, &auto).await.unwrap()), ["column_1 Int64", "column_2 Utf8"]);
}

#[tokio::test]
async fn names_and_types_may_be_given() {
    let (_directory, path) = file("007,1\n008,2\n");
    let field = Arc::new(Field::new("code", DataType::Utf8, true));
    let types = StructArray::from(vec![(field, Arc::new(StringArray::from(vec!["VARCHAR"])) as Arc<dyn Array>)]);
    let names =
        ScalarValue::List(ScalarValue::new_list_nullable(&[ScalarValue::from("code"), ScalarValue::from("n")], &DataType::Utf8));
    let options = [("header", ScalarValue::from(false)), ("names", names), ("types", ScalarValue::Struct(Arc::new(types)))];
    let table = csv(&path, &options).await.unwrap();
    assert_eq!(columns(&table), ["code Utf8", "n Int64"]);
    assert_eq!(lines(&rows(table).await.unwrap()), ["007,1", "008,2"]);
}

#[tokio::test]
async fn all_varchar_infers_nothing() {
    let (_directory, path) = file("a\n1\n");
    assert_eq!(columns(&csv(&path, &[yes("all_varchar")]).await.unwrap()), ["a Utf8"]);
}

#[tokio::test]
async fn compressed_files_are_read_by_their_ending() {
    let (directory, _) = file("");
    let path = directory.path().join("t.csv.gz");
    let mut child = std::process::Command::new("gzip")
        .stdin(std::process::Stdio::piped())
        .stdout(fs::File::create(&path).unwrap())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"a\n1\n2\n").unwrap();
    child.wait().unwrap();
    assert_eq!(lines(&rows(csv(&path, &[]).await.unwrap()).await.unwrap()), ["1", "2"]);
}

#[tokio::test]
async fn tsv_is_separated_by_tabs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.tsv");
    fs::write(&path, "a\tb\n1,5\tx\n").unwrap();
    assert_eq!(lines(&rows(super::open(&path).await.unwrap()).await.unwrap()), ["1,5,x"]);
}

#[tokio::test]
async fn only_the_columns_used_are_read() {
    let (_directory, path) = file("a,b,c\n1,x,10\n2,y,20\n");
    for options in [&[][..], &[yes("trim")]] {
        let selected = frame(csv(&path, options).await.unwrap())
            .filter(col("c").gt(lit(10)))
            .unwrap()
            .select(vec![col("c"), col("a")])
            .unwrap();
        assert_eq!(lines(&collect(selected).await.unwrap()), ["20,2"]);
        let table = csv(&path, options).await.unwrap();
        assert_eq!(frame(table).count().await.unwrap(), 2);
    }
}

#[tokio::test]
async fn line_ends_inside_quotes_and_byte_order_marks() {
    let (_directory, path) = file("\u{feff}a,b\r\n\"x\ny\",1\r\n\"\",2\r\n");
    let table = csv(&path, &[]).await.unwrap();
    assert_eq!(columns(&table), ["a Utf8", "b Int64"]);
    assert_eq!(lines(&rows(table).await.unwrap()), ["x\ny,1", ",2"]);
}

/// Rows enough that the error lies beyond the sample.
fn long(last: &str) -> String {
    let mut content = String::from("a,b\n");
    content.extend((0..30_000).map(|i| format!("{i},x\n")));
    content + last
}

#[tokio::test]
async fn errors_beyond_the_sample_name_file_and_line() {
    let (_directory, path) = file(long("1,2,3\n"));
    let error = rows(csv(&path, &[]).await.unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), "Execution");
    assert_eq!(error.to_string(), format!("read_csv: `{}`, line 30002: expected 2 fields, got 3", text(&path)));

    let (_directory, path) = file(long("abc,x\n"));
    for options in [&[][..], &[yes("trim")]] {
        let error = rows(csv(&path, options).await.unwrap()).await.unwrap_err();
        let expected = format!("read_csv: `{}`, line 30002: column `a` is Int64, got `abc`; hint:", text(&path));
        assert!(error.to_string().starts_with(&expected), "{error}");
    }

    let mut bytes = long("").into_bytes();
    bytes.extend(b"1,\xff\xfe\n");
    let (_directory, path) = file(bytes);
    let error = rows(csv(&path, &[]).await.unwrap()).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("read_csv: `{}`, line 30002, field 2: not UTF-8", text(&path))), "{error}");
}

#[tokio::test]
async fn errors_within_the_sample_name_file_and_line() {
    let (_directory, path) = file("a,b\n\"1\n2\",x\n3\n");
    let error = csv(&path, &[]).await.unwrap_err();
    assert_eq!(error.to_string(), format!("read_csv: `{}`, line 4: expected 2 fields, got 1", text(&path)));
    let (_directory, path) = file(b"a\n\xe9\n");
    let error = csv(&path, &[]).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("read_csv: `{}`, line 2, field 1: not UTF-8", text(&path))), "{error}");
    let (_directory, path) = file("");
    assert!(csv(&path, &[]).await.unwrap_err().to_string().contains("is empty"));
}

#[tokio::test]
async fn files_with_other_columns_are_refused() {
    let (directory, _) = file("a,b\n1,2\n");
    fs::write(directory.path().join("u.csv"), "a,c\n1,2\n").unwrap();
    let error = csv(directory.path(), &[]).await.unwrap_err();
    assert!(error.to_string().contains("u.csv` has other columns than"), "{error}");
    assert!(error.to_string().contains("it lacks `b` and has `c` besides; hint: union_by_name"), "{error}");
}

#[tokio::test]
async fn kinds_are_joined_over_files() {
    let (directory, _) = file("a\n1\n");
    fs::write(directory.path().join("u.csv"), "a\n2.5\n").unwrap();
    let table = csv(directory.path(), &[]).await.unwrap();
    assert_eq!(columns(&table), ["a Float64"]);
    let sorted = frame(table).sort(vec![col("a").sort(true, true)]).unwrap();
    assert_eq!(lines(&collect(sorted).await.unwrap()), ["1.0", "2.5"]);
}

#[tokio::test]
async fn wrong_options_are_plan_errors() {
    let (_directory, path) = file("a\n1\n");
    let error = csv(&path, &[yes("haeder")]).await.unwrap_err();
    assert_eq!(error.kind(), "Plan");
    assert!(
        error.to_string().starts_with("read_csv: unknown option `haeder`; hint: did you mean `header`? options are header,"),
        "{error}"
    );
    assert_eq!(csv(&path, &[("compression", ScalarValue::from("rar"))]).await.unwrap_err().kind(), "Plan");
    let one = ScalarValue::from("only");
    assert_eq!(csv(&path, &[("names", one.clone())]).await.unwrap().schema().field(0).name(), "only");
    let (_directory, path) = file("a,b\n1,2\n");
    assert_eq!(csv(&path, &[("names", one)]).await.unwrap_err().kind(), "Plan");
}

#[tokio::test]
async fn a_quote_that_is_never_closed_is_named_where_it_opens() {
    for (content, line) in
        [("a,b\n1,\"unterminated\n", 2), ("a,b\n1,\"ok\"\n2,\"x\n3,y\n4,z\n", 3), ("a,b\n1,\"a \"\"quoted\"\" word", 2)]
    {
        let (_directory, path) = file(content);
        let error = rows(csv(&path, &[]).await.unwrap()).await.unwrap_err();
        let expected = format!("`{}`, line {line}: a quote is opened here and never closed", text(&path));
        assert!(error.to_string().contains(&expected), "{content}: {error}");
    }
    // Quotes inside of values without quotes are ordinary, however many.
    let (_directory, path) = file("a,b\n1,5\" pipe\n2,\"two \"\"\"\n");
    assert_eq!(lines(&rows(csv(&path, &[]).await.unwrap()).await.unwrap()), ["1,5\" pipe", "2,two \""]);
}
