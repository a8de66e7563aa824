//! Places and classes that are known are looked at; what those mean that nobody knows is said here, too.

use gradframe_ml_array::{Arg, Array, Index, Operand, trace};
use gradframe_ml_core::Result;

fn floats(shape: &[usize]) -> Array {
    let count: usize = shape.iter().product();
    Array::from_vec(shape, (0..count).map(|i| i as f64 + 1.0).collect()).unwrap()
}

fn ints(values: &[i64]) -> Array {
    Array::from_vec(&[values.len()], values.to_vec()).unwrap()
}

fn call(name: &str, operands: &[&Array], args: &[Arg]) -> Result<Array> {
    let operands: Vec<Operand> = operands.iter().map(|&a| a.into()).collect();
    Array::call_one(name, &operands, args.iter().cloned().collect())
}

/// The operation inside of a traced function whose places are arguments.
fn traced(name: &str, x: &Array, places: &Array, args: &[Arg]) -> Vec<f64> {
    let types = [x.ty().clone(), places.ty().clone()];
    let function = trace("f", &types, |given| Ok(vec![call(name, &[&given[0], &given[1]], args)?])).unwrap();
    function.apply(&[x.clone(), places.clone()]).unwrap()[0].tensor().unwrap().to_f64()
}

#[test]
fn a_place_that_is_not_there_is_an_error_that_names_it_the_range_and_the_argument() {
    let (line, table, scores) = (floats(&[3]), floats(&[4, 2]), floats(&[2, 3]));
    let column = |place: i64| Array::from_vec(&[1, 1], vec![place]).unwrap();
    let narrow = Array::from_vec(&[1], vec![4u8]).unwrap();
    let wide = Array::from_vec(&[1], vec![u64::MAX]).unwrap();
    type Case<'a> = (&'a str, Vec<&'a Array>, Array, Vec<Arg>, &'a str);
    let cases: Vec<Case> = vec![
        ("take", vec![&line], ints(&[0, 3]), vec![], "take: 3 of `indices` is outside of axis 0 of size 3"),
        ("take", vec![&line], ints(&[-4]), vec![], "take: -4 of `indices` is outside of axis 0 of size 3"),
        ("take", vec![&line], wide, vec![], "take: 18446744073709551615 of `indices` is outside of axis 0 of size 3"),
        (
            "take_along_axis",
            vec![&table],
            column(4),
            vec![Arg::Int(0)],
            "take_along_axis: 4 of `indices` is outside of axis 0 of size 4",
        ),
        ("take_along_axis", vec![&table], column(-3), vec![], "take_along_axis: -3 of `indices` is outside of axis 1 of size 2"),
        ("embedding", vec![&table], narrow, vec![], "embedding: 4 of `indices` is outside of the 4 rows of the table, 0 to 3"),
        (
            "embedding",
            vec![&table],
            ints(&[-1]),
            vec![],
            "embedding: -1 of `indices` is outside of the 4 rows of the table, 0 to 3",
        ),
        (
            "cross_entropy",
            vec![&scores],
            ints(&[0, 3]),
            vec![],
            "cross_entropy: 3 of `target` is outside of the 3 classes, 0 to 2",
        ),
        ("nll_loss", vec![&scores], ints(&[-1, 0]), vec![], "nll_loss: -1 of `target` is outside of the 3 classes, 0 to 2"),
        ("one_hot", vec![], ints(&[2]), vec![Arg::Int(2)], "one_hot: 2 of `indices` is outside of the 2 classes, 0 to 1"),
        ("one_hot", vec![], ints(&[0]), vec![Arg::Int(0)], "one_hot: 0 of `indices` is outside of the 0 classes"),
    ];
    for (name, mut operands, places, args, says) in cases {
        operands.push(&places);
        let error = call(name, &operands, &args).unwrap_err();
        assert_eq!(error.kind(), "OutOfBounds", "{name}: {error}");
        assert!(error.to_string().starts_with(says), "{error}");
    }
    let error = floats(&[2, 3]).index(&[Index::At(0), Index::Array(ints(&[0, 7]))]).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), ("OutOfBounds", "index: 7 is outside of axis 1 of size 3"));
}

#[test]
fn places_that_are_there_give_their_elements_and_a_label_may_stand_for_none() -> Result<()> {
    let (line, table, scores) = (floats(&[3]), floats(&[4, 2]), floats(&[2, 3]));
    assert_eq!(call("take", &[&line, &ints(&[-1, 0])], &[])?.to_vec::<f64>()?, [3.0, 1.0]);
    assert_eq!(call("embedding", &[&table, &ints(&[3, 0])], &[])?.to_vec::<f64>()?, [7.0, 8.0, 1.0, 2.0]);
    assert_eq!(call("nll_loss", &[&scores, &ints(&[2, 0])], &[])?.to_vec::<f64>()?, [-3.0, -4.0]);
    assert_eq!(call("nll_loss", &[&scores, &ints(&[2, -100])], &[Arg::Int(-100)])?.to_vec::<f64>()?, [-3.0, 0.0]);
    assert!(call("cross_entropy", &[&scores, &ints(&[2, -100])], &[Arg::Int(-100)]).is_ok());
    assert!(call("cross_entropy", &[&scores, &ints(&[2, -101])], &[Arg::Int(-100)]).is_err());
    let none = Array::from_vec(&[0], Vec::<i64>::new())?;
    assert_eq!(call("embedding", &[&table, &none], &[])?.shape(), [0, 2]);
    Ok(())
}

#[test]
fn while_a_function_is_traced_places_outside_have_the_meaning_that_is_documented() {
    let (line, table, scores) = (floats(&[3]), floats(&[2, 2]), floats(&[2, 3]));
    assert_eq!(traced("take", &line, &ints(&[3, -1, -4]), &[]), [0.0, 3.0, 0.0]);
    assert_eq!(traced("take_along_axis", &line, &ints(&[5, 1]), &[]), [0.0, 2.0]);
    assert_eq!(traced("embedding", &table, &ints(&[2, -1, 1]), &[]), [0.0, 0.0, 0.0, 0.0, 3.0, 4.0]);
    assert_eq!(traced("nll_loss", &scores, &ints(&[3, 0]), &[]), [0.0, -4.0]);
    let all = (1.0f64.exp() + 2.0f64.exp() + 3.0f64.exp()).ln();
    let found = traced("cross_entropy", &scores, &ints(&[-1, 0]), &[]);
    assert!((found[0] - all).abs() < 1e-12 && (found[1] - (all - 1.0)).abs() < 1e-12, "{found:?}");
}

#[test]
fn places_that_only_uint64_has_are_outside_and_never_count_from_the_end() {
    let (line, table, scores) = (floats(&[3]), floats(&[3, 2]), floats(&[1, 3]));
    for place in [3, 1 << 63, u64::MAX, u64::MAX - 2] {
        let places = Array::from_vec(&[1], vec![place]).unwrap();
        assert_eq!(traced("take", &line, &places, &[]), [0.0], "{place}");
        assert_eq!(traced("embedding", &table, &places, &[]), [0.0, 0.0], "{place}");
        assert_eq!(traced("nll_loss", &scores, &places, &[]), [0.0], "{place}");
        let column = Array::from_vec(&[1, 1], vec![place]).unwrap();
        assert_eq!(traced("take_along_axis", &scores, &column, &[]), [0.0], "{place}");
    }
    let inside = Array::from_vec(&[2], vec![2u64, 0]).unwrap();
    assert_eq!(traced("take", &line, &inside, &[]), [3.0, 1.0]);
}

#[test]
fn an_update_outside_is_left_out_while_a_function_is_traced() -> Result<()> {
    let (line, places, values) = (floats(&[3]), ints(&[1, 7]), Array::from_vec(&[2], vec![-1.0, -2.0])?);
    let types = [line.ty().clone(), places.ty().clone(), values.ty().clone()];
    let set = trace("set", &types, |given| {
        let at = call("places", &[&given[0]], &[])?.index(&[Index::Array(given[1].clone())])?;
        Ok(vec![call("put", &[&given[0], &at, &given[2]], &[])?])
    })?;
    assert_eq!(set.apply(&[line, places, values])?[0].to_vec::<f64>()?, [1.0, -1.0, 3.0]);
    Ok(())
}

#[test]
fn a_look_computes_the_places_and_nothing_else() -> Result<()> {
    let (x, places) = (floats(&[3]).add(1.0)?, ints(&[0, 1]).add(1i64)?);
    let picked = call("take", &[&x, &places], &[])?;
    assert!(places.is_realised() && !x.is_realised() && !picked.is_realised());
    assert_eq!(picked.to_vec::<f64>()?, [3.0, 4.0]);
    let places = ints(&[0, 1]).add(1i64)?;
    let inside = call("take", &[&x, &places], &[Arg::Int(0), Arg::Bool(true)])?;
    assert!(!places.is_realised() && !inside.is_realised(), "who says that all are inside is believed");
    Ok(())
}
