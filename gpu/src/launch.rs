//! What a printed kernel needs to be launched, as plain data: entries, arguments, and how much work there is.

use gradframe_ml_core::{DType, Dim, Result, Shape, Sizes, Symbol};
use gradframe_ml_kernels::schedule::BufferId;

/// One scheduled kernel in CUDA C: its launches, one after the other.
#[derive(Debug, Clone)]
pub struct CudaKernel {
    /// Its entries, without the prelude.
    pub source: String,
    /// Device memory that its launches share and nobody else needs.
    pub temporaries: Vec<Temporary>,
    /// In order; each waits for the one before.
    pub launches: Vec<Launch>,
}

/// Memory between two launches of one kernel.
#[derive(Debug, Clone)]
pub struct Temporary {
    /// Element type.
    pub dtype: DType,
    /// Number of elements.
    pub count: Count,
}

/// One launch of one entry. Each entry walks over its tasks with the grid, so any number of blocks is right.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The function's name in the source; others may launch it, too.
    pub entry: String,
    /// Threads of a block; the entry relies on it.
    pub threads: u32,
    /// Pieces of work.
    pub tasks: Count,
    /// Pieces of work that a block takes at once.
    pub tasks_per_block: u32,
    /// What it is called with.
    pub arguments: Vec<Argument>,
    /// If it is launched again and again with a width of 1, 2, 4 ... below a length.
    pub doubling: Option<Doubling>,
}

/// Passes that double a width, each from one array into another and back; the last one ends in `output`.
#[derive(Debug, Clone)]
pub struct Doubling {
    /// The width stays below it.
    pub length: Dim,
    /// Where the last pass ends.
    pub output: Place,
    /// The other array: a temporary.
    pub spare: usize,
    /// True for the launch that makes what the first pass reads; it is launched once.
    pub is_first: bool,
}

/// An array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A buffer of the schedule.
    Buffer(BufferId),
    /// A temporary of the kernel.
    Temporary(usize),
}

/// What an entry is called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// The address of an array.
    Array(Place),
    /// The size of a symbol, as a position.
    Size(Symbol),
    /// Where a doubling pass reads.
    From,
    /// Where a doubling pass writes.
    Into,
    /// The width of a doubling pass, as a position.
    Width,
    /// A number that the launch chooses, as a position.
    Number(usize),
}

/// A number that sizes give: the elements of a shape, times the pieces into which others are cut.
#[derive(Debug, Clone)]
pub struct Count {
    /// Its elements are multiplied ...
    pub of: Shape,
    /// ... with the number of pieces in each of these.
    pub pieces: Vec<Pieces>,
    /// The number is no larger than this.
    pub most: usize,
}

/// Into what elements are cut.
#[derive(Debug, Clone)]
pub struct Pieces {
    /// The elements are those of this shape, ...
    pub of: Shape,
    /// ... and so many more.
    pub more: usize,
    /// The elements of a piece.
    pub length: usize,
}

impl Count {
    /// The elements of a shape.
    pub fn of(shape: &Shape) -> Self {
        Count { of: shape.clone(), pieces: Vec::new(), most: usize::MAX }
    }

    /// The elements of a shape, each `pieces` times: once for each `length` elements of another.
    pub fn with_pieces(of: &Shape, pieces: &Shape, length: usize) -> Self {
        Count::of(of).and_pieces(pieces, length)
    }

    /// As [`Count::with_pieces`], of so many more elements.
    pub fn with_more(of: &Shape, pieces: &Shape, more: usize, length: usize) -> Self {
        Count { pieces: vec![Pieces { of: pieces.clone(), more, length }], ..Count::of(of) }
    }

    /// The elements of a shape, and one more.
    pub fn one_more(of: &Shape) -> Self {
        Count::with_more(&Shape::scalar(), of, 1, 1)
    }

    /// The same, times the pieces of so many elements of one more shape.
    pub fn and_pieces(mut self, pieces: &Shape, length: usize) -> Self {
        self.pieces.push(Pieces { of: pieces.clone(), more: 0, length });
        self
    }

    /// The same, but no more than this.
    pub fn at_most(self, most: usize) -> Self {
        Count { most, ..self }
    }

    /// The number. Errors: `Shape` if a symbol is not bound.
    pub fn eval(&self, sizes: &Sizes) -> Result<usize> {
        let of_pieces = |own: &Pieces| Ok(own.of.count(sizes)?.saturating_add(own.more).div_ceil(own.length));
        let counts = self.pieces.iter().map(of_pieces).collect::<Result<Vec<usize>>>()?;
        Ok(counts.into_iter().fold(self.of.count(sizes)?, usize::saturating_mul).min(self.most))
    }
}

impl Doubling {
    /// The widths, in order. Errors: `Shape` if a symbol is not bound.
    pub fn widths(&self, sizes: &Sizes) -> Result<Vec<usize>> {
        let length = self.length.eval(sizes)?;
        Ok(std::iter::successors(Some(1usize), |w| w.checked_mul(2)).take_while(|&w| w < length).collect())
    }

    /// Where the array stands before pass `pass` of `passes`.
    pub fn place(&self, pass: usize, passes: usize) -> Place {
        if (passes - pass).is_multiple_of(2) { self.output } else { Place::Temporary(self.spare) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_of_elements_and_of_pieces() {
        let mut sizes = Sizes::new();
        let symbol = |name: &str, size: usize, sizes: &mut Sizes| {
            sizes.bind(&Symbol::new(name), size).unwrap();
            Dim::symbol(name)
        };
        let (n, m) = (symbol("N", 9, &mut sizes), symbol("M", 7, &mut sizes));
        let rows = Shape::new([n.plus(1), m]); // 70, which is no single size of symbols
        let four = Shape::fixed(&[4]);
        assert_eq!(Count::of(&rows).eval(&sizes).unwrap(), 70);
        assert_eq!(Count::one_more(&rows).eval(&sizes).unwrap(), 71);
        assert_eq!(Count::with_pieces(&four, &rows, 16).eval(&sizes).unwrap(), 4 * 5);
        assert_eq!(Count::with_more(&four, &rows, 11, 16).eval(&sizes).unwrap(), 4 * 6);
        assert_eq!(Count::with_more(&four, &rows, 11, 16).and_pieces(&four, 3).at_most(30).eval(&sizes).unwrap(), 30);
        assert_eq!(Count::with_more(&four, &rows, usize::MAX, 1).eval(&sizes).unwrap(), usize::MAX);
    }
}
