//! What depends on values: how many elements there are is known only when they are looked at.

use gradframe_ml_core::{DType, Error, Result, Tensor};

use crate::array::Array;
use crate::element::Element;

impl Array {
    /// The places of the elements that are not zero, row-major: an i64 array [count] for each axis.
    /// Errors: `Shape` for an array without axes; `Plan` while tracing.
    pub fn nonzero(&self) -> Result<Vec<Array>> {
        let rank = self.shape().len();
        if rank == 0 {
            return Err(Error::shape("nonzero", "an array of shape [] has no axes").hint("reshape it to (1,)"));
        }
        if self.is_traced() {
            let what = "how many elements are not zero is not known while a function is traced (by grad, vmap, jit ...)";
            return Err(Error::plan("nonzero", what).hint("choose with `where`, which keeps the shape"));
        }
        let marks = self.astype(Element::BOOL)?.tensor()?;
        let marks = marks.values::<u8>()?;
        let flat: Vec<usize> = (0..marks.len()).filter(|&i| marks[i] != 0).collect();
        let mut step = marks.len();
        let of_axis = |&size: &usize| {
            step = step.checked_div(size).unwrap_or(0);
            let at = flat.iter().map(|&i| (i / step.max(1) % size.max(1)) as i64).collect();
            Array::from_vec(&[flat.len()], at)
        };
        self.shape().iter().map(of_axis).collect()
    }

    /// The distinct values of all elements, ascending; the first place of each, the place of each element's value among
    /// them (of the array's shape), and how often each is there. NaNs are all distinct.
    /// Errors: `DType` for complex numbers; `Plan` while tracing.
    pub fn unique(&self) -> Result<[Array; 4]> {
        if self.is_traced() {
            let what = "how many distinct values there are is not known while a function is traced (by grad, vmap, jit ...)";
            return Err(Error::plan("unique", what));
        }
        let flat = self.reshape(&[-1])?;
        let order = Self::call_one("argsort", &[(&flat).into()], Default::default())?;
        let (value, order) = (flat.tensor()?, order.tensor()?);
        let order = order.values::<i64>()?;
        let starts = starts_of(&value, order)?;
        let mut inverse = vec![0i64; order.len()];
        let (mut first, mut counts) = (Vec::with_capacity(starts.len()), Vec::with_capacity(starts.len()));
        for (number, &start) in starts.iter().enumerate() {
            let end = starts.get(number + 1).copied().unwrap_or(order.len());
            first.push(order[start]);
            counts.push((end - start) as i64);
            order[start..end].iter().for_each(|&place| inverse[place as usize] = number as i64);
        }
        let n = starts.len();
        let first = Array::from_vec(&[n], first)?;
        let values = Self::call_one("take", &[(&flat).into(), (&first).into()], Default::default())?;
        Ok([values, first, Array::from_vec(self.shape(), inverse)?, Array::from_vec(&[n], counts)?])
    }
}

/// Where in the order another value begins.
fn starts_of(value: &Tensor, order: &[i64]) -> Result<Vec<usize>> {
    macro_rules! starts {
        ($values:expr) => {{
            let values = $values;
            let differs = |i: &usize| *i == 0 || values[order[*i] as usize] != values[order[*i - 1] as usize];
            (0..order.len()).filter(differs).collect()
        }};
    }
    Ok(match value.dtype() {
        DType::Bool | DType::U8 => starts!(value.values::<u8>()?),
        DType::I64 => starts!(value.values::<i64>()?),
        DType::U64 => starts!(value.values::<u64>()?),
        dtype if dtype.is_integer() => {
            let wide = value.cast(DType::I64)?;
            starts!(wide.values::<i64>()?)
        }
        DType::F32 => starts!(value.values::<f32>()?),
        _ => starts!(value.to_f64()),
    })
}
