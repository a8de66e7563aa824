//! Events as messages.

use super::event::{Bin, Event, Param, Status, Value};
use super::tensor::{FLOAT, STRING};
use super::wire::Message;

/// The tags that the plugin of hyper-parameters looks for.
pub(super) const START_TAG: &str = "_hparams_/session_start_info";
pub(super) const END_TAG: &str = "_hparams_/session_end_info";
/// What a plugin is told: this is a tensor.
const CLASS_TENSOR: i64 = 2;
/// Red, green and blue.
const COLOURS: i64 = 3;

/// The message that every file begins with.
pub(super) fn version(wall_time: f64) -> Vec<u8> {
    Message::new().double(1, wall_time).bytes(3, "brain.Event:2").0
}

/// An event's message. Nothing is written of sounds, restarts and what is unknown: no run of ours has them.
pub(super) fn event(event: &Event) -> Vec<u8> {
    let Event { wall_time, step, tag, value } = event;
    let values: Vec<Message> = match value {
        Value::Scalar(value) => vec![tagged(tag).single(2, *value as f32)],
        Value::Histogram(bins) => vec![tagged(tag).message(5, histogram(bins))],
        Value::Images(files) => files.iter().map(|file| tagged(tag).message(4, image(file))).collect(),
        Value::Text(text) => vec![tagged(tag).message(9, plugin("text", Message::new())).message(8, text_tensor(text))],
        Value::Start(params) => vec![session(START_TAG, Message::new().message(3, start(params, *wall_time)))],
        Value::End(status) => vec![session(END_TAG, Message::new().message(4, end(*status, *wall_time)))],
        Value::Sounds(_) | Value::Restart | Value::Other(_) => vec![],
    };
    let summary = values.into_iter().fold(Message::new(), |summary, value| summary.message(1, value));
    Message::new().double(1, *wall_time).integer(2, *step).message(5, summary).0
}

fn tagged(tag: &str) -> Message {
    Message::new().bytes(1, tag)
}

fn plugin(name: &str, content: Message) -> Message {
    Message::new().message(1, Message::new().bytes(1, name).message(2, content)).integer(4, CLASS_TENSOR)
}

/// Sums are those of values in the middle of their bins: the values themselves are not there any more.
fn histogram(bins: &[Bin]) -> Message {
    let (lower, upper) = (bins.first().map_or(0.0, |bin| bin.lower), bins.last().map_or(0.0, |bin| bin.upper));
    let sum = |of: fn(f64) -> f64| -> f64 { bins.iter().map(|bin| bin.count * of((bin.lower + bin.upper) / 2.0)).sum() };
    let sums = [sum(|_| 1.0), sum(|middle| middle), sum(|middle| middle * middle)];
    let message = Message::new().double(1, lower).double(2, upper);
    let message = sums.into_iter().zip(3..).fold(message, |message, (sum, number)| message.double(number, sum));
    message.doubles(6, bins.iter().map(|bin| bin.upper)).doubles(7, bins.iter().map(|bin| bin.count))
}

fn image(file: &[u8]) -> Message {
    let (width, height) = super::names::image_size(file).unwrap_or((0, 0));
    Message::new().integer(1, i64::from(height)).integer(2, i64::from(width)).integer(3, COLOURS).bytes(4, file)
}

/// Without an axis, so that it is shown as a text, not as a table of one.
fn text_tensor(text: &str) -> Message {
    Message::new().integer(1, STRING).message(2, Message::new()).bytes(8, text)
}

/// All is in the plugin's content; the tensor stands there because readers leave out values without one.
fn session(tag: &str, content: Message) -> Message {
    let nothing = Message::new().integer(1, FLOAT).message(2, Message::new()).single(5, 0.0);
    tagged(tag).message(9, plugin("hparams", content)).message(8, nothing)
}

fn start(params: &[(String, Param)], wall_time: f64) -> Message {
    let entry = |(name, value): &(String, Param)| {
        let value = match value {
            Param::Number(number) => Message::new().double(2, *number),
            Param::Text(text) => Message::new().bytes(3, text),
            Param::Truth(truth) => Message::new().integer(4, i64::from(*truth)),
        };
        Message::new().bytes(1, name).message(2, value)
    };
    params.iter().fold(Message::new(), |message, param| message.message(1, entry(param))).double(5, wall_time)
}

fn end(status: Status, wall_time: f64) -> Message {
    Message::new().integer(1, status as i64).double(2, wall_time)
}
