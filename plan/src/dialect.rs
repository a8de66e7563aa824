//! The dialect of our SQL: sqlparser's generic one, but for `^`, numbers, texts beside each other and `ORDER BY ALL`.
//!
//! `^` is a power, which binds before products and goes from left to right, as in PostgreSQL and DuckDB; a sign binds before it. The generic dialect takes
//! it for XOR (which is `a XOR b`) behind sums. And `1_000`, `0x1F`, `0o17` and `0b101` are numbers: it reads the first and the last two as `1 AS _000` and
//! `0 AS b101`, and bytes where PostgreSQL has 31. `'a' 'b'`, which it takes for `'a' AS b`, is `'ab'` on two lines, and refused on one: so SQL has it.

use std::any::TypeId;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, UnaryOperator, Value, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer, TokenizerError};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct OwnDialect;

/// Between `*`, which is 40, and `::`, which is 50.
const POWER: u8 = 45;

/// Behind `+`, which is 30, and before comparisons, which are 20: `2 + 3 || 'x'` is `(2 + 3) || 'x'`.
const CONCATENATION: u8 = 25;

/// Before the power.
const SIGN: u8 = POWER + 1;

/// Texts beside each other, before everything.
const TEXTS: u8 = u8::MAX;

/// What the generic dialect says of itself.
macro_rules! as_generic {
    ($($name:ident)*) => { $(fn $name(&self) -> bool { GenericDialect.$name() })* };
}

impl Dialect for OwnDialect {
    /// What the parser asks of the generic dialect by its type, it does here too.
    fn dialect(&self) -> TypeId {
        GenericDialect.dialect()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        GenericDialect.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        GenericDialect.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        GenericDialect.is_identifier_part(ch)
    }

    fn supports_order_by_all(&self) -> bool {
        true
    }

    fn supports_numeric_literal_underscores(&self) -> bool {
        true
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        match parser.peek_token_ref().token {
            Token::Caret => Some(Ok(POWER)),
            Token::StringConcat => Some(Ok(CONCATENATION)),
            Token::SingleQuotedString(_) if is_text(parser.get_current_token()) => Some(Ok(TEXTS)),
            _ => None,
        }
    }

    fn parse_infix(&self, parser: &mut Parser, expr: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        (precedence == TEXTS).then(|| one_text(parser, expr))
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        if !parser.consume_token(&Token::Minus) {
            return None;
        }
        let of = |expr| Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(expr) };
        Some(parser.parse_subexpr(SIGN).map(of))
    }

    as_generic! {
        supports_unicode_string_literal supports_partition_by_after_order_by supports_array_join_syntax supports_group_by_expr
        supports_group_by_with_modifier supports_left_associative_joins_without_parens supports_connect_by supports_match_recognize
        supports_pipe_operator supports_start_transaction_modifier supports_window_function_null_treatment_arg
        supports_dictionary_syntax supports_window_clause_named_window_reference supports_parenthesized_set_variables
        supports_select_wildcard_except support_map_literal_syntax allow_extract_custom allow_extract_single_quotes
        supports_extract_comma_syntax supports_create_view_comment_syntax supports_parens_around_table_factor
        supports_values_as_table_factor supports_create_index_with_clause supports_explain_with_utility_options
        supports_limit_comma supports_update_order_by supports_from_first_select supports_projection_trailing_commas
        supports_asc_desc_in_column_definition supports_try_convert supports_bitwise_shift_operators supports_comment_on
        supports_load_extension supports_named_fn_args_with_assignment_operator supports_struct_literal
        supports_empty_projections supports_nested_comments supports_multiline_comment_hints supports_user_host_grantee
        supports_string_escape_constant supports_array_typedef_with_brackets supports_match_against supports_set_names
        supports_comma_separated_set_assignments supports_filter_during_aggregation supports_select_wildcard_exclude
        supports_data_type_signed_suffix supports_interval_options supports_quote_delimited_string
        supports_select_wildcard_replace supports_select_wildcard_ilike supports_select_wildcard_rename supports_optimize_table
        supports_install supports_detach supports_prewhere supports_with_fill supports_limit_by supports_interpolate
        supports_settings supports_select_format supports_comment_optimizer_hint supports_constraint_keyword_without_name
        supports_key_column_option supports_comma_separated_trim supports_cte_without_as
        supports_select_item_multi_column_alias supports_xml_expressions
    }
}

fn is_text(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::SingleQuotedString(_))
}

/// Two texts on lines of their own are one.
fn one_text(parser: &mut Parser, expr: &Expr) -> Result<Expr, ParserError> {
    let first_ends = parser.get_current_token().span.end;
    let second = parser.next_token();
    if let (Expr::Value(first), Token::SingleQuotedString(text)) = (expr, &second.token)
        && let Value::SingleQuotedString(start) = &first.value
        && second.span.start.line > first_ends.line
    {
        return Ok(Expr::Value(Value::SingleQuotedString(format!("{start}{text}")).with_span(first.span)));
    }
    let what = format!("a text stands beside a text: 'a' || 'b' is one text, 'a' AS b names it{}", second.span.start);
    Err(ParserError::ParserError(what))
}

/// The tokens of a text without blanks and comments.
///
/// Errors: what cannot be read, and whole numbers of more than 128 bits that are not decimal.
pub fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, TokenizerError> {
    let mut read: Vec<TokenWithSpan> = vec![];
    for token in Tokenizer::new(&OwnDialect, text).tokenize_with_location()? {
        let joined = read.last().and_then(|last| based(last, &token));
        if let Some((span, digits, base)) = joined {
            read.pop();
            read.push(TokenWithSpan::new(whole(&digits, base, span)?, span));
            continue;
        }
        read.push(match &token.token {
            Token::HexStringLiteral(digits) if is_number(digits, token.span) => {
                TokenWithSpan::new(whole(digits, 16, token.span)?, token.span)
            }
            Token::Number(digits, long) => TokenWithSpan::new(Token::Number(digits.replace('_', ""), *long), token.span),
            _ => token,
        });
    }
    read.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    Ok(read)
}

/// A zero and a word that stand together as a number: its digits and their base.
fn based(zero: &TokenWithSpan, word: &TokenWithSpan) -> Option<(Span, String, u32)> {
    let (Token::Number(zero_digit, false), Token::Word(name)) = (&zero.token, &word.token) else { return None };
    if zero_digit != "0" || zero.span.end != word.span.start || name.quote_style.is_some() {
        return None;
    }
    let base = match name.value.chars().next()? {
        'x' | 'X' => 16,
        'o' | 'O' => 8,
        'b' | 'B' => 2,
        _ => return None,
    };
    let digits = name.value.get(1..)?;
    let is_digit = |c: char| c.is_digit(base) || c == '_';
    let is_whole = digits.starts_with(|c: char| c.is_digit(base)) && digits.chars().all(is_digit);
    is_whole.then(|| (Span::new(zero.span.start, word.span.end), digits.to_owned(), base))
}

/// Whether the digits were written `0x1F`, not `X'1F'`, which is bytes.
fn is_number(digits: &str, span: Span) -> bool {
    let width = span.end.column.saturating_sub(span.start.column);
    usize::try_from(width).is_ok_and(|width| width == digits.len() + "0x".len())
}

fn whole(digits: &str, base: u32, span: Span) -> Result<Token, TokenizerError> {
    match u128::from_str_radix(&digits.replace('_', ""), base) {
        Ok(number) => Ok(Token::Number(number.to_string(), false)),
        Err(error) => {
            let message = format!("`{digits}` is no whole number in base {base}: {error}");
            Err(TokenizerError { message, location: span.start })
        }
    }
}

/// Writes `a ^ b` as the function that it is, of floats.
pub fn powers_written_out(statement: &mut impl VisitMut) {
    let _: ControlFlow<()> = statement.visit(&mut Powers);
}

struct Powers;

impl VisitorMut for Powers {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::BinaryOp { left, op: BinaryOperator::BitwiseXor, right } = expr {
            *expr = function_call("power", vec![as_float(left.as_ref().clone()), as_float(right.as_ref().clone())]);
        }
        ControlFlow::Continue(())
    }
}

fn as_float(expr: Expr) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr),
        data_type: DataType::Double(ExactNumberInfo::None),
        array: false,
        format: None,
    }
}

/// `name(args ..)`.
pub fn function_call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: vec![] }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> String {
        let tokens = tokens(sql).unwrap();
        let mut expr = Parser::new(&OwnDialect).with_tokens_with_locations(tokens).parse_expr().unwrap();
        powers_written_out(&mut expr);
        expr.to_string().replace("CAST", "").replace(" AS DOUBLE", "")
    }

    #[test]
    fn powers_bind_before_products_and_behind_signs() {
        for (sql, expected) in [
            ("a * b ^ 2 + c", "a * power((b), (2)) + c"),
            ("2 ^ 3 ^ 2", "power((power((2), (3))), (2))"),
            ("-2 ^ 2", "power((-2), (2))"),
            ("2 ^ -1 * 3", "power((2), (-1)) * 3"),
            ("2 ^ -1 ^ 2", "power((power((2), (-1))), (2))"),
            ("a XOR b = 1", "a XOR b = 1"),
            ("a::INT ^ 2", "power((a::INT), (2))"),
            ("-a::INT", "-a::INT"),
            ("-(a + b) * c", "-(a + b) * c"),
            ("(2 + 3 || 'x') = 'y'", "(2 + 3 || 'x') = 'y'"),
            ("'a' \n 'b' -- more\n'c' || 'd'", "'abc' || 'd'"),
        ] {
            assert_eq!(read(sql), expected, "{sql}");
        }
    }

    #[test]
    fn numbers_of_other_bases_with_underscores_and_texts_beside_texts() {
        for (sql, expected) in [
            ("0x1F", "31"),
            ("0XfF + 0b101", "255 + 5"),
            ("0o17", "15"),
            ("1_000.5", "1000.5"),
            ("0xFF_FF", "65535"),
            ("X'1F'", "X'1F'"),
            ("0x10000000000000000", "18446744073709551616"),
        ] {
            assert_eq!(read(sql), expected, "{sql}");
        }
        for sql in ["0x", "0x100000000000000000000000000000000"] {
            assert!(tokens(sql).is_err(), "{sql}");
        }
        for sql in ["'a' 'b'", "DATE '2020-01-01'\n'a'"] {
            let parsed = Parser::new(&OwnDialect).with_tokens_with_locations(tokens(sql).unwrap()).parse_expr();
            assert!(parsed.unwrap_err().to_string().contains("a text stands beside a text"), "{sql}");
        }
        assert_eq!(tokens("0 b1").unwrap().len(), 2, "what stands apart is a name");
    }
}
