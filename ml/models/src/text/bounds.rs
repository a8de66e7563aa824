//! Templates within bounds of time, memory and stack, whatever they say.
//!
//! minijinja counts steps, and what a template makes as steps too: with a limit of steps, texts are bounded. Lists are not: one that
//! is added to itself costs a step and doubles. So the instruction that adds is a call of a function of ours, which pays for the items of
//! lists before it makes them; and rendering has a stack that holds as deep a list of lists as the steps can make. A list that holds
//! itself twice, sixty times over, is small until somebody goes through it: what does ([`super::paying`]) pays for all of it before.

use std::sync::Arc;
use std::thread;

use gradframe_ml_core::{Error, Result};
use minijinja::machinery::{CompiledTemplate, Instruction, TemplateConfig, eval, make_string_output};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, ErrorKind, State, Value, context};

use super::paying;

const OP: &str = "chat template";
/// Steps of a template: one that takes more does not end. What it makes costs a step each 64 bytes.
const STEPS_MAX: u64 = 500_000;
/// Bytes of a conversation that allow for a step more, as going through them costs steps; and how many times the steps at most.
const BYTES_A_STEP: u64 = 8;
const LONGER_MAX: u64 = 4;
/// A list in a list costs three steps or more, and this much stack or less when it is let go. Reserved, not used.
const STACK_BYTES_A_STEP: u64 = 1024;
/// No template can call it by this name.
const ADD: &str = "a + b";
/// How many of the items of a list, 24 bytes each, cost a step.
const ITEMS_A_STEP: u64 = 2;

type Rendered = std::result::Result<String, minijinja::Error>;

/// What the template makes of the values, which hold so many bytes of texts, in an environment that has what templates of conversations call.
/// Errors: `Resources` if there is no memory for the stack; the template's own, one that runs out of steps among them.
pub fn render(mut environment: Environment, source: &str, (values, bytes): (Value, usize)) -> Result<Rendered> {
    let steps = (STEPS_MAX + bytes as u64 / BYTES_A_STEP).min(LONGER_MAX * STEPS_MAX);
    environment.set_fuel(Some(steps));
    environment.set_debug(false); // errors would hold values, which need this stack to be let go
    environment.remove_filter("chain"); // lazy lists of lists, without a count; it is not of Jinja
    environment.add_function(ADD, add);
    paying::add_to(&mut environment);
    thread::scope(|scope| {
        let work = || instructions(source).and_then(|template| run(&environment, &template, values));
        let thread = thread::Builder::new().stack_size((steps * STACK_BYTES_A_STEP) as usize).spawn_scoped(scope, work);
        let failed = |e: std::io::Error| Error::resources(OP, format!("no memory to render it: {e}")).because(e);
        thread.map_err(failed)?.join().map_err(|_| Error::internal(OP, "failed when it was rendered"))
    })
}

/// The template with additions as calls, and calls that pay before what goes through values.
fn instructions(source: &str) -> std::result::Result<CompiledTemplate<'_>, minijinja::Error> {
    let syntax_config = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    let config = TemplateConfig { syntax_config, default_auto_escape: Arc::new(|_: &str| AutoEscape::None) };
    let mut template = CompiledTemplate::new(OP, source, &config)?;
    let mut at = 0;
    while let Some(instruction) = template.instructions.get_mut(at) {
        if matches!(instruction, Instruction::Add) {
            *instruction = Instruction::CallFunction(ADD, Some(2));
        }
        at += 1;
    }
    template.instructions = paying::inserted(&template.instructions, OP, source)?;
    Ok(template)
}

fn run<'env>(environment: &'env Environment<'env>, template: &'env CompiledTemplate<'env>, values: Value) -> Rendered {
    let mut text = String::new();
    let mut output = make_string_output(&mut text);
    eval(environment, &template.instructions, values, &template.blocks, &mut output, AutoEscape::None)?;
    Ok(text)
}

/// `a + b`, as minijinja has it, but that lists are paid for, and are lists at once.
fn add(state: &State, a: Value, b: Value) -> std::result::Result<Value, minijinja::Error> {
    let is_list = |value: &Value| matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) && !value.is_tuple();
    if is_list(&a) && is_list(&b) {
        return joined(state, &a, &b);
    }
    if let (Some(first), Some(second)) = (a.as_str(), b.as_str()) {
        state.consume_fuel((first.len() + second.len()) as u64 / 64)?;
        return Ok(Value::from([first, second].concat()));
    }
    match (a.as_i64(), b.as_i64()) {
        (Some(first), Some(second)) if a.is_integer() && b.is_integer() => match first.checked_add(second) {
            Some(sum) => Ok(Value::from(sum)),
            None => by_minijinja(state, a, b),
        },
        _ => by_minijinja(state, a, b),
    }
}

fn joined(state: &State, a: &Value, b: &Value) -> std::result::Result<Value, minijinja::Error> {
    let mut items = Vec::new();
    for item in a.try_iter()?.chain(b.try_iter()?) {
        if (items.len() as u64).is_multiple_of(ITEMS_A_STEP) {
            state.consume_fuel(1)?;
        }
        items.push(item);
    }
    Ok(Value::from(items))
}

/// Numbers of other kinds, tuples, and what cannot be added.
fn by_minijinja(state: &State, a: Value, b: Value) -> std::result::Result<Value, minijinja::Error> {
    let items = |value: &Value| value.is_tuple().then(|| value.len()).flatten().unwrap_or(0) as u64;
    state.consume_fuel((items(&a) + items(&b)) / ITEMS_A_STEP)?;
    state.env().compile_expression("a + b")?.eval(context! { a, b }).map_err(|error| match error.detail() {
        Some(detail) => minijinja::Error::new(ErrorKind::InvalidOperation, detail.to_owned()),
        None => error,
    })
}
