//! `when(condition).then(value).otherwise(value)`.

use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Case;

use super::IntoExpr;

/// Starts `when(condition).then(value).otherwise(value)`.
pub fn when(condition: Expr) -> When {
    When { condition, branches: vec![] }
}

/// A condition that waits for its value.
#[derive(Debug, Clone)]
pub struct When {
    condition: Expr,
    branches: Vec<(Expr, Expr)>,
}

impl When {
    /// The value where the condition holds and none before it did.
    pub fn then(mut self, value: impl IntoExpr) -> Then {
        self.branches.push((self.condition, value.into_expr()));
        Then { branches: self.branches }
    }
}

/// Conditions with their values.
#[derive(Debug, Clone)]
pub struct Then {
    branches: Vec<(Expr, Expr)>,
}

impl Then {
    /// One more condition.
    pub fn when(self, condition: Expr) -> When {
        When { condition, branches: self.branches }
    }

    /// The value where no condition holds.
    pub fn otherwise(self, value: impl IntoExpr) -> Expr {
        self.into_case(Some(value.into_expr()))
    }

    /// Null where no condition holds.
    pub fn end(self) -> Expr {
        self.into_case(None)
    }

    fn into_case(self, otherwise: Option<Expr>) -> Expr {
        let branches = self.branches.into_iter().map(|(when, then)| (Box::new(when), Box::new(then))).collect();
        Expr::Case(Case::new(None, branches, otherwise.map(Box::new)))
    }
}
