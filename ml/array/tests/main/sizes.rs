//! Arrays that no machine holds are errors when they are asked for, which name the size.

use gradframe_ml_array::{Arg, Array, Element, Operand, limit_memory};

const LIMIT_BYTES: usize = 1 << 34;

fn list(sizes: &[i64]) -> Arg {
    Arg::Ints(sizes.iter().copied().collect())
}

fn key() -> Array {
    Array::from_vec(&[], vec![1u64]).unwrap()
}

#[test]
fn shapes_whose_elements_cannot_be_counted_are_refused() {
    let (one, narrow) = (Array::from_vec(&[1], vec![1.0f32]).unwrap(), Array::from_vec(&[1, 2], vec![1.0f32; 2]).unwrap());
    let float = Arg::Element(Element::FLOAT);
    let cases: Vec<(&str, Vec<&Array>, Vec<Arg>)> = vec![
        ("zeros", vec![], vec![list(&[1 << 62, 4]), float.clone()]),
        ("zeros", vec![], vec![list(&[0, 1 << 62, 4]), float.clone()]),
        ("ones", vec![], vec![list(&[1 << 61]), float]),
        ("broadcast_to", vec![&one], vec![list(&[1 << 62, 1])]),
        ("tile", vec![&narrow], vec![list(&[1 << 40, 1 << 40])]),
        ("tile", vec![&narrow], vec![list(&[1, 1 << 62])]),
        ("repeat", vec![&narrow], vec![list(&[1 << 62]), Arg::Int(1)]),
        ("reshape", vec![&one], vec![list(&[1 << 40, 1 << 40])]),
    ];
    for (name, operands, args) in cases {
        let operands: Vec<Operand> = operands.into_iter().map(Operand::from).collect();
        let error = Array::call_one(name, &operands, args.into_iter().collect()).unwrap_err();
        assert_eq!(error.kind(), "Shape", "{name}: {error}");
        assert!(error.to_string().starts_with(name), "{error}");
    }
    let error = Array::from_vec(&[1 << 63, 2], Vec::<f32>::new()).unwrap_err();
    assert!(error.to_string().contains("more bytes than memory has addresses"), "{error}");
    assert_eq!(Array::from_vec(&[0, 1 << 40], Vec::<f32>::new()).unwrap().shape(), [0, 1 << 40]);
}

#[test]
fn what_the_machine_cannot_hold_is_refused_when_it_is_made() {
    limit_memory(LIMIT_BYTES);
    let float = Arg::Element(Element::FLOAT);
    let cases: Vec<(&str, Vec<Operand>, Vec<Arg>, &str)> = vec![
        ("ones", vec![], vec![list(&[1 << 40]), float.clone()], "ones: float32[1099511627776] takes 4398046511104 bytes"),
        ("full", vec![1.5.into()], vec![list(&[1 << 40])], "full: float32[1099511627776]"),
        ("eye", vec![], vec![list(&[1 << 20, 1 << 20]), Arg::Int(0), float], "eye: float32[1048576, 1048576]"),
        ("arange", vec![0i64.into(), 1i64.into()], vec![Arg::Int(1 << 40)], "arange: int64[1099511627776]"),
        ("random_bits", vec![(&key()).into()], vec![list(&[1 << 40])], "bits: uint64[1099511627776]"),
        ("random_permutation", vec![(&key()).into()], vec![Arg::Int(1 << 40)], "permutation: int64[1099511627776]"),
    ];
    for (name, operands, args, says) in cases {
        let error = Array::call_one(name, &operands, args.into_iter().collect()).unwrap_err();
        assert_eq!(error.kind(), "Resources", "{name}: {error}");
        assert!(error.to_string().starts_with(says), "{error}");
    }
}

#[test]
fn what_is_large_on_the_way_is_folded_and_refused_only_as_a_value() -> gradframe_ml_core::Result<()> {
    limit_memory(LIMIT_BYTES);
    let line = Array::from_vec(&[1 << 20, 1], vec![0.0f32; 1 << 20])?;
    let table = line.add(&line.reshape(&[1, -1])?)?;
    let error = table.tensor().unwrap_err();
    assert_eq!(error.kind(), "Resources", "{error}");
    assert!(error.to_string().contains("float32[1048576, 1048576] takes 4398046511104 bytes"), "{error}");
    let narrow = Array::from_vec(&[1 << 16, 1], vec![1.0f32; 1 << 16])?;
    assert_eq!(narrow.add(&narrow.reshape(&[1, -1])?)?.shape(), [1 << 16, 1 << 16]);
    Ok(())
}
