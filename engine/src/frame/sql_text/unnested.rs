//! A row for each item of a list, as SQL writes it.

use arrow::datatypes::DataType;
use datafusion::common::NullHandling;
use datafusion::logical_expr::Unnest;

use super::literals::typed;
use super::no_words;
use super::select::Select;
use super::steps::{Writer, aliased, hidden, output_names, texts};
use crate::Result;

impl Writer<'_> {
    pub(super) fn unnest(&mut self, step: &Unnest) -> Result<Select> {
        let is_plain = step.struct_type_columns.is_empty() && step.list_type_columns.iter().all(|(_, list)| list.depth == 1);
        if !is_plain {
            return Err(no_words("structs and lists of lists that are unnested at once"));
        }
        let mut select = self.of_rows(&step.input)?;
        let is_one_number = select.has_hidden && !select.order.contains(", ");
        if !select.order.is_empty() && !is_one_number {
            select = self.below_in_order(select);
        }
        let (texts, order) = (texts(&select), std::mem::take(&mut select.order));
        let names = output_names(step.schema.fields().iter().map(|field| field.name()));
        let (mut items, mut first) = (vec![], None);
        for (name, index) in names.iter().zip(&step.dependency_indices) {
            let text = texts.get(*index).cloned().ok_or_else(|| no_words("a column that is unnested"))?;
            let is_list = step.list_type_columns.iter().any(|(column, _)| column == index);
            let own = step.input.schema().field(*index).data_type();
            let text = if is_list { listed(&text, own, &step.options.null_handling) } else { text };
            if is_list {
                first.get_or_insert_with(|| text.clone());
            }
            items.push(aliased(if is_list { format!("unnest({text})") } else { text }, name));
        }
        (select.columns, select.has_hidden) = (names.clone(), false);
        // What is unnested beside an expression is unnested first.
        let Some(list) = first.filter(|_| !order.is_empty()) else {
            select.items = Some(items);
            return Ok(self.named(select.text(), names));
        };
        // Rows in an order: each has its number in it, and its place in the list.
        let (sorted, place) = (hidden("sorted", &names), hidden("item", &names));
        items.push(format!("{order} AS {sorted}"));
        items.push(format!("unnest(range(CAST(cardinality({list}) AS BIGINT))) AS {place}"));
        select.items = Some(items);
        Ok(self.in_order_of(select.text(), names, &[&sorted, &place]))
    }
}

/// The list to unnest: SQL's own unnest gives no row for a null and for an empty list.
fn listed(list: &str, data_type: &DataType, nulls: &NullHandling) -> String {
    let item = match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => item.data_type().clone(),
        _ => DataType::Null,
    };
    let of_null = typed("make_array(NULL)", &DataType::new_list(item.clone(), true));
    let own = match data_type {
        DataType::List(_) => list.to_owned(),
        _ => typed(list, &DataType::new_list(item, true)),
    };
    match nulls {
        NullHandling::Drop => own,
        NullHandling::Preserve => format!("CASE WHEN {list} IS NULL THEN {of_null} ELSE {own} END"),
        NullHandling::PreserveAndExpandEmpty => {
            format!("CASE WHEN {list} IS NULL OR cardinality({list}) = 0 THEN {of_null} ELSE {own} END")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::quoted;
    use super::*;

    #[test]
    fn lists_that_hold_nothing_are_kept_where_they_should_be() {
        let list = DataType::new_list(DataType::Int64, true);
        assert_eq!(listed(&quoted("Y"), &list, &NullHandling::Drop), "\"Y\"");
        assert!(listed("y", &list, &NullHandling::Preserve).starts_with("CASE WHEN y IS NULL THEN arrow_cast("));
    }
}
