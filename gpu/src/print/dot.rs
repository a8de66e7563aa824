//! Contractions: tiles of 16 x 16 results, plain and for every type and view. Large ones belong to cuBLASLt.

use gradframe_ml_core::{DType, Dim, Result, Shape};
use gradframe_ml_kernels::schedule::{Dot, Load, Schedule, computed_in};

use super::index;
use super::text::{Entry, c_type, product};
use crate::launch::{Count, CudaKernel};

/// Rows and columns of a tile.
const TILE: usize = 16;

/// One operand: its axes in three groups, each walked as one.
struct Side<'a> {
    load: &'a Load,
    shape: &'a Shape,
    batch: Vec<usize>,
    free: Vec<usize>,
    contracted: Vec<usize>,
}

impl Side<'_> {
    fn dims<'s>(&'s self, axes: &'s [usize]) -> impl Iterator<Item = &'s Dim> {
        axes.iter().map(|&a| &self.shape.dims()[a])
    }

    /// Declares the index of each axis from the position in its group; `prefix` keeps the two sides apart.
    fn position(&self, entry: &mut Entry, at: [&str; 3]) -> String {
        let groups = [&self.batch, &self.free, &self.contracted];
        for (axes, at) in groups.into_iter().zip(at) {
            let group = Shape::new(self.dims(axes).cloned());
            for (place, &axis) in axes.iter().enumerate() {
                let after = entry.count(&group.dims()[place + 1..]);
                let size = entry.dim(&group.dims()[place]);
                entry.code.line(format!("const at_t i{axis} = {at} / {after} % {size};"));
            }
        }
        index::position(entry, &self.load.axes, &self.load.shape)
    }
}

/// Prints the kernel under this name.
pub fn print(schedule: &Schedule, name: &str, kernel: &Dot) -> Result<CudaKernel> {
    let mut entry = Entry::new(schedule, name.into(), (TILE * TILE) as u32);
    let dims = &kernel.dims;
    let side = |left: bool, pairs: &[(usize, usize)]| pairs.iter().map(|p| if left { p.0 } else { p.1 }).collect::<Vec<_>>();
    let left = Side {
        load: &kernel.left,
        shape: &kernel.left_shape,
        batch: side(true, &dims.batch),
        free: dims.free_left(kernel.left_shape.rank()),
        contracted: side(true, &dims.contract),
    };
    let right = Side {
        load: &kernel.right,
        shape: &kernel.right_shape,
        batch: side(false, &dims.batch),
        free: dims.free_right(kernel.right_shape.rank()),
        contracted: side(false, &dims.contract),
    };
    let (a, b) = (entry.read(kernel.left.buffer), entry.read(kernel.right.buffer));
    let output = entry.write(kernel.output);
    let dtype = entry.dtype(kernel.output);
    let wide = c_type(computed_in(dtype));
    let sizes = [
        entry.count(left.dims(&left.batch)),
        entry.count(left.dims(&left.free)),
        entry.count(right.dims(&right.free)),
        entry.count(left.dims(&left.contracted)),
    ];
    let [batches, rows, columns, contracted] = sizes;
    let code = &mut entry.code;
    code.line(format!("__shared__ {wide} left[{TILE}][{TILE}], right[{TILE}][{TILE}];"));
    code.line(format!("const at_t rows = {rows}, columns = {columns}, contracted = {contracted};"));
    code.line(format!("const at_t down = pieces(rows, {TILE}), across = pieces(columns, {TILE});"));
    code.line(format!("const int y = threadIdx.x / {TILE}, x = threadIdx.x % {TILE};"));
    code.open(format!("for (at_t tile = blockIdx.x; tile < {}; tile += gridDim.x)", product(&[&batches, "down", "across"])));
    code.line("const at_t batch = tile / across / down;");
    code.line(format!("const at_t row = tile / across % down * {TILE} + y, column = tile % across * {TILE};"));
    code.line(format!("{wide} total = 0;"));
    code.open(format!("for (at_t k = 0; k < contracted; k += {TILE})"));
    load_tile(&mut entry, &left, &a, wide, "left[y][x]", ["batch", "row", "k + x"], "row < rows && k + x < contracted");
    let wanted = "column + y < columns && k + x < contracted";
    load_tile(&mut entry, &right, &b, wide, "right[y][x]", ["batch", "column + y", "k + x"], wanted);
    let code = &mut entry.code;
    code.line("__syncthreads();");
    let step = match computed_in(dtype) {
        DType::F32 | DType::F64 => "total = fma(left[y][j], right[x][j], total);",
        _ => "total = sum(total, product(left[y][j], right[x][j]));",
    };
    code.line(format!("for (int j = 0; j < {TILE}; ++j) {step}"));
    code.line("__syncthreads();");
    code.close();
    code.open("if (row < rows && column + x < columns)");
    code.line(format!("{output}[(batch * rows + row) * columns + column + x] = convert<{}>(total);", c_type(dtype)));
    code.close();
    code.close();
    let results = Shape::new(left.dims(&left.batch).chain(left.dims(&left.free)).cloned());
    let right_free = Shape::new(right.dims(&right.free).cloned());
    let (source, launch) = entry.finish(Count::with_pieces(&results, &right_free, TILE), TILE as u32, None);
    Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] })
}

/// One element of a tile by each thread; zero outside the operand.
fn load_tile(entry: &mut Entry, side: &Side, buffer: &str, wide: &str, into: &str, at: [&str; 3], wanted: &str) {
    entry.code.line(format!("{into} = 0;"));
    entry.code.open(format!("if ({wanted})"));
    let grouped = at.map(|a| if a.contains(' ') { format!("({a})") } else { a.to_string() });
    let position = side.position(entry, [&grouped[0], &grouped[1], &grouped[2]]);
    entry.code.line(format!("{into} = convert<{wide}>({buffer}[{position}]);"));
    entry.code.close();
}
