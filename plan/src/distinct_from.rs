//! `IS [NOT] DISTINCT FROM`, which binds as tightly as `IS NULL` does.
//!
//! sqlparser 0.62 takes all that follows for its right side: `a IS DISTINCT FROM b OR c` becomes `a IS DISTINCT FROM (b OR c)`.
//! So it is read as an operator of its own, which gets the right precedence, and put back into the tree afterwards.

use std::mem;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Ident, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

const DISTINCT: &str = "IS DISTINCT FROM";
const SAME: &str = "IS NOT DISTINCT FROM";

/// The tokens, without blanks, with each `IS [NOT] DISTINCT FROM` as one operator in the place of its IS.
pub fn as_operators(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for token in tokens {
        out.push(token);
        for (words, operator) in [(["IS", "NOT", "DISTINCT", "FROM"].as_slice(), SAME), (&["IS", "DISTINCT", "FROM"], DISTINCT)] {
            if ends_in(&out, words) {
                let span = out[out.len() - words.len()].span;
                out.truncate(out.len() - words.len());
                out.push(TokenWithSpan::new(Token::CustomBinaryOperator(operator.to_owned()), span));
            }
        }
    }
    out
}

fn ends_in(tokens: &[TokenWithSpan], words: &[&str]) -> bool {
    let is = |(token, word): (&TokenWithSpan, &&str)| matches!(&token.token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word));
    tokens.len() >= words.len() && tokens[tokens.len() - words.len()..].iter().zip(words).all(is)
}

/// Writes the operators of [`as_operators`] in the form that planners know.
pub fn written_out(statement: &mut impl VisitMut) {
    let _: ControlFlow<()> = statement.visit(&mut WriteOut);
}

struct WriteOut;

impl VisitorMut for WriteOut {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let make: fn(Box<Expr>, Box<Expr>) -> Expr = match expr {
            Expr::BinaryOp { op: BinaryOperator::Custom(name), .. } if name == DISTINCT => Expr::IsDistinctFrom,
            Expr::BinaryOp { op: BinaryOperator::Custom(name), .. } if name == SAME => Expr::IsNotDistinctFrom,
            _ => return ControlFlow::Continue(()),
        };
        let taken = mem::replace(expr, Expr::Identifier(Ident::new("")));
        if let Expr::BinaryOp { left, right, .. } = taken {
            *expr = make(left, right);
        }
        ControlFlow::Continue(())
    }
}
