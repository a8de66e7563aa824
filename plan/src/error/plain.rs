//! DataFusion's messages in words for a user: without its prefixes, its rules' names, its structures printed for debugging,
//! and its request to report a bug to it.

/// Ends every message about a broken invariant of DataFusion's, however deep it is quoted.
const BUG_REPORT: [&str; 2] =
    ["This issue was likely caused by a bug in DataFusion's code.", "https://github.com/apache/datafusion/issues"];

/// Name the variant that the message came in, which the kind of our error says already.
const PREFIXES: [&str; 12] = [
    "Error during planning: ",
    "Execution error: ",
    "Internal error: ",
    "Arrow error: ",
    "Parquet error: ",
    "Cast error: ",
    "Parser error: ",
    "Csv error: ",
    "Json error: ",
    "Invalid argument error: ",
    "External error: ",
    "Compute error: ",
];

/// Qualifies the columns of a table without a name, such as a file that a frame scans.
pub(super) const NAMELESS: &str = "?table?.";

/// The message without all that, with a small first letter as all of ours have.
pub(super) fn plain(message: &str) -> String {
    let message = without_bug_report(message);
    let message = without_debug_print(&message);
    super::lower_first(without_prefixes(message).trim()).replace(NAMELESS, "")
}

fn without_bug_report(message: &str) -> String {
    let mut kept = message.to_owned();
    while let Some(start) = kept.find(BUG_REPORT[0]) {
        let end = kept[start..].find(BUG_REPORT[1]).map_or(kept.len(), |at| start + at + BUG_REPORT[1].len());
        let before = kept[..start].trim_end().trim_end_matches('.').to_owned();
        kept = before + &kept[end..];
    }
    kept
}

fn without_prefixes(mut message: &str) -> &str {
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| message.strip_prefix(prefix)) {
        message = rest;
    }
    message
}

/// A syntax tree printed with its spans says nothing to who wrote the SQL.
fn without_debug_print(message: &str) -> &str {
    let is_tree = message.contains("Span(Location(") || message.contains("<subquery>");
    match message.find(" {").filter(|_| is_tree) {
        Some(brace) => {
            let before = &message[..brace];
            // `..., got: Identifier(Ident {`: the words before the structure's name.
            before.rsplit_once(": ").filter(|(_, name)| !name.contains(' ')).map_or(before, |(words, _)| words)
        }
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_to_report_a_bug_and_prefixes_go() {
        let said = "Internal error: no store for s3://x.\nThis issue was likely caused by a bug in DataFusion's code. \
                    Please help us to resolve this by filing a bug report in our issue tracker: \
                    https://github.com/apache/datafusion/issues. More";
        assert_eq!(plain(said), "no store for s3://x. More");
        assert_eq!(
            plain("Cast error: Cannot cast string 'x' to value of Int32 type"),
            "cannot cast string 'x' to value of Int32 type"
        );
        assert_eq!(plain("UNION queries differ"), "UNION queries differ");
        assert_eq!(plain("predicate '?table?.area' returns Float64"), "predicate 'area' returns Float64");
    }

    #[test]
    fn syntax_trees_are_not_printed() {
        let tree =
            "Dot access not supported for non-string expr: Identifier(Ident { value: \"b\", span: Span(Location(1,16)..) })";
        assert_eq!(plain(tree), "dot access not supported for non-string expr");
        let pivot = "Unsupported ast node Pivot { table: Span(Location(1,2)) } in create_relation";
        assert_eq!(plain(pivot), "unsupported ast node Pivot");
        assert_eq!(plain("expected {'a': 1}, got 3"), "expected {'a': 1}, got 3");
    }
}
