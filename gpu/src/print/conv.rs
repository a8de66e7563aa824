//! Convolutions and the sums over their products, one thread an element of the result: plain and for every type. Large ones
//! belong to cuDNN.

use gradframe_ml_core::graph::{Conv, ConvOf};
use gradframe_ml_core::{DType, Dim, Error, Result};
use gradframe_ml_kernels::schedule::{Library, Schedule, computed_in};

use super::pointwise::THREADS;
use super::text::{Entry, c_type};
use crate::launch::{Count, CudaKernel};

/// Prints the kernel under this name.
pub fn print(schedule: &Schedule, name: &str, kernel: &Library, conv: &Conv) -> Result<CudaKernel> {
    let [(first, first_shape), (second, second_shape)] = &kernel.operands[..] else {
        return Err(Error::internal("conv", "has not two operands"));
    };
    let counts = conv.counts().ok_or_else(|| Error::internal("conv", "no window fits"))?;
    let mut entry = Entry::new(schedule, name.into(), THREADS);
    let result = entry.shape(kernel.output).clone();
    let shapes = [first_shape, second_shape, &result];
    let [of_first, of_second] = conv.of.operands();
    let roles = [of_first, of_second, conv.of];
    let shape_of = |role: ConvOf| shapes[roles.iter().position(|r| *r == role).unwrap_or(2)];
    let fixed = |dim: &Dim| dim.as_fixed().unwrap_or(0);
    let channels = fixed(&shape_of(ConvOf::Weight).dims()[1]);
    let outputs = shape_of(ConvOf::Output).dims()[1].times(&conv.groups).unwrap_or(1);
    let groups = entry.dim(&conv.groups);
    let images = entry.dim(&shape_of(ConvOf::Input).dims()[0]);
    let dtype = entry.dtype(kernel.output);
    let wide = c_type(computed_in(dtype));
    let (a, b, output) = (entry.read(*first), entry.read(*second), entry.write(kernel.output));
    let count = entry.count(result.dims());
    let sizes = Sizes { conv, counts, groups, channels, outputs };
    let code = &mut entry.code;
    code.line(format!("const at_t count = {count};"));
    code.open("for (at_t i = first_thread(); i < count; i += all_threads())");
    code.line(format!("{wide} total = 0;"));
    sizes.declare(code);
    let opened = sizes.open_loops(code, &images);
    let name_of = |role: ConvOf| if role == of_first { &a } else { &b };
    let [left, right] = [of_first, of_second].map(|role| format!("convert<{wide}>({}[{}])", name_of(role), sizes.position(role)));
    code.line(match computed_in(dtype) {
        DType::F32 | DType::F64 => format!("total = fma({left}, {right}, total);"),
        _ => format!("total = sum(total, product({left}, {right}));"),
    });
    (0..opened).for_each(|_| code.close());
    code.line(format!("{output}[i] = convert<{}>(total);", c_type(dtype)));
    code.close();
    let (source, launch) = entry.finish(Count::of(&result), THREADS, None);
    Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] })
}

/// A convolution's sizes: c channels and o outputs of each group.
struct Sizes<'a> {
    conv: &'a Conv,
    counts: Vec<usize>,
    groups: String,
    channels: usize,
    outputs: usize,
}

impl Sizes<'_> {
    /// Declares the indices of element `i` of the result: an image or a weight, and places.
    fn declare(&self, code: &mut super::text::Code) {
        let (channel_count, letter, sizes): (String, char, Vec<usize>) = match self.conv.of {
            ConvOf::Output => (format!("({} * {})", self.groups, self.outputs), 'm', self.counts.clone()),
            ConvOf::Input => (format!("({} * {})", self.groups, self.channels), 'n', self.conv.sizes.clone()),
            ConvOf::Weight => (self.channels.to_string(), 'k', self.conv.windows.iter().map(|w| w.size).collect()),
        };
        let mut after = 1;
        for (axis, size) in sizes.iter().enumerate().rev() {
            code.line(format!("const i64 {letter}{axis} = i / {after} % {size};"));
            after *= size;
        }
        code.line(format!("const i64 channel = i / {after} % {channel_count}, image = i / {after} / {channel_count};"));
        code.line(match self.conv.of {
            ConvOf::Output => format!("const i64 group = channel / {0}, o = channel % {0};", self.outputs),
            ConvOf::Input => format!("const i64 group = channel / {0}, c = channel % {0};", self.channels),
            ConvOf::Weight => format!("const i64 group = image / {0}, o = image % {0}, c = channel;", self.outputs),
        });
    }

    /// Opens the loops over what is summed; gives their number.
    fn open_loops(&self, code: &mut super::text::Code, images: &str) -> usize {
        code.open(match self.conv.of {
            ConvOf::Output => format!("for (i64 c = 0; c < {}; ++c)", self.channels),
            ConvOf::Input => format!("for (i64 o = 0; o < {}; ++o)", self.outputs),
            ConvOf::Weight => format!("for (i64 b = 0; b < {images}; ++b)"),
        });
        for (axis, window) in self.conv.windows.iter().enumerate() {
            let (size, count) = (self.conv.sizes[axis], self.counts[axis]);
            match self.conv.of {
                ConvOf::Weight => code.open(format!("for (i64 m{axis} = 0; m{axis} < {count}; ++m{axis})")),
                _ => code.open(format!("for (i64 k{axis} = 0; k{axis} < {}; ++k{axis})", window.size)),
            }
            if self.conv.of == ConvOf::Input {
                code.line(format!("const i64 t{axis} = n{axis} + {} - k{axis} * {};", window.padding, window.dilation));
                code.line(format!("const i64 m{axis} = t{axis} / {};", window.stride));
                code.line(format!("if (t{axis} < 0 || t{axis} % {} != 0 || m{axis} >= {count}) continue;", window.stride));
            } else {
                let place = format!("m{axis} * {} + k{axis} * {} - {}", window.stride, window.dilation, window.padding);
                code.line(format!("const i64 n{axis} = {place};"));
                code.line(format!("if (n{axis} < 0 || n{axis} >= {size}) continue;"));
            }
        }
        1 + self.conv.windows.len()
    }

    /// Where the element of an array lies.
    fn position(&self, role: ConvOf) -> String {
        let image = if self.conv.of == ConvOf::Weight { "b" } else { "image" };
        let (start, letter, sizes): (String, char, Vec<usize>) = match role {
            ConvOf::Input => {
                let all = format!("({} * {})", self.groups, self.channels);
                (format!("({image} * {all} + group * {} + c)", self.channels), 'n', self.conv.sizes.clone())
            }
            ConvOf::Weight => {
                let sizes = self.conv.windows.iter().map(|w| w.size).collect();
                (format!("((group * {} + o) * {} + c)", self.outputs, self.channels), 'k', sizes)
            }
            ConvOf::Output => {
                let all = format!("({} * {})", self.groups, self.outputs);
                (format!("({image} * {all} + group * {} + o)", self.outputs), 'm', self.counts.clone())
            }
        };
        sizes.iter().enumerate().fold(start, |at, (axis, size)| format!("({at} * {size} + {letter}{axis})"))
    }
}
