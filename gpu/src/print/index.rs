//! Index maps as C expressions. The position on axis `a` of a kernel's domain is the variable `i<a>`.

use gradframe_ml_core::Shape;
use gradframe_ml_kernels::schedule::{AxisMap, Chain, Instr, Level, Load};

use super::text::Entry;

/// The index along one axis.
pub fn along(entry: &mut Entry, map: &AxisMap) -> String {
    let mut index = match map.start.as_fixed() {
        Some(0) => String::new(),
        _ => entry.dim(&map.start),
    };
    for &(axis, step) in &map.terms {
        let size = if step.abs() == 1 { format!("i{axis}") } else { format!("{} * i{axis}", step.abs()) };
        index = match (index.is_empty(), step < 0) {
            (true, false) => size,
            (true, true) => format!("-{size}"),
            (false, false) => format!("{index} + {size}"),
            (false, true) => format!("{index} - {size}"),
        };
    }
    if index.is_empty() { "0".into() } else { index }
}

/// The row-major position of these indices.
pub fn position(entry: &mut Entry, axes: &[AxisMap], shape: &Shape) -> String {
    let mut position = String::new();
    for (map, dim) in axes.iter().zip(shape.dims()).filter(|(_, dim)| !dim.is_one()) {
        let index = along(entry, map);
        let size = entry.dim(dim);
        position = match (position.is_empty(), index.as_str()) {
            (true, index) => index.into(),
            (false, "0") => format!("{} * {size}", grouped(&position)),
            (false, index) => format!("{} * {size} + {index}", grouped(&position)),
        };
    }
    if position.is_empty() { "0".into() } else { position }
}

fn grouped(expression: &str) -> String {
    if expression.contains(' ') { format!("({expression})") } else { expression.into() }
}

/// Where a padded load finds something; None where it always does.
pub fn inside(entry: &mut Entry, load: &Load) -> Option<String> {
    let mut conditions = Vec::new();
    for (map, dim) in load.axes.iter().zip(load.shape.dims()) {
        let size = entry.dim(dim);
        match along(entry, map).as_str() {
            "0" => {}
            index => conditions.push(format!("{index} >= 0 && {index} < {size}")),
        }
    }
    (load.padded && !conditions.is_empty()).then(|| conditions.join(" && "))
}

/// Declares the positions on the axes `first ..` of `shape` that are used, from the row-major position `at` on it.
pub fn declare(entry: &mut Entry, shape: &Shape, first: usize, at: &str, is_used: impl Fn(usize) -> bool) {
    for (i, dim) in shape.dims().iter().enumerate() {
        if !is_used(first + i) {
            continue;
        }
        if dim.is_one() {
            entry.code.line(format!("const at_t i{} = 0;", first + i));
            continue;
        }
        let after = entry.count(&shape.dims()[i + 1..]);
        let is_outermost = shape.dims()[..i].iter().all(|d| d.is_one());
        let quotient = if after == "1" { at.to_string() } else { format!("{at} / {after}") };
        let index = if is_outermost { quotient } else { format!("{quotient} % {}", entry.dim(dim)) };
        entry.code.line(format!("const at_t i{} = {index};", first + i));
    }
}

/// The axes of the domain that a chain's loads and positions need, beyond loads of the whole domain.
pub fn used_axes(chain: &Chain, is_whole: impl Fn(&Load, Level) -> bool) -> Vec<usize> {
    let axes = |map: &AxisMap| map.terms.iter().map(|term| term.0).collect::<Vec<usize>>();
    let mut used = Vec::new();
    for value in &chain.values {
        match &value.instr {
            Instr::Load(load) if !is_whole(load, value.level) => used.extend(load.axes.iter().flat_map(axes)),
            Instr::Iota(map) => used.extend(axes(map)),
            _ => {}
        }
    }
    used
}
