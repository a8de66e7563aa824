//! Schedules as text: one line a kernel, and one a value of a fused chain.

use std::fmt;

use super::{AxisMap, BufferId, Chain, Instr, Kernel, Level, Load, Pair, Schedule, Trips, ValueId};

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, kernel) in self.kernels.iter().enumerate() {
            let output = kernel.writes();
            write!(f, "{number}: ")?;
            output
                .iter()
                .try_for_each(|&b| write!(f, "{b} {}{} ", self.buffers[b.index()].dtype, self.buffers[b.index()].shape))?;
            writeln!(f, "= {kernel}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kernel::Loop(k) if k.row.rank() == 0 => write!(f, "pointwise over {}{}", k.outer, k.chain),
            Kernel::Loop(k) => write!(f, "rows {} over {}{}", k.row, k.outer, k.chain),
            Kernel::Fold(k) => write!(f, "fold {:?} of {} over {} x {}{}", k.op, k.value, k.folded, k.inner, k.chain),
            Kernel::Dot(k) => write!(f, "dot {} {}, {} {}", k.left.buffer, k.left_shape, k.right.buffer, k.right_shape),
            Kernel::Gather(k) => write!(f, "gather {} {} axis {} by {}", k.table, k.shape, k.axis, k.indices),
            Kernel::Scatter(k) => write!(f, "scatter {:?} {} by {} into {}", k.op, k.values, k.indices, k.size),
            Kernel::ArgReduce(k) => write!(f, "arg {:?} {} {} axis {}", k.op, k.values, k.shape, k.axis),
            Kernel::Scan(k) => write!(f, "scan {:?} {} {} axis {}", k.op, k.values, k.shape, k.axis),
            Kernel::Library(k) => {
                let operands: Vec<String> = k.operands.iter().map(|(buffer, shape)| format!("{buffer} {shape}")).collect();
                write!(f, "{} of {}", k.routine.name(), operands.join(", "))
            }
            Kernel::Attention(k) => {
                let [q, k, v] = k.operands.each_ref().map(|(load, shape)| format!("{load} {shape}"));
                write!(f, "attention of {q}, {k}, {v}")
            }
            Kernel::AttentionCotangents(k) => {
                let [q, key, v] = k.operands.each_ref().map(|(load, shape)| format!("{load} {shape}"));
                write!(f, "cotangents of the attention of {q}, {key}, {v} from {}", k.cotangent.0)
            }
            Kernel::Sort(k) => write!(f, "sort {} {} axis {}", k.values, k.shape, k.axis),
            Kernel::DynSlice(k) => write!(f, "{} of {} {} axis {} from {}", k.size, k.source, k.shape, k.axis, k.start),
            Kernel::DynUpdate(k) => write!(f, "{} {} with {} axis {} from {}", k.target, k.shape, k.part, k.axis, k.start),
            Kernel::Repeat(k) => match &k.trips {
                Trips::Count(count) => write!(f, "loop of {count} steps\n{}", indented(&k.body)),
                Trips::While { condition, .. } => {
                    write!(f, "loop while\n{}of\n{}", indented(condition), indented(&k.body))
                }
            },
            Kernel::Choose(k) => {
                let [yes, no] = k.branches.each_ref().map(indented);
                write!(f, "if {}\n{yes}else\n{no}", k.condition)
            }
            Kernel::Concat(k) => write!(f, "concat of {} along axis {}", k.parts.len(), k.axis),
        }
    }
}

fn indented(schedule: &Schedule) -> String {
    schedule.to_string().lines().map(|line| format!("  | {line}\n")).collect()
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, value) in self.values.iter().enumerate() {
            let level = if value.level == Level::Row { " row" } else { "" };
            write!(f, "\n     {}: {}{level} = {}", ValueId(i as u32), value.dtype, value.instr)?;
        }
        Ok(())
    }
}

impl fmt::Display for Instr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Instr::Load(load) => load.fmt(f),
            Instr::Iota(map) => write!(f, "iota {map}"),
            Instr::Scalar(bytes) => write!(f, "scalar 0x{:x}", u64::from_le_bytes(*bytes)),
            Instr::Map1(function, x) => write!(f, "{} {x}", function.name()),
            Instr::Map2(function, a, b) => write!(f, "{} {a} {b}", function.name()),
            Instr::Pair(Pair { inner, outer, operands: [a, b, c], is_second: false }) => {
                write!(f, "{} ({} {a} {b}) {c}", outer.name(), inner.name())
            }
            Instr::Pair(Pair { inner, outer, operands: [a, b, c], .. }) => {
                write!(f, "{} {c} ({} {a} {b})", outer.name(), inner.name())
            }
            Instr::Select(c, a, b) => write!(f, "select {c} {a} {b}"),
            Instr::Bitcast(x) => write!(f, "bitcast {x}"),
            Instr::Cast(x) => write!(f, "cast {x}"),
            Instr::Threefry(key, counter) => write!(f, "threefry {key} {counter}"),
            Instr::Reduce(op, x) => write!(f, "reduce {op:?} {x}"),
            Instr::Spread(x) => write!(f, "spread {x}"),
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes: Vec<String> = self.axes.iter().map(AxisMap::to_string).collect();
        write!(f, "load {}[{}]{}", self.buffer, axes.join(", "), if self.padded { " padded" } else { "" })
    }
}

impl fmt::Display for AxisMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.terms[..] {
            [(axis, 1)] if self.is_identity(axis) => write!(f, "i{axis}"),
            _ => {
                write!(f, "{}", self.start)?;
                self.terms.iter().try_for_each(|(axis, step)| write!(f, "{step:+}*i{axis}"))
            }
        }
    }
}

impl fmt::Display for BufferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", self.0)
    }
}

impl fmt::Display for ValueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}
