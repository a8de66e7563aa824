//! A test whether a value is one of several, however it is written: `k IN (1, 2)`, `k = 1 OR k = 2`, `k <> 1 AND k <> 2`.

use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

/// See the module. The elements are in the order in which they are written.
pub(super) struct Membership {
    value: Expr,
    elements: Vec<Expr>,
    /// Whether it asks that the value is none of them.
    pub negated: bool,
}

impl Membership {
    /// Of a list or of at least two comparisons with literals; None of what is no such test.
    pub fn of(expr: &Expr) -> Option<Membership> {
        match expr {
            Expr::InList(list) => Some(Self::of_list(list)),
            Expr::BinaryExpr(BinaryExpr { op: Operator::Or, .. }) => Self::of_chain(expr, Operator::Or),
            Expr::BinaryExpr(BinaryExpr { op: Operator::And, .. }) => Self::of_chain(expr, Operator::And),
            _ => None,
        }
    }

    fn of_list(list: &InList) -> Membership {
        Membership { value: list.expr.as_ref().clone(), elements: list.list.clone(), negated: list.negated }
    }

    /// Of parts that are joined by OR, or negated ones by AND, all of them of one value.
    fn of_chain(expr: &Expr, joined: Operator) -> Option<Membership> {
        let mut found: Option<Membership> = None;
        let mut open = vec![expr];
        while let Some(part) = open.pop() {
            if let Expr::BinaryExpr(BinaryExpr { left, op, right }) = part
                && *op == joined
            {
                // The right one is looked at first: chains are deep to the left, and most are none of these.
                open.extend([left.as_ref(), right.as_ref()]);
                continue;
            }
            let test = Self::of_part(part).filter(|test| test.negated == (joined == Operator::And))?;
            match &mut found {
                None => found = Some(test),
                Some(first) if first.value == test.value => first.elements.extend(test.elements),
                Some(_) => return None,
            }
        }
        found.map(|mut test| {
            test.elements.reverse();
            test
        })
    }

    fn of_part(expr: &Expr) -> Option<Membership> {
        match expr {
            Expr::InList(list) => Some(Self::of_list(list)).map(|mut test| {
                test.elements.reverse();
                test
            }),
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Eq | Operator::NotEq), right }) => {
                let (value, element) = match (left.as_ref(), right.as_ref()) {
                    (value @ Expr::Column(_), element @ Expr::Literal(..)) => (value, element),
                    (element @ Expr::Literal(..), value @ Expr::Column(_)) => (value, element),
                    _ => return None,
                };
                Some(Membership { value: value.clone(), elements: vec![element.clone()], negated: *op == Operator::NotEq })
            }
            _ => None,
        }
    }

    /// Whether both may be of one value, now or when they have been simplified.
    pub fn shares_columns(&self, other: &Membership) -> bool {
        let (mine, theirs) = (self.value.column_refs(), other.value.column_refs());
        if mine.is_empty() && theirs.is_empty() { self.value == other.value } else { !mine.is_disjoint(&theirs) }
    }

    /// That the value is one of the elements, as a list.
    pub fn asserted(self) -> Expr {
        Expr::InList(InList::new(Box::new(self.value), self.elements, false))
    }
}
