//! Runs of instructions over f32 or f64, as the unit executor takes them: what a run computes for itself alone stays in registers of
//! the processor or in slots of a few vectors, and only what others need goes to a block.

use gradframe_ml_core::DType;
use gradframe_ml_core::graph::{Fn1, Fn2};
use smallvec::{SmallVec, smallvec};

use super::super::unit::{Code, Float};
use super::input::Input;
use super::place::Place;
use super::two::joined;
use crate::schedule::{Chain, Instr, Level, Pair, ValueId};

/// The bytes of a number, and zeros after those of f32.
type Lane = [u8; 8];

/// Neighbouring instructions that are computed together.
pub struct Run {
    /// What they compute in.
    pub float: Float,
    /// In order.
    pub instructions: Vec<Instruction>,
    /// How many functions they compute: an instruction may be two.
    pub functions: usize,
    /// The values in memory that it reads or writes.
    pub outside: Vec<usize>,
    /// Slots that hold one number everywhere: the bytes of a lane come first.
    pub constants: Vec<(usize, Lane)>,
    /// Slots that hold a row's number, and the value that has it.
    pub rows: Vec<(usize, ValueId)>,
    /// How many slots there are.
    pub slots: usize,
}

/// One instruction of a run.
pub struct Instruction {
    pub code: Code,
    pub operands: [Name; 3],
    pub slot: Option<usize>,
    pub to: To,
}

/// Where an operand is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The result of the instruction before.
    Last,
    Slot(usize),
    /// The n-th value outside.
    Outside(usize),
}

/// Where a result goes for others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum To {
    Nowhere,
    /// The n-th value outside.
    Outside(usize),
}

/// A function of values or of the result before.
pub struct Plain {
    pub code: Code,
    pub operands: SmallVec<[Operand; 3]>,
    /// The value that it is; None of a part of one.
    pub value: Option<usize>,
}

/// What a function takes.
#[derive(Clone, Copy)]
pub enum Operand {
    Before,
    Value(ValueId),
}

/// The chain as far as a run has to know it.
#[derive(Clone, Copy)]
pub struct Around<'a, 'b> {
    pub chain: &'a Chain,
    pub inputs: &'a [Input<'b>],
    pub places: &'a [Place],
}

/// How a value may be computed in a run: with those of a type, or with any if there are only bools. None if it may not.
pub fn fusable(around: Around, i: usize) -> Option<Option<Float>> {
    let value = &around.chain.values[i];
    let are = |operands: &[ValueId], dtype: DType| operands.iter().all(|&v| around.chain.value(v).dtype == dtype);
    let of = |operands: &[ValueId]| {
        let float = float_of(around.chain.value(operands[0]).dtype)?;
        are(operands, around.chain.value(operands[0]).dtype).then_some(Some(float))
    };
    let bools = |operands: &[ValueId]| are(operands, DType::Bool).then_some(None);
    if value.level != Level::Element || value.instr.operands().any(|v| is_bool_of_row(around, v)) {
        return None;
    }
    match &value.instr {
        Instr::Map1(Fn1::Not, x) => bools(&[*x]),
        Instr::Map1(Fn1::Erf, x) => of(&[*x]).filter(|&float| float == Some(Float::Single)), // of f64 no loop of vectors
        Instr::Map1(f, x) => code1(*f).and_then(|_| of(&[*x])),
        Instr::Map2(Fn2::Pow, a, b) => of(&[*a, *b]).filter(|_| is_two(around, *b)),
        Instr::Map2(Fn2::And | Fn2::Or | Fn2::Xor, a, b) => bools(&[*a, *b]),
        Instr::Map2(f, a, b) => code2(*f).and_then(|_| of(&[*a, *b])),
        Instr::Pair(pair) => of(&pair.operands),
        Instr::Select(_, a, b) => of(&[*a, *b]),
        Instr::Cast(x) => bools(&[*x]).and_then(|_| float_of(value.dtype)).map(Some),
        _ => None,
    }
}

fn float_of(dtype: DType) -> Option<Float> {
    match dtype {
        DType::F32 => Some(Float::Single),
        DType::F64 => Some(Float::Double),
        _ => None,
    }
}

fn is_two(around: Around, v: ValueId) -> bool {
    constant(around, v).is_some_and(|lane| match around.chain.value(v).dtype {
        DType::F64 => lane == 2f64.to_le_bytes(),
        _ => lane[..4] == 2f32.to_le_bytes(),
    })
}

/// What a value is everywhere, if nobody computes it.
fn constant(around: Around, v: ValueId) -> Option<Lane> {
    if around.places[v.index()] != Place::Lazy {
        return None;
    }
    let bytes = match (&around.chain.value(v).instr, &around.inputs[v.index()]) {
        (Instr::Scalar(bytes), _) => &bytes[..],
        (Instr::Spread(_), _) => return None,
        (_, Input::Buffer(source)) => source.first(),
        _ => return None,
    };
    let mut lane = Lane::default();
    match around.chain.value(v).dtype {
        DType::Bool => lane.fill(if *bytes.first()? == 0 { 0 } else { !0 }), // as a lane of a vector
        dtype => lane[..dtype.size_bytes()].copy_from_slice(bytes.get(..dtype.size_bytes())?),
    }
    Some(lane)
}

/// True for a bool of each row that lies nowhere: slots hold numbers of rows only.
fn is_bool_of_row(around: Around, v: ValueId) -> bool {
    let value = around.chain.value(v);
    value.dtype == DType::Bool && around.places[v.index()] == Place::Lazy && matches!(value.instr, Instr::Spread(_))
}

fn code1(f: Fn1) -> Option<Code> {
    Some(match f {
        Fn1::Neg => Code::Neg,
        Fn1::Abs => Code::Abs,
        Fn1::Sqrt => Code::Sqrt,
        Fn1::Rsqrt => Code::Rsqrt,
        Fn1::Exp => Code::Exp,
        Fn1::Expm1 => Code::Expm1,
        Fn1::Log => Code::Log,
        Fn1::Log1p => Code::Log1p,
        Fn1::Tanh => Code::Tanh,
        Fn1::Erf => Code::Erf,
        Fn1::Not => Code::Not,
        _ => return None,
    })
}

/// The code of a function of two, and whether they change places.
fn code2(f: Fn2) -> Option<(Code, bool)> {
    Some(match f {
        Fn2::Add => (Code::Add, false),
        Fn2::Sub => (Code::Sub, false),
        Fn2::Mul => (Code::Mul, false),
        Fn2::Div => (Code::Div, false),
        Fn2::Max => (Code::Max, false),
        Fn2::Min => (Code::Min, false),
        Fn2::Eq => (Code::Eq, false),
        Fn2::Ne => (Code::Eq, false), // and turned round
        Fn2::Lt => (Code::Lt, false),
        Fn2::Le => (Code::Le, false),
        Fn2::Gt => (Code::Lt, true),
        Fn2::Ge => (Code::Le, true),
        Fn2::And => (Code::And, false),
        Fn2::Or => (Code::Or, false),
        Fn2::Xor => (Code::Xor, false),
        _ => return None,
    })
}

/// The functions that compute a value, one after the other.
fn plain(chain: &Chain, i: usize) -> SmallVec<[Plain; 2]> {
    use Operand::{Before, Value};
    let one = |code: Code, operands: SmallVec<[Operand; 3]>, value| Plain { code, operands, value };
    let last = Some(i);
    match chain.values[i].instr {
        Instr::Map1(f, x) => code1(f).map(|code| one(code, smallvec![Value(x)], last)).into_iter().collect(),
        Instr::Map2(Fn2::Pow, a, _) => smallvec![one(Code::Mul, smallvec![Value(a), Value(a)], last)],
        Instr::Map2(Fn2::Ne, a, b) => {
            smallvec![one(Code::Eq, smallvec![Value(a), Value(b)], None), one(Code::Not, smallvec![Before], last)]
        }
        Instr::Map2(f, a, b) => {
            let ordered = |(code, turned)| {
                one(code, if turned { smallvec![Value(b), Value(a)] } else { smallvec![Value(a), Value(b)] }, last)
            };
            code2(f).map(ordered).into_iter().collect()
        }
        Instr::Pair(Pair { inner, outer, operands: [a, b, c], is_second }) => {
            let of = |f| code2(f).map_or(Code::Add, |(code, _)| code); // pairs are arithmetic
            let outer_operands = if is_second { smallvec![Value(c), Before] } else { smallvec![Before, Value(c)] };
            smallvec![one(of(inner), smallvec![Value(a), Value(b)], None), one(of(outer), outer_operands, last)]
        }
        Instr::Select(c, a, b) => smallvec![one(Code::Select, smallvec![Value(c), Value(a), Value(b)], last)],
        Instr::Cast(x) => smallvec![one(Code::Number, smallvec![Value(x)], last)],
        _ => SmallVec::new(), // not fusable
    }
}

impl Run {
    /// The run of these values, of which `escapes` says whether others need them.
    pub fn of(around: Around, members: &[usize], escapes: impl Fn(usize) -> bool) -> Self {
        let float = members.iter().find_map(|&i| fusable(around, i).flatten()).unwrap_or(Float::Single);
        let functions: Vec<Plain> = members.iter().flat_map(|&i| plain(around.chain, i)).collect();
        let count = functions.len();
        let functions = joined(functions, &escapes);
        let (instructions, outside, constants, rows) = Default::default();
        let mut making = Making {
            around,
            made: vec![usize::MAX; around.chain.values.len()],
            last_use: vec![0; around.chain.values.len()],
            slot: vec![None; around.chain.values.len()],
            free: Vec::new(),
            run: Run { float, instructions, functions: count, outside, constants, rows, slots: 0 },
        };
        making.look_through(&functions);
        for (at, function) in functions.iter().enumerate() {
            making.append(at, function, &escapes);
        }
        making.run
    }
}

/// A run in the making. Values are found by number: where the run makes them, who takes them last, in which slot they wait.
struct Making<'a, 'b> {
    around: Around<'a, 'b>,
    made: Vec<usize>,
    last_use: Vec<usize>,
    slot: Vec<Option<usize>>,
    free: Vec<usize>,
    run: Run,
}

impl Making<'_, '_> {
    fn look_through(&mut self, functions: &[Plain]) {
        for (at, function) in functions.iter().enumerate() {
            for operand in &function.operands {
                if let Operand::Value(v) = operand {
                    self.last_use[v.index()] = at;
                }
            }
            if let Some(value) = function.value {
                self.made[value] = at;
            }
        }
    }

    fn append(&mut self, at: usize, function: &Plain, escapes: &impl Fn(usize) -> bool) {
        let mut operands = [Name::Last; 3];
        for (name, operand) in operands.iter_mut().zip(&function.operands) {
            if let Operand::Value(v) = operand {
                *name = self.name(at, *v);
            }
        }
        for operand in &function.operands {
            if let Operand::Value(v) = operand {
                self.release(at, *v);
            }
        }
        let waits = |v: &usize| self.last_use[*v] > at + 1;
        let slot = function.value.filter(waits).map(|v| {
            let slot = self.free.pop().unwrap_or_else(|| self.new_slot());
            self.slot[v] = Some(slot);
            slot
        });
        let to = function.value.filter(|&v| escapes(v)).map_or(To::Nowhere, |v| To::Outside(self.outside(v)));
        self.run.instructions.push(Instruction { code: function.code, operands, slot, to });
    }

    fn name(&mut self, at: usize, v: ValueId) -> Name {
        let made = self.made[v.index()];
        match self.slot[v.index()] {
            _ if made != usize::MAX && made + 1 == at => Name::Last,
            Some(slot) => Name::Slot(slot),
            None => match constant(self.around, v) {
                Some(number) => Name::Slot(self.constant(number)),
                None => self.outer(v),
            },
        }
    }

    /// A value that the run does not make.
    fn outer(&mut self, v: ValueId) -> Name {
        match self.around.chain.value(v).instr {
            Instr::Spread(row) if self.around.places[v.index()] == Place::Lazy => {
                let known = self.run.rows.iter().find(|(_, known)| *known == row).map(|(slot, _)| *slot);
                Name::Slot(known.unwrap_or_else(|| {
                    let slot = self.new_slot();
                    self.run.rows.push((slot, row));
                    slot
                }))
            }
            _ => Name::Outside(self.outside(v.index())),
        }
    }

    fn constant(&mut self, number: Lane) -> usize {
        let known = self.run.constants.iter().find(|(_, known)| *known == number).map(|(slot, _)| *slot);
        known.unwrap_or_else(|| {
            let slot = self.new_slot();
            self.run.constants.push((slot, number));
            slot
        })
    }

    fn outside(&mut self, value: usize) -> usize {
        let known = self.run.outside.iter().position(|&known| known == value);
        known.unwrap_or_else(|| {
            self.run.outside.push(value);
            self.run.outside.len() - 1
        })
    }

    /// Frees the slot of a value that nobody takes after this.
    fn release(&mut self, at: usize, v: ValueId) {
        if self.last_use[v.index()] == at
            && let Some(slot) = self.slot[v.index()].take()
        {
            self.free.push(slot);
        }
    }

    fn new_slot(&mut self) -> usize {
        self.run.slots += 1;
        self.run.slots - 1
    }
}
