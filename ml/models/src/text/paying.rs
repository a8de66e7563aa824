//! Calls in a template that pay for values before somebody goes through them.
//!
//! A value is counted with all that it holds, as often as it holds it, deeper things more (written with an indent, they are longer): what
//! is paid for can be written, compared, sorted or hashed within bounds. Only what goes through values pays; what
//! looks at their outside (a name, an item, a length) does not, so that a loop over a long conversation costs what it has turns.

use minijinja::machinery::{Instruction, Instructions};
use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};

/// No template can call it by this name.
const PAY: &str = "pay for";
/// Parts of a step.
const STEP: u64 = 256;
/// Parts that a value costs, for each list that it is in and once more. A byte of a text costs one.
const VALUE: u64 = 16;
/// Filters that look at the outside of what they are given.
const SHALLOW_FILTERS: &[&str] = &["count", "d", "default", "first", "items", "last", "length", "list", "reverse"];
/// Tests that do.
const SHALLOW_TESTS: &[&str] = &[
    "boolean",
    "defined",
    "false",
    "float",
    "integer",
    "iterable",
    "mapping",
    "none",
    "number",
    "sequence",
    "string",
    "true",
    "undefined",
];
/// Functions that do.
const SHALLOW_FUNCTIONS: &[&str] = &["dict", "namespace", "range"];

/// What the calls of [`inserted`] call.
pub fn add_to(environment: &mut Environment) {
    environment.add_function(PAY, |state: &State, values: Rest<ValueOrKwargs>| -> Result<Value, Error> {
        let mut values = values.into_values();
        values.iter().try_for_each(|value| pay(state, value))?;
        match values.len() {
            1 => Ok(values.swap_remove(0)),
            _ => Ok(values.into_iter().rev().collect()),
        }
    });
}

/// Pays for a value with all that it holds. Errors: out of fuel.
fn pay(state: &State, value: &Value) -> Result<(), Error> {
    let mut debt = 0;
    let mut open = vec![(value.clone(), 1)];
    while let Some((value, depth)) = open.pop() {
        let text = value.as_str().map_or(0, str::len) as u64;
        debt += VALUE * depth + text;
        settle(state, &mut debt)?;
        let is_map = value.kind() == ValueKind::Map;
        if !is_map && !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
            continue;
        }
        for item in value.try_iter()? {
            debt += VALUE;
            settle(state, &mut debt)?;
            if is_map {
                open.push((value.get_item(&item)?, depth + 1));
            }
            open.push((item, depth + 1));
        }
    }
    state.consume_fuel(debt.div_ceil(STEP))
}

/// Pays whole steps of a debt.
fn settle(state: &State, debt: &mut u64) -> Result<(), Error> {
    if *debt >= STEP {
        state.consume_fuel(*debt / STEP)?;
        *debt %= STEP;
    }
    Ok(())
}

/// The instructions, with calls of [`PAY`] before those that go through values. Errors: a call with a list as its arguments, of which
/// nobody knows how many they are.
pub fn inserted<'s>(old: &Instructions<'s>, name: &'s str, source: &'s str) -> Result<Instructions<'s>, Error> {
    let all: Vec<&Instruction> = (0..).map_while(|at| old.get(at)).collect();
    let mut places = Vec::with_capacity(all.len() + 1);
    let mut place = 0;
    for instruction in &all {
        places.push(place);
        place += calls(instruction)?.len() as u32 + 1;
    }
    places.push(place);
    let mut new = Instructions::new(name, source);
    for (at, instruction) in all.into_iter().enumerate() {
        let calls = calls(instruction)?;
        let moved = |target: u32| places.get(target as usize).copied().unwrap_or(place);
        let add = |new: &mut Instructions<'s>, one| match old.get_line(at as u32) {
            Some(line) => new.add_with_line(one, u16::try_from(line).unwrap_or(u16::MAX)),
            None => new.add(one),
        };
        for call in calls {
            add(&mut new, call);
        }
        add(&mut new, jumping(instruction.clone(), moved));
    }
    Ok(new)
}

/// The instruction with other places to jump to.
fn jumping<'s>(instruction: Instruction<'s>, moved: impl Fn(u32) -> u32) -> Instruction<'s> {
    match instruction {
        Instruction::Iterate(to) => Instruction::Iterate(moved(to)),
        Instruction::Jump(to) => Instruction::Jump(moved(to)),
        Instruction::JumpIfFalse(to) => Instruction::JumpIfFalse(moved(to)),
        Instruction::JumpIfFalseOrPop(to) => Instruction::JumpIfFalseOrPop(moved(to)),
        Instruction::JumpIfTrueOrPop(to) => Instruction::JumpIfTrueOrPop(moved(to)),
        Instruction::BuildMacro(name, at, flags) => Instruction::BuildMacro(name, moved(at), flags),
        other => other,
    }
}

/// What pays for the values at the top of the stack that an instruction goes through, and leaves them there.
fn calls<'s>(instruction: &Instruction) -> Result<Vec<Instruction<'s>>, Error> {
    Ok(match gone_through(instruction)? {
        0 => Vec::new(),
        1 => vec![Instruction::CallFunction(PAY, Some(1))],
        count => vec![Instruction::CallFunction(PAY, Some(count)), Instruction::UnpackList(usize::from(count))],
    })
}

/// How many of the last values an instruction goes through.
fn gone_through(instruction: &Instruction) -> Result<u16, Error> {
    use Instruction::*;
    Ok(match instruction {
        Emit | GetItem => 1,
        Eq | Ne | Gt | Gte | Lt | Lte | In | CompareAndPreserve(_) | StringConcat => 2,
        BuildMap(pairs) => u16::try_from(2 * pairs).map_err(|_| too_many("entries"))?,
        ApplyFilter(name, _, _) if SHALLOW_FILTERS.contains(name) => 0,
        PerformTest(name, _, _) if SHALLOW_TESTS.contains(name) => 0,
        CallFunction(name, _) if SHALLOW_FUNCTIONS.contains(name) => 0,
        ApplyFilter(_, count, _)
        | PerformTest(_, count, _)
        | CallFunction(_, count)
        | CallMethod(_, count)
        | CallObject(count) => count.ok_or_else(|| too_many("arguments out of a list"))?,
        _ => 0,
    })
}

fn too_many(of: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("a template of conversations takes no {of}"))
}
