//! LIKE with several patterns, and with an escape of its own: `s LIKE ANY ('a%', 'b%')`, `s LIKE '10!%' ESCAPE '!'`.
//!
//! DataFusion 55 has neither. The former is `s LIKE 'a%' OR s LIKE 'b%'` (ALL has AND), the latter `s LIKE '10\%'`. With NOT, databases differ in whether it is
//! the patterns or the whole that is denied, so that is left as it is: refused.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Value, ValueWithSpan, VisitMut, VisitorMut,
};

/// Writes them out where the patterns are written one by one, and the escape and its pattern as texts.
pub(crate) fn written_out(tree: &mut impl VisitMut) {
    let _: ControlFlow<()> = tree.visit(&mut Likes);
}

struct Likes;

impl VisitorMut for Likes {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(each) = each_pattern(expr) {
            *expr = each;
        }
        if let Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } = expr {
            with_backslash(pattern, escape_char);
        }
        ControlFlow::Continue(())
    }
}

fn each_pattern(like: &Expr) -> Option<Expr> {
    let (Expr::Like { negated: false, any, expr, pattern, escape_char }
    | Expr::ILike { negated: false, any, expr, pattern, escape_char }) = like
    else {
        return None;
    };
    let (patterns, op) = if *any { (listed(pattern)?, BinaryOperator::Or) } else { (all_of(pattern)?, BinaryOperator::And) };
    let is_like = matches!(like, Expr::Like { .. });
    let of = |pattern: Expr| {
        let (negated, any, expr) = (false, false, expr.clone());
        let (mut pattern, mut escape_char) = (Box::new(pattern), escape_char.clone());
        with_backslash(&mut pattern, &mut escape_char);
        match is_like {
            true => Expr::Like { negated, any, expr, pattern, escape_char },
            false => Expr::ILike { negated, any, expr, pattern, escape_char },
        }
    };
    let whole = patterns.into_iter().map(of).reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: op.clone(),
        right: Box::new(right),
    });
    whole.map(|whole| Expr::Nested(Box::new(whole)))
}

/// The patterns of `ANY (..)`.
fn listed(pattern: &Expr) -> Option<Vec<Expr>> {
    match pattern {
        Expr::Tuple(patterns) => Some(patterns.clone()),
        Expr::Array(array) => Some(array.elem.clone()),
        Expr::Nested(inner) => match inner.as_ref() {
            Expr::Subquery(_) => None,
            Expr::Array(array) => Some(array.elem.clone()),
            one => Some(vec![one.clone()]),
        },
        _ => None,
    }
}

/// The patterns of `ALL (..)`, which is parsed as the call of a function.
fn all_of(pattern: &Expr) -> Option<Vec<Expr>> {
    let Expr::Function(Function { name, args: FunctionArguments::List(arguments), .. }) = pattern else { return None };
    let patterns = arguments.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(pattern)) => Some(pattern.clone()),
        _ => None,
    });
    let patterns = patterns.collect::<Option<Vec<Expr>>>().filter(|_| name.to_string().eq_ignore_ascii_case("all"))?;
    match patterns.as_slice() {
        [Expr::Array(array)] => Some(array.elem.clone()),
        _ => Some(patterns),
    }
}

/// Writes a pattern with another escape than the backslash as one with it.
fn with_backslash(pattern: &mut Expr, escape_char: &mut Option<ValueWithSpan>) {
    let Some(Value::SingleQuotedString(escape)) = escape_char.as_ref().map(|escape| &escape.value) else { return };
    let Expr::Value(pattern) = pattern else { return };
    let Value::SingleQuotedString(text) = &mut pattern.value else { return };
    let mut characters = escape.chars();
    let (escape, None) = (characters.next(), characters.next()) else { return };
    if escape == Some('\\') {
        return;
    }
    if let Some(plain) = escaped_by_backslash(text, escape) {
        *text = plain;
        *escape_char = None;
    }
}

/// None for a pattern that ends in its escape, which is an error.
fn escaped_by_backslash(pattern: &str, escape: Option<char>) -> Option<String> {
    let mut plain = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let (is_escaped, character) = match Some(character) == escape {
            true => (true, characters.next()?),
            false => (false, character),
        };
        if character == '\\' || (is_escaped && matches!(character, '%' | '_')) {
            plain.push('\\');
        }
        plain.push(character);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::parser::Parser;
    use gradframe_plan::dialect::{OwnDialect, tokens};

    use super::*;

    #[test]
    fn each_pattern_is_asked_and_the_escape_is_the_backslash() {
        for (sql, expected) in [
            ("s LIKE ANY ('a%', 'b%') AND x", "(s LIKE 'a%' OR s LIKE 'b%') AND x"),
            ("s ILIKE ANY (ARRAY['a%', 'b%'])", "(s ILIKE 'a%' OR s ILIKE 'b%')"),
            ("s LIKE ANY ('a%')", "(s LIKE 'a%')"),
            ("NOT s LIKE ALL ('a%', '%b')", "NOT (s LIKE 'a%' AND s LIKE '%b')"),
            ("s NOT LIKE ANY ('a', 'b')", "s NOT LIKE ANY ('a', 'b')"),
            ("s LIKE ANY (SELECT 'a')", "s LIKE ANY (SELECT 'a')"),
            ("s LIKE '10!%!!%' ESCAPE '!'", r"s LIKE '10\%!%'"),
            (r"s NOT LIKE 'a\b!_' ESCAPE '!'", r"s NOT LIKE 'a\\b\_'"),
            (r"s LIKE 'a\%' ESCAPE ''", r"s LIKE 'a\\%'"),
            ("s LIKE 'a!' ESCAPE '!'", "s LIKE 'a!' ESCAPE '!'"),
            ("s LIKE p ESCAPE '!'", "s LIKE p ESCAPE '!'"),
            ("s LIKE ANY ('1!%', 'b') ESCAPE '!'", r"(s LIKE '1\%' OR s LIKE 'b')"),
        ] {
            let mut parser = Parser::new(&OwnDialect).with_tokens_with_locations(tokens(sql).unwrap());
            let mut expr = parser.parse_expr().unwrap();
            written_out(&mut expr);
            assert_eq!(expr.to_string(), expected, "{sql}");
        }
    }
}
