//! Arithmetic of dimensions.

use gradframe_ml_core::{Dim, Shape, Sizes, Symbol};
use proptest::prelude::*;

fn sizes(n: usize, t: usize) -> Sizes {
    let mut sizes = Sizes::new();
    sizes.bind(&Symbol::new("N"), n).unwrap();
    sizes.bind(&Symbol::new("T"), t).unwrap();
    sizes
}

fn dim() -> impl Strategy<Value = Dim> {
    let symbols = prop_oneof![Just(vec![]), Just(vec!["N"]), Just(vec!["T"]), Just(vec!["N", "T"]), Just(vec!["T", "N"])];
    (symbols, 0usize..4, 0i64..5).prop_map(|(symbols, coefficient, offset)| {
        let product = symbols.iter().map(|s| Dim::symbol(s)).try_fold(Dim::fixed(coefficient), |all, d| all.mul(&d));
        product.unwrap().plus(offset)
    })
}

proptest! {
    #[test]
    fn sums_products_and_differences_agree_with_their_sizes(a in dim(), b in dim(), n in 0usize..9, t in 0usize..9) {
        let at = sizes(n, t);
        let (x, y) = (a.eval(&at).unwrap(), b.eval(&at).unwrap());
        if let Some(sum) = a.add(&b) {
            prop_assert_eq!(sum.eval(&at).unwrap(), x + y);
        }
        if let Some(product) = a.mul(&b) {
            prop_assert_eq!(product.eval(&at).unwrap(), x * y);
        }
        if let Some(back) = a.add(&b).and_then(|sum| sum.minus(&b)) {
            prop_assert_eq!(back, a);
        }
    }

    #[test]
    fn operations_do_not_depend_on_order(a in dim(), b in dim()) {
        prop_assert_eq!(a.add(&b), b.add(&a));
        prop_assert_eq!(a.mul(&b), b.mul(&a));
    }

    #[test]
    fn solving_finds_the_symbol_s_size(coefficient in 1usize..5, offset in 0i64..5, n in 0usize..50) {
        let dim = Dim::symbol("N").mul(&Dim::fixed(coefficient)).unwrap().plus(offset);
        let size = dim.eval(&sizes(n, 0)).unwrap();
        prop_assert_eq!(dim.solve(size).map(|(s, n)| (s.name().to_string(), n)), Some(("N".to_string(), n)));
    }

    #[test]
    fn substitution_agrees_with_evaluation(a in dim(), b in 0usize..7, t in 0usize..7) {
        let put = |s: &Symbol| (s.name() == "N").then(|| Dim::symbol("T").mul(&Dim::fixed(b))).flatten();
        if let Ok(d) = a.substitute(&put) {
            prop_assert_eq!(d.eval(&sizes(0, t)).unwrap(), a.eval(&sizes(b * t, t)).unwrap());
        }
    }
}

#[test]
fn symbols_print_sorted_with_coefficient_and_offset() {
    let dim = Dim::symbol("T").mul(&Dim::symbol("N")).unwrap().mul(&Dim::fixed(2)).unwrap().plus(-1);
    assert_eq!(Shape::new([dim, Dim::fixed(4)]).to_string(), "[2*N*T-1, 4]");
}

#[test]
fn a_symbol_has_one_size_in_a_run() {
    let shape = Shape::new([Dim::symbol("N"), Dim::symbol("N")]);
    let error = Sizes::new().bind_shape(&shape, &[2, 3]).unwrap_err();
    assert_eq!(error.to_string(), "shape: dimension `N` is 2 in one input and 3 in another");
}

#[test]
fn sizes_beyond_the_largest_number_have_no_sum_and_no_product() {
    let half = Dim::fixed(1 << 62);
    assert_eq!((half.add(&half), half.mul(&Dim::fixed(2)), half.mul(&Dim::symbol("N").plus(2))), (None, None, None));
    assert_eq!(half.mul(&Dim::fixed(1)), Some(half.clone()));
    assert_eq!(Shape::fixed(&[1 << 40, 1 << 40]).elements(), None);
    assert_eq!(Shape::fixed(&[1 << 31, 1 << 31]).elements(), Some(half));
}
