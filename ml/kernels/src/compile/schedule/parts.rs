//! Kernels for parts of arrays at a place known at run time.

use gradframe_ml_core::graph::{Kind, Node};
use gradframe_ml_core::{Error, NodeId, Result};

use super::Scheduler;
use crate::schedule::{DynSlice, DynUpdate, Kernel};

impl Scheduler<'_> {
    pub(super) fn part(&mut self, id: NodeId, node: &Node) -> Result<Kernel> {
        let (whole, shape) = self.buffer(node.inputs[0])?;
        match &node.kind {
            Kind::DynSlice { axis, size } => {
                let (start, _) = self.buffer(node.inputs[1])?;
                let output = self.define_temporary(id);
                let kernel = DynSlice { source: whole, shape, axis: *axis, start, size: size.clone(), output };
                Ok(Kernel::DynSlice(Box::new(kernel)))
            }
            Kind::DynUpdate { axis } => {
                let ((part, own), (start, _)) = (self.buffer(node.inputs[1])?, self.buffer(node.inputs[2])?);
                let (size, output) = (own.dims()[*axis].clone(), self.define_temporary(id));
                Ok(Kernel::DynUpdate(Box::new(DynUpdate { target: whole, shape, axis: *axis, part, size, start, output })))
            }
            kind => Err(Error::internal("compile", format!("`{}` is no part", kind.name()))),
        }
    }
}
