//! Shapes with symbolic dimensions.
//!
//! A dimension is `coefficient x product of symbols + constant`; symbols (N rows, T tokens, G groups) get their
//! sizes at run time, so that one compiled program serves every batch size.

use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::error::{Error, Result};

/// A named size that is known at run time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(Arc<str>);

impl Symbol {
    /// The symbol of this name; equal names are the same symbol.
    pub fn new(name: &str) -> Self {
        Symbol(name.into())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// One dimension: `coef * product(symbols) + offset`. A fixed size has no symbols and `coef` 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Dim {
    coef: i64,
    symbols: SmallVec<[Symbol; 2]>, // sorted, so that equal dimensions compare equal
    offset: i64,
}

impl Dim {
    /// A fixed size.
    pub fn fixed(size: usize) -> Self {
        Dim { coef: 0, symbols: SmallVec::new(), offset: size as i64 }
    }

    /// The size named `name`.
    pub fn symbol(name: &str) -> Self {
        Dim { coef: 1, symbols: SmallVec::from_iter([Symbol::new(name)]), offset: 0 }
    }

    /// The size, if it is fixed.
    pub fn as_fixed(&self) -> Option<usize> {
        self.symbols.is_empty().then_some(self.offset as usize)
    }

    /// True for the fixed size 1, which broadcasts.
    pub fn is_one(&self) -> bool {
        self.as_fixed() == Some(1)
    }

    /// The symbols in it, sorted.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// What the product of the symbols is multiplied by; 0 for a fixed size.
    pub fn coefficient(&self) -> i64 {
        self.coef
    }

    /// What is added to it: all of a fixed size.
    pub fn constant(&self) -> i64 {
        self.offset
    }

    /// `self + n`.
    pub fn plus(&self, n: i64) -> Self {
        Dim { offset: self.offset + n, ..self.clone() }
    }

    /// `self + other`; None where the sum is not of the form, or beyond the largest i64.
    pub fn add(&self, other: &Dim) -> Option<Self> {
        let offset = self.offset.checked_add(other.offset)?;
        if other.symbols.is_empty() {
            return Some(Dim { offset, ..self.clone() });
        }
        if self.symbols.is_empty() {
            return Some(Dim { offset, ..other.clone() });
        }
        let coef = self.coef.checked_add(other.coef).filter(|_| self.symbols == other.symbols)?;
        Some(Self::normal(coef, self.symbols.clone(), offset))
    }

    /// `self * other`; None where the product is not of the form, or beyond the largest i64.
    pub fn mul(&self, other: &Dim) -> Option<Self> {
        if other.symbols.is_empty() {
            let (coef, offset) = (self.coef.checked_mul(other.offset)?, self.offset.checked_mul(other.offset)?);
            return Some(Self::normal(coef, self.symbols.clone(), offset));
        }
        if self.as_fixed().is_some() {
            return other.mul(self);
        }
        if self.offset != 0 || other.offset != 0 {
            return None;
        }
        let mut symbols: SmallVec<[Symbol; 2]> = self.symbols.iter().chain(&other.symbols).cloned().collect();
        symbols.sort();
        Some(Self::normal(self.coef.checked_mul(other.coef)?, symbols, 0))
    }

    /// The number k with `self = k * other`; None where there is none.
    pub fn times(&self, other: &Dim) -> Option<usize> {
        let (all, one) = if self.symbols.is_empty() { (self.offset, other.offset) } else { (self.coef, other.coef) };
        let fits = self.symbols == other.symbols && one > 0 && all >= 0 && all % one == 0;
        let is_product = self.symbols.is_empty() || (self.offset == 0 && other.offset == 0);
        (fits && is_product).then_some((all / one) as usize)
    }

    /// `self / n`; None where that is no whole size for every size of the symbols.
    pub fn divided(&self, n: usize) -> Option<Self> {
        let n = i64::try_from(n).ok().filter(|&n| n > 0)?;
        (self.coef % n == 0 && self.offset % n == 0).then(|| Dim {
            coef: self.coef / n,
            symbols: self.symbols.clone(),
            offset: self.offset / n,
        })
    }

    /// `self - other`; None where the difference is not of the form.
    pub fn minus(&self, other: &Dim) -> Option<Self> {
        self.add(&Dim { coef: -other.coef, symbols: other.symbols.clone(), offset: -other.offset })
    }

    /// The same size with symbols replaced by the dimensions that `of` gives for them (None: the symbol stays).
    /// Errors: `Shape` if the result is not of a dimension's form.
    pub fn substitute(&self, of: &impl Fn(&Symbol) -> Option<Dim>) -> Result<Self> {
        let replaced = |s: &Symbol| of(s).unwrap_or_else(|| Dim::symbol(s.name()));
        let product = self.symbols.iter().map(replaced).try_fold(Dim::fixed(1), |all, d| all.mul(&d));
        let scaled = product.map(|p| Self::normal(p.coef * self.coef, p.symbols, p.offset * self.coef + self.offset));
        if self.symbols.is_empty() {
            return Ok(self.clone());
        }
        scaled.ok_or_else(|| Error::shape("shape", format!("dimension {self} has no closed form after substitution")))
    }

    /// The one symbol's size that makes this dimension `size`; None if there is not exactly one symbol or no such size.
    pub fn solve(&self, size: usize) -> Option<(&Symbol, usize)> {
        let [symbol] = self.symbols.as_slice() else { return None };
        let rest = size as i64 - self.offset;
        (rest >= 0 && rest % self.coef == 0).then_some((symbol, (rest / self.coef) as usize))
    }

    /// The dimension that this one's single symbol must be for it to equal `other`; None if there is none of the form.
    pub fn unify(&self, other: &Dim) -> Option<Dim> {
        let rest = other.plus(-self.offset);
        let divides = self.symbols.len() == 1 && rest.coef % self.coef == 0 && rest.offset % self.coef == 0;
        divides.then(|| Self::normal(rest.coef / self.coef, rest.symbols, rest.offset / self.coef))
    }

    fn normal(coef: i64, symbols: SmallVec<[Symbol; 2]>, offset: i64) -> Self {
        if coef == 0 { Dim { coef: 0, symbols: SmallVec::new(), offset } } else { Dim { coef, symbols, offset } }
    }

    /// The size, with the symbols' sizes given.
    /// Errors: `Shape` if a symbol is not bound or the size is negative.
    pub fn eval(&self, sizes: &Sizes) -> Result<usize> {
        let mut product = self.coef;
        for s in &self.symbols {
            product *= sizes.get(s)? as i64;
        }
        usize::try_from(product + self.offset).map_err(|_| Error::shape("shape", format!("dimension {self} is negative")))
    }
}

impl From<usize> for Dim {
    fn from(size: usize) -> Self {
        Dim::fixed(size)
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.symbols.is_empty() {
            return write!(f, "{}", self.offset);
        }
        if self.coef != 1 {
            write!(f, "{}*", self.coef)?;
        }
        let names: Vec<&str> = self.symbols.iter().map(Symbol::name).collect();
        f.write_str(&names.join("*"))?;
        if self.offset != 0 {
            write!(f, "{:+}", self.offset)?;
        }
        Ok(())
    }
}

/// A shape: one dimension an axis, row-major.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(pub SmallVec<[Dim; 4]>);

impl Shape {
    /// The shape with these dimensions.
    pub fn new(dims: impl IntoIterator<Item = Dim>) -> Self {
        Shape(dims.into_iter().collect())
    }

    /// A shape of fixed sizes.
    pub fn fixed(sizes: &[usize]) -> Self {
        Shape(sizes.iter().map(|&n| Dim::fixed(n)).collect())
    }

    /// The shape of a single number.
    pub fn scalar() -> Self {
        Shape::default()
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The dimensions, outermost first.
    pub fn dims(&self) -> &[Dim] {
        &self.0
    }

    /// The number of elements; None where it is not of a dimension's form.
    pub fn elements(&self) -> Option<Dim> {
        self.0.iter().try_fold(Dim::fixed(1), |all, d| all.mul(d))
    }

    /// The shape with one more axis, of size `dim`, before axis `axis`.
    pub fn insert(&self, axis: usize, dim: Dim) -> Self {
        let mut dims = self.0.clone();
        dims.insert(axis, dim);
        Shape(dims)
    }

    /// The shape without these axes.
    pub fn without(&self, axes: &[usize]) -> Self {
        Shape(self.0.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, d)| d.clone()).collect())
    }

    /// The shape with axis `axis` of size `dim`.
    pub fn with(&self, axis: usize, dim: Dim) -> Self {
        let mut dims = self.0.clone();
        dims[axis] = dim;
        Shape(dims)
    }

    /// The sizes, if all are fixed.
    pub fn as_fixed(&self) -> Option<Vec<usize>> {
        self.0.iter().map(Dim::as_fixed).collect()
    }

    /// See [`Dim::substitute`].
    pub fn substitute(&self, of: &impl Fn(&Symbol) -> Option<Dim>) -> Result<Self> {
        self.0.iter().map(|d| d.substitute(of)).collect::<Result<SmallVec<_>>>().map(Shape)
    }

    /// The number of elements, with the symbols' sizes given. Errors: `Shape` if a symbol is not bound; `Resources` if
    /// there are more than can be counted.
    pub fn count(&self, sizes: &Sizes) -> Result<usize> {
        let too_many = || Error::resources("shape", format!("{self} has more elements than memory has addresses"));
        self.0.iter().try_fold(1usize, |all, d| all.checked_mul(d.eval(sizes)?).ok_or_else(too_many))
    }

    /// The sizes, with the symbols' sizes given.
    pub fn eval(&self, sizes: &Sizes) -> Result<Vec<usize>> {
        self.0.iter().map(|d| d.eval(sizes)).collect()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.0.iter().map(Dim::to_string).collect();
        write!(f, "[{}]", dims.join(", "))
    }
}

/// The sizes of symbols in one run.
#[derive(Debug, Clone, Default)]
pub struct Sizes(FxHashMap<Symbol, usize>);

impl Sizes {
    /// No symbol bound.
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds a symbol. Errors: `Shape` if it is bound to another size already.
    pub fn bind(&mut self, symbol: &Symbol, size: usize) -> Result<()> {
        match self.0.insert(symbol.clone(), size) {
            Some(old) if old != size => {
                Err(Error::shape("shape", format!("dimension `{}` is {old} in one input and {size} in another", symbol.name())))
            }
            _ => Ok(()),
        }
    }

    /// Binds the symbols of `shape` so that it has these sizes.
    /// Errors: `Shape` if the ranks differ or a size does not fit what is declared or bound.
    pub fn bind_shape(&mut self, shape: &Shape, sizes: &[usize]) -> Result<()> {
        let mismatch = || Error::shape("shape", format!("expected {shape}, got {sizes:?}"));
        if shape.rank() != sizes.len() {
            return Err(mismatch());
        }
        for (dim, &size) in shape.dims().iter().zip(sizes) {
            match dim.solve(size) {
                Some((symbol, value)) => self.bind(symbol, value)?,
                None if dim.symbols().len() < 2 && dim.as_fixed() != Some(size) => return Err(mismatch()),
                None => {} // a product of symbols, checked once all arguments are bound
            }
        }
        Ok(())
    }

    /// The size of a symbol. Errors: `Shape` if it is not bound.
    pub fn get(&self, symbol: &Symbol) -> Result<usize> {
        self.0
            .get(symbol)
            .copied()
            .ok_or_else(|| Error::shape("shape", format!("no input gives the size of dimension `{}`", symbol.name())))
    }
}
