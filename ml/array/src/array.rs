//! The array: a value, or a recorded operation that has none yet.

use std::fmt;
use std::sync::Arc;

use arrow_buffer::Buffer;
use gradframe_ml_core::tensor::Element as Native;
use gradframe_ml_core::{DType, Error, Result, Tensor};
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::element::{ArrayType, Element};
use crate::held::Held;
use crate::history::keeps_history;
use crate::node::{Args, Node, Op, Operand, Source};
use crate::number::Number;
use crate::ops::Row;
use crate::weak::{are_weak, as_arrays};
use crate::{infer, ops, realise};

/// Recorded operations on the longest way to a value, at most: what goes deeper is computed first.
const DEPTH_MAX: u32 = 1000;

/// An array of numbers of one type. Cheap to clone: the value is shared, and never changes.
#[derive(Clone)]
pub struct Array(pub(crate) Arc<Cell>);

/// What handles of one array share.
pub(crate) struct Cell {
    pub ty: ArrayType,
    pub role: Role,
    pub state: Mutex<State>,
}

/// What an array is beside its value.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Role {
    /// A number of the host language: a constant in compiled functions.
    pub number: bool,
    /// A float of the host language that a compiled function is given, or computed from such alone: it takes the type of what is beside it.
    pub weak: bool,
    /// Its gradient is wanted: what is computed from it keeps its history.
    pub watched: bool,
    /// It is watched, or computed from something that is.
    pub tracked: bool,
    /// The trace that it belongs to, 0 for none: a stand-in without a value.
    pub trace: u64,
}

/// A value, where it comes from, or both; neither for a stand-in.
#[derive(Default)]
pub(crate) struct State {
    pub value: Held,
    /// The operation that it is the result of.
    pub source: Option<Source>,
    /// Another way to the same value, which comes with more.
    pub shortcut: Option<Source>,
}

impl State {
    pub fn of(value: Tensor) -> Self {
        State { value: Held::of(value), ..State::default() }
    }

    /// How the value is computed.
    pub fn way(&self) -> Option<&Source> {
        self.shortcut.as_ref().or(self.source.as_ref())
    }
}

impl Array {
    /// An array that holds a tensor. Complex numbers are pairs in the tensor's last axis.
    /// Errors: `Shape` or `DType` if the tensor is not of the type's form.
    pub fn from_tensor(element: Element, tensor: Tensor) -> Result<Self> {
        let whole = tensor.shape();
        let shape = match (element.is_complex(), whole) {
            (false, shape) => shape,
            (true, [shape @ .., 2]) => shape,
            (true, other) => return Err(Error::shape("array", format!("expected pairs [.., 2] of {element}, got {other:?}"))),
        };
        if tensor.dtype() != element.part() {
            return Err(Error::dtype("array", format!("expected {}, got {}", element.part(), tensor.dtype())));
        }
        let ty = ArrayType::new(element, shape);
        Ok(Self::new(ty, Role::default(), State::of(tensor)))
    }

    /// An array of these values. Errors: `Shape` if their number does not fit the shape.
    pub fn from_vec<T: Native>(shape: &[usize], values: Vec<T>) -> Result<Self> {
        Self::from_tensor(Element::Real(T::DTYPE), Tensor::from_vec(shape, values)?)
    }

    /// An array of shape `[]`. Errors: `DType` if the number does not fit the type.
    pub fn number(op: &str, number: Number, element: Element) -> Result<Self> {
        let role = Role { number: true, ..Role::default() };
        Ok(Self::new(ArrayType::new(element, &[]), role, State::of(number.tensor(op, element)?)))
    }

    /// An array over memory of somebody else; copied only where its elements are not aligned.
    /// Errors: `Shape` if the buffer has another length.
    pub fn from_buffer(element: Element, shape: &[usize], buffer: Buffer) -> Result<Self> {
        let ty = ArrayType::new(element, shape);
        let aligned = buffer.as_ptr().align_offset(element.part().size_bytes()) == 0;
        let buffer = if aligned || buffer.is_empty() { buffer } else { Buffer::from_slice_ref(buffer.as_slice()) };
        let buffer = if buffer.is_empty() { Buffer::from_vec(Vec::<u64>::new()) } else { buffer };
        Self::from_tensor(element, Tensor::try_new(element.part(), &ty.stored_shape(), buffer)?)
    }

    /// A stand-in of a trace, for a number of the host language if it is weak.
    pub(crate) fn stand_in(ty: ArrayType, weak: bool, trace: u64) -> Self {
        Self::new(ty, Role { trace, weak, ..Role::default() }, State::default())
    }

    pub(crate) fn new(ty: ArrayType, role: Role, state: State) -> Self {
        Array(Arc::new(Cell { ty, role, state: Mutex::new(state) }))
    }

    /// The same values, whose gradient [`Array::backward`](crate::backward) finds.
    /// Errors: `DType` if they have none; those of computing it.
    pub fn watched(&self) -> Result<Self> {
        if !self.element().is_differentiable() {
            let what = format!("expected floats, got {}", self.element());
            return Err(Error::dtype("requires_grad", what).hint("integers have no gradient; cast with astype"));
        }
        self.apart(Role { watched: true, tracked: true, ..Role::default() })
    }

    /// The same values without their history.
    pub fn detached(&self) -> Result<Self> {
        if !self.is_tracked() {
            return Ok(self.clone());
        }
        self.apart(Role::default())
    }

    /// The same values in another role. Of a stand-in and what is computed from one that is recorded, as it has none yet.
    fn apart(&self, role: Role) -> Result<Self> {
        if !self.is_traced() {
            return Ok(Self::new(self.ty().clone(), role, State::of(self.tensor()?)));
        }
        let held = Self::call("stop_gradient", &[self.into()], Args::new())?;
        let source = held.first().and_then(Array::source);
        let role = Role { trace: self.0.role.trace, ..role };
        Ok(Self::new(self.ty().clone(), role, State { source, ..State::default() }))
    }

    /// Element type and shape.
    pub fn ty(&self) -> &ArrayType {
        &self.0.ty
    }

    /// Element type.
    pub fn element(&self) -> Element {
        self.0.ty.element
    }

    /// Sizes, outermost axis first.
    pub fn shape(&self) -> &[usize] {
        &self.0.ty.shape
    }

    /// True if its gradient is wanted.
    pub fn is_watched(&self) -> bool {
        self.0.role.watched
    }

    /// True if it is computed from something whose gradient is wanted.
    pub fn is_tracked(&self) -> bool {
        self.0.role.tracked
    }

    /// True for a stand-in, and what is computed from one: it has no value.
    pub fn is_traced(&self) -> bool {
        self.0.role.trace != 0
    }

    /// True if it has been computed.
    pub fn is_realised(&self) -> bool {
        self.0.state.lock().value.is_some()
    }

    /// Tells arrays apart that are equal.
    pub fn identity(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// The value, computed if need be; complex numbers are pairs in one more axis.
    /// Errors: `Plan` for a stand-in of a traced function; those of computing it.
    pub fn tensor(&self) -> Result<Tensor> {
        if let Some(value) = &*self.0.state.lock().value {
            return Ok(value.clone());
        }
        realise::realise_all(std::slice::from_ref(self))?;
        let value = self.0.state.lock().value.as_ref().cloned();
        value.ok_or_else(|| Error::internal("array", "it was computed and has no value"))
    }

    /// The elements in row-major order. Errors: as for [`Array::tensor`]; `DType` if they are not `T`.
    pub fn to_vec<T: Native>(&self) -> Result<Vec<T>> {
        Ok(self.tensor()?.values::<T>()?.to_vec())
    }

    /// Does the operation of this name: see [`crate::ops`]. Numbers among the operands take the type of the arrays.
    /// Errors: `Plan` if there is no such operation; `Shape` or `DType` if it does not take the operands; `OutOfBounds` for a place that
    /// is known and not there; `Resources` for a result that the machine cannot hold.
    pub fn call(name: &str, operands: &[Operand], args: Args) -> Result<SmallVec<[Array; 1]>> {
        let row = ops::named(name).ok_or_else(|| Error::plan(name, "there is no such operation"))?;
        Self::call_row(row, operands, args)
    }

    /// As [`Array::call`], of a row that is known.
    pub(crate) fn call_row(row: &'static Row, operands: &[Operand], args: Args) -> Result<SmallVec<[Array; 1]>> {
        let operands = as_arrays(row.name, operands)?;
        let Some(look) = row.look else { return Self::record(Op::Row { row, args }, operands) };
        // Types and shapes come first: an axis must be there for a place to be outside of it.
        let results = Self::record(Op::Row { row, args: args.clone() }, operands.clone())?;
        look(&operands, &args)?;
        Ok(results)
    }

    /// Records an operation, whose results have no value yet.
    pub(crate) fn record(op: Op, operands: SmallVec<[Array; 3]>) -> Result<SmallVec<[Array; 1]>> {
        let forgets = !keeps_history() && op.name() != "stop_gradient";
        let types = infer::result_types(&op, &operands)?;
        let depth = 1 + operands.iter().map(Array::depth).max().unwrap_or(0);
        let role = Role {
            tracked: keeps_history() && operands.iter().any(Array::is_tracked),
            trace: operands.iter().map(|a| a.0.role.trace).max().unwrap_or(0),
            weak: op.name() != "astype" && are_weak(&operands),
            ..Role::default()
        };
        let node = Arc::new(Node { op, operands, depth, results: Mutex::default() });
        let result = |(output, ty): (usize, &ArrayType)| {
            let source = Some(Source { node: Arc::clone(&node), output: output as u32 });
            let tracked = role.tracked && ty.element.is_differentiable();
            let weak = role.weak && ty.element == Element::Real(DType::F64);
            Self::new(ty.clone(), Role { tracked, weak, ..role }, State { source, ..State::default() })
        };
        let results: SmallVec<[Array; 1]> = types.iter().enumerate().map(result).collect();
        if results.len() > 1 {
            *node.results.lock() = results.iter().map(|a| Arc::downgrade(&a.0)).collect();
        }
        if depth >= DEPTH_MAX && role.trace == 0 {
            realise::realise_all(&results)?;
        }
        // A function that is traced is transformed as a whole, by what it says of gradients alone.
        if forgets && role.trace != 0 { results.iter().map(Array::without_gradient).collect() } else { Ok(results) }
    }

    /// The same value, through which no gradient flows.
    fn without_gradient(&self) -> Result<Self> {
        if !self.element().is_differentiable() {
            return Ok(self.clone());
        }
        let held = Self::call("stop_gradient", &[self.into()], Args::new())?;
        held.into_iter().next().ok_or_else(|| Error::internal("stop_gradient", "it has no result"))
    }

    /// Recorded operations on the longest way to a value; 0 if this has one.
    fn depth(&self) -> u32 {
        let state = self.0.state.lock();
        match (&*state.value, state.way()) {
            (None, Some(way)) => way.node.depth,
            _ => 0,
        }
    }

    /// From now on it is computed as `other`, which has the same value and comes with more; its history stays.
    pub(crate) fn computed_as(&self, other: &Array) {
        let Some(way) = other.source() else { return };
        if let Some(result) = way.node.results.lock().get_mut(way.output as usize) {
            *result = Arc::downgrade(&self.0);
        }
        let mut state = self.0.state.lock();
        if state.value.is_none() {
            state.shortcut = Some(way);
        }
    }

    /// How it is computed, if that is known: as what came with more, if there is such.
    pub(crate) fn way(&self) -> Option<Source> {
        self.0.state.lock().way().cloned()
    }

    /// The operation that gave its elements, behind such as give them another shape; None of what is given.
    pub fn made_by(&self) -> Option<String> {
        const VIEWS: [&str; 5] = ["reshape", "squeeze", "expand_dims", "permute_dims", "astype"];
        let source = self.source()?;
        let name = source.node.op.name();
        if VIEWS.contains(&name) { source.node.operands.first().and_then(Array::made_by) } else { Some(name.to_owned()) }
    }

    /// Where it comes from, if that is known.
    pub(crate) fn source(&self) -> Option<Source> {
        self.0.state.lock().source.clone()
    }
}

/// Its type, and whether it is computed: printing does not compute.
impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match (self.is_traced(), self.is_realised()) {
            (true, _) => "traced ",
            (_, true) => "",
            _ => "recorded ",
        };
        write!(f, "<{how}array {}>", self.ty())
    }
}
