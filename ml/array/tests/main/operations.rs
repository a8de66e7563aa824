//! Operations by name, beside numbers worked out by hand. Adding a case is adding a line.

use gradframe_ml_array::{Arg, Args, Array, Element, Index, Number, Operand, ops, promote};
use gradframe_ml_core::{DType, Result};

fn line(values: &[f64]) -> Array {
    Array::from_vec(&[values.len()], values.to_vec()).unwrap()
}

fn matrix(rows: usize, values: &[f64]) -> Array {
    Array::from_vec(&[rows, values.len() / rows], values.to_vec()).unwrap()
}

fn ints(values: &[i64]) -> Array {
    Array::from_vec(&[values.len()], values.to_vec()).unwrap()
}

fn list(values: &[i64]) -> Arg {
    Arg::Ints(values.iter().copied().collect())
}

/// The elements of the first result as floats, and its shape.
fn run(name: &str, operands: &[&Array], args: &[Arg]) -> Result<(Vec<f64>, Vec<usize>)> {
    let operands: Vec<Operand> = operands.iter().map(|&a| a.into()).collect();
    let result = Array::call_one(name, &operands, args.iter().cloned().collect())?;
    Ok((result.tensor()?.to_f64(), result.shape().to_vec()))
}

#[test]
fn operations_mean_what_their_names_say() {
    let (x, m) = (line(&[1.0, 4.0, 9.0]), matrix(2, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    let (spd, n) = (matrix(2, &[4.0, 2.0, 2.0, 3.0]), ints(&[7, -7, 5]));
    let (two, pair, right) = (ints(&[2, 2, -3]), line(&[1.0, 2.0]), line(&[8.0, 8.0]));
    type Case<'a> = (&'a str, Vec<&'a Array>, Vec<Arg>, &'a [f64], &'a [usize]);
    let cases: Vec<Case> = vec![
        ("sqrt", vec![&x], vec![], &[1.0, 2.0, 3.0], &[3]),
        ("integer_power", vec![&x], vec![Arg::Int(3)], &[1.0, 64.0, 729.0], &[3]),
        ("integer_power", vec![&x], vec![Arg::Int(-1)], &[1.0, 0.25, 1.0 / 9.0], &[3]),
        ("floor_divide", vec![&n, &two], vec![], &[3.0, -4.0, -2.0], &[3]),
        ("remainder", vec![&n, &two], vec![], &[1.0, 1.0, -1.0], &[3]),
        ("sum", vec![&m], vec![Arg::Int(-1), Arg::Bool(true)], &[6.0, 15.0], &[2, 1]),
        ("prod", vec![&m], vec![], &[720.0], &[]),
        ("max", vec![&m], vec![Arg::Int(0)], &[4.0, 5.0, 6.0], &[3]),
        ("var", vec![&m], vec![Arg::Int(0), Arg::None, Arg::Float(1f64.to_bits())], &[4.5, 4.5, 4.5], &[3]),
        ("argmax", vec![&m], vec![], &[5.0], &[]),
        ("cumulative_sum", vec![&x], vec![Arg::None, Arg::Bool(true)], &[0.0, 1.0, 5.0, 14.0], &[4]),
        ("reshape", vec![&m], vec![list(&[3, -1])], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[3, 2]),
        ("permute_dims", vec![&m], vec![list(&[1, 0])], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], &[3, 2]),
        ("moveaxis", vec![&m], vec![list(&[0]), list(&[1])], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], &[3, 2]),
        ("roll", vec![&x], vec![list(&[1])], &[9.0, 1.0, 4.0], &[3]),
        ("concat", vec![&x, &x], vec![Arg::Int(0)], &[1.0, 4.0, 9.0, 1.0, 4.0, 9.0], &[6]),
        ("tile", vec![&x], vec![list(&[2, 1])], &[1.0, 4.0, 9.0, 1.0, 4.0, 9.0], &[2, 3]),
        ("repeat", vec![&x], vec![list(&[2]), Arg::Int(0)], &[1.0, 1.0, 4.0, 4.0, 9.0, 9.0], &[6]),
        ("diff", vec![&x], vec![], &[3.0, 5.0], &[2]),
        ("sort", vec![&x], vec![Arg::Int(0), Arg::Bool(true)], &[9.0, 4.0, 1.0], &[3]),
        ("matmul", vec![&m, &x], vec![], &[36.0, 78.0], &[2]),
        ("outer", vec![&x, &pair], vec![], &[1.0, 2.0, 4.0, 8.0, 9.0, 18.0], &[3, 2]),
        ("det", vec![&spd], vec![], &[8.0], &[]),
        ("solve", vec![&spd, &right], vec![], &[1.0, 2.0], &[2]),
        ("trace", vec![&spd], vec![], &[7.0], &[]),
        ("zeros", vec![], vec![list(&[2]), Arg::Element(Element::FLOAT)], &[0.0, 0.0], &[2]),
        ("eye", vec![], vec![list(&[2, 2]), Arg::Int(1)], &[0.0, 1.0, 0.0, 0.0], &[2, 2]),
    ];
    for (name, operands, args, values, shape) in cases {
        let (found, own) = run(name, &operands, &args).unwrap_or_else(|error| panic!("{name}: {error}"));
        let close = found.len() == values.len() && found.iter().zip(values).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(close && own == shape, "{name}: {found:?} {own:?}, expected {values:?} {shape:?}");
    }
}

#[test]
fn what_does_not_fit_names_the_operation_and_both_shapes() {
    let (image, weight) =
        (Array::from_vec(&[1, 1, 2, 2], vec![1.0; 4]).unwrap(), Array::from_vec(&[1, 1, 3, 3], vec![1.0; 9]).unwrap());
    let pool = |size: i64, stride: i64, padding: i64| vec![Arg::Int(stride), Arg::Int(padding), Arg::Int(1), Arg::Int(size)];
    let (x, m, flags) = (line(&[1.0, 2.0]), matrix(2, &[1.0; 6]), line(&[1.0, 0.0]).astype(Element::BOOL).unwrap());
    let cases: Vec<(&str, Vec<&Array>, Vec<Arg>, &str)> = vec![
        ("add", vec![&x, &m], vec![], "add: operands [2] and [2, 3] do not broadcast: axis 1 is 2 and 3"),
        ("matmul", vec![&m, &m], vec![], "matmul: [2, 3] and [2, 3] do not fit: the last axis meets the last but one"),
        ("sum", vec![&m], vec![Arg::Int(2)], "sum: axis 2 of an array of 2 axes"),
        ("reshape", vec![&m], vec![list(&[4])], "reshape: [2, 3] has 6 elements, which do not fit [4]"),
        ("concat", vec![&x, &m], vec![], "concat: [2] and [2, 3] differ elsewhere than in axis 0"),
        ("inv", vec![&m], vec![], "inv: expected a square matrix [.., n, n], got [2, 3]"),
        ("squeeze", vec![&m], vec![list(&[0])], "squeeze: axis 0 of [2, 3] has not size 1"),
        ("max_pool", vec![&image], pool(0, 1, 0), "max_pool: `kernel_size` is 0, expected a whole number from 1"),
        ("avg_pool", vec![&image], pool(2, 0, 0), "avg_pool: `stride` is 0, expected a whole number from 1"),
        ("max_pool", vec![&image], pool(2, 1, -1), "max_pool: `padding` is -1, expected a whole number from 0"),
        ("max_pool", vec![&image], pool(2, 1, 2), "max_pool: `padding` is 2, expected at most half of `kernel_size`, which is 2"),
        (
            "max_pool",
            vec![&image],
            pool(3, 1, 0),
            "max_pool: kernel_size 3 is larger than axis 2 of the input [1, 1, 2, 2], of size 2",
        ),
        (
            "avg_pool",
            vec![&image],
            pool(5, 1, 1),
            "avg_pool: kernel_size 5 is larger than axis 2 of the input [1, 1, 2, 2], of size 2 with padding 1 on both sides",
        ),
        ("conv", vec![&image, &weight], vec![], "conv: kernel_size 3 is larger than axis 2 of the input [1, 1, 2, 2], of size 2"),
        ("conv", vec![&image, &weight], vec![Arg::Int(0)], "conv: `stride` is 0, expected a whole number from 1"),
        ("conv", vec![&image, &weight], vec![list(&[1, 1, 1])], "conv: `stride` has 3 numbers for 2 axes"),
        ("nothing", vec![&m], vec![], "nothing: there is no such operation"),
    ];
    for (name, operands, args, says) in cases {
        let error = run(name, &operands, &args).unwrap_err().to_string();
        assert!(error.starts_with(says), "{error}");
    }
    let error = run("add", &[&flags, &flags], &[]).unwrap_err().to_string();
    assert!(error.starts_with("add: expected numbers, got bool"), "{error}");
}

#[test]
fn whole_quotients_round_down_up_to_the_ends_of_a_type() -> Result<()> {
    let (x, y) = (Array::from_vec(&[2], vec![121i8, -128])?, Array::from_vec(&[2], vec![-8i8, 7])?);
    assert_eq!(run("floor_divide", &[&x, &y], &[])?.0, [-16.0, -19.0]);
    Ok(())
}

#[test]
fn every_operation_has_one_row() {
    let mut names: Vec<&str> = ops::names().collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(all > 180, "{all}");
}

#[test]
fn types_and_weak_numbers_have_one_table() {
    let of = |name: &str| Element::named(name).unwrap();
    let common = |a: &str, b: &str| promote::promote("add", of(a), of(b)).map(Element::name);
    assert_eq!(common("uint8", "int8").unwrap(), "int16");
    assert_eq!(common("int64", "float32").unwrap(), "float32");
    assert_eq!(common("float64", "complex64").unwrap(), "complex128");
    assert_eq!(common("float16", "bfloat16").unwrap(), "float32");
    assert!(common("uint64", "int64").unwrap_err().to_string().contains("no type that holds both"));
    assert_eq!(promote::weak(&Number::Float(0.5), of("int8")).name(), "float32");
    assert_eq!(promote::weak(&Number::Int(1), of("float16")).name(), "float16");
    let small = Array::from_vec(&[1], vec![1i8]).unwrap();
    let error = small.add(300i64).unwrap_err().to_string();
    assert!(error.starts_with("add: the integer 300 does not fit int8"), "{error}");
}

#[test]
fn parts_are_those_of_numpy() -> Result<()> {
    let x = Array::from_vec(&[3, 4], (0..12).map(f64::from).collect())?;
    let slice = |start: Option<i64>, stop: Option<i64>, step: Option<i64>| Index::Slice { start, stop, step };
    let picked = |entries: &[Index]| -> Result<(Vec<f64>, Vec<usize>)> {
        let part = x.index(entries)?;
        Ok((part.to_vec::<f64>()?, part.shape().to_vec()))
    };
    assert_eq!(picked(&[Index::At(1), Index::At(-1)])?, (vec![7.0], vec![]));
    assert_eq!(picked(&[slice(None, None, Some(-2)), Index::At(1)])?, (vec![9.0, 1.0], vec![2]));
    assert_eq!(picked(&[Index::Rest, slice(Some(1), Some(3), None)])?.1, vec![3, 2]);
    assert_eq!(picked(&[Index::New, Index::At(0)])?.1, vec![1, 4]);
    let rows = Index::Array(ints(&[2, 0]));
    assert_eq!(picked(&[rows.clone(), Index::Array(ints(&[-1, 1]))])?, (vec![11.0, 1.0], vec![2]));
    assert_eq!(picked(&[slice(None, None, None), rows])?.1, vec![3, 2]);
    let large = Index::Array(Array::call_one("greater", &[(&x).into(), 8.5.into()], Args::new())?);
    assert_eq!(picked(&[large])?, (vec![9.0, 10.0, 11.0], vec![3]));
    let error = x.index(&[Index::Array(ints(&[3]))]).unwrap_err();
    assert_eq!(error.to_string(), "index: 3 is outside of axis 0 of size 3");
    Ok(())
}

#[test]
fn distinct_values_come_with_places_and_counts() -> Result<()> {
    let [values, first, inverse, counts] = line(&[3.0, 1.0, 3.0, 2.0, 1.0]).unique()?;
    assert_eq!(values.to_vec::<f64>()?, [1.0, 2.0, 3.0]);
    assert_eq!(first.to_vec::<i64>()?, [1, 3, 0]);
    assert_eq!(inverse.to_vec::<i64>()?, [2, 0, 2, 1, 0]);
    assert_eq!(counts.to_vec::<i64>()?, [2, 1, 2]);
    Ok(())
}

#[test]
fn complex_numbers_are_arrays_like_others() -> Result<()> {
    let unit = Array::number("test", Number::Complex(0.0, 1.0), Element::named("complex128").unwrap())?;
    let square = unit.multiply(&unit)?;
    assert_eq!(square.tensor()?.values::<f64>()?, [-1.0, 0.0]);
    assert_eq!(run("abs", &[&unit], &[])?, (vec![1.0], vec![]));
    let spectrum = Array::call_one("fftn", &[(&line(&[1.0, 0.0, 0.0, 0.0])).into()], Args::new())?;
    assert_eq!((spectrum.element().name(), spectrum.shape()), ("complex128", &[4][..]));
    assert_eq!(spectrum.tensor()?.dtype(), DType::F64);
    Ok(())
}
