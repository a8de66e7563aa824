//! Functions of SQL in the graph, one row each.
//!
//! `exp`, `ln`, `tanh` and `power` are not here yet: the core's are vector code within 2 units in the last place of the
//! system's, which compute them where no graph does, and an expression has the same bits wherever it stands.

use gradframe_ml_core::graph::{Fn1, Fn2};

use super::Lowering;

macro_rules! map1 {
    ($name:literal, $function:ident) => {
        Lowering::new($name, 1, |g, x| g.map1(Fn1::$function, x[0]))
    };
}

pub(super) const FUNCTIONS: &[Lowering] = &[
    map1!("abs", Abs).exact(),
    map1!("floor", Floor).exact(),
    map1!("ceil", Ceil).exact(),
    map1!("sqrt", Sqrt).exact().fails(|g, x| {
        let zero = g.scalar_like(x[0], 0.0)?;
        g.map2(Fn2::Lt, x[0], zero)
    }),
    map1!("sin", Sin),
    map1!("cos", Cos),
    map1!("tan", Tan),
    map1!("asin", Asin),
    map1!("acos", Acos),
    map1!("atan", Atan),
    map1!("sinh", Sinh),
    map1!("cosh", Cosh),
    Lowering::new("atan2", 2, |g, x| g.map2(Fn2::Atan2, x[0], x[1])),
];
