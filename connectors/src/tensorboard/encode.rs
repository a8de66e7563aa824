//! Events as messages.

use super::fields::Message;
use super::{Event, EventValue};

/// TensorFlow's number of a type.
pub(super) const DT_FLOAT: i64 = 1;
pub(super) const DT_DOUBLE: i64 = 2;
pub(super) const DT_STRING: i64 = 7;
/// What plugins are told a tensor is.
const CLASS_TENSOR: i64 = 2;
const STATUS_SUCCESS: i64 = 1;
const STATUS_FAILURE: i64 = 2;
/// The tags that the plugin of hyper-parameters looks for.
pub(super) const PARAMS_TAG: &str = "_hparams_/session_start_info";
pub(super) const ENDED_TAG: &str = "_hparams_/session_end_info";

/// The event that a file begins with.
pub(super) fn version(wall_time: f64) -> Vec<u8> {
    Message::default().double(1, wall_time).text(3, "brain.Event:2").0
}

/// An event's message.
pub(super) fn event(event: &Event) -> Vec<u8> {
    let Event { wall_time, step, tag, value } = event;
    let value = match value {
        EventValue::Scalar(value) => tagged(tag).float(2, *value as f32),
        EventValue::Histogram(bins) => tagged(tag).message(5, histogram(bins)),
        EventValue::Image(width, height, bytes) => tagged(tag).message(4, image(*width, *height, bytes)),
        EventValue::Text(text) => tagged(tag).message(9, plugin("text", &[])).message(8, text_tensor(text)),
        EventValue::Params(params) => {
            hyperparameters(PARAMS_TAG, Message::default().message(3, session_start(params, *wall_time)))
        }
        EventValue::Ended(well) => hyperparameters(ENDED_TAG, Message::default().message(4, session_end(*well, *wall_time))),
    };
    Message::default().double(1, *wall_time).integer(2, *step).message(5, Message::default().message(1, value)).0
}

fn tagged(tag: &str) -> Message {
    Message::default().text(1, tag)
}

fn plugin(name: &str, content: &[u8]) -> Message {
    let data = Message::default().text(1, name).bytes(2, content);
    Message::default().message(1, data).integer(4, CLASS_TENSOR)
}

fn histogram(bins: &[[f64; 3]]) -> Message {
    let middle = |[lower, upper, _]: &[f64; 3]| (lower + upper) / 2.0;
    let number: f64 = bins.iter().map(|bin| bin[2]).sum();
    let sum: f64 = bins.iter().map(|bin| bin[2] * middle(bin)).sum();
    let squares: f64 = bins.iter().map(|bin| bin[2] * middle(bin).powi(2)).sum();
    let (least, greatest) = (bins.first().map_or(0.0, |bin| bin[0]), bins.last().map_or(0.0, |bin| bin[1]));
    let limits: Vec<f64> = bins.iter().map(|bin| bin[1]).collect();
    let counts: Vec<f64> = bins.iter().map(|bin| bin[2]).collect();
    let message = Message::default().double(1, least).double(2, greatest).double(3, number).double(4, sum).double(5, squares);
    message.doubles(6, &limits).doubles(7, &counts)
}

fn image(width: i64, height: i64, bytes: &[u8]) -> Message {
    Message::default().integer(1, height).integer(2, width).integer(3, 3).bytes(4, bytes)
}

/// A tensor of one text.
fn text_tensor(text: &str) -> Message {
    let shape = Message::default().message(2, Message::default().integer(1, 1));
    Message::default().integer(1, DT_STRING).message(2, shape).bytes(8, text.as_bytes())
}

/// The value is in the plugin's data; the tensor is one that nobody looks at.
fn hyperparameters(tag: &str, data: Message) -> Message {
    let nothing = Message::default().integer(1, DT_FLOAT).message(2, Message::default()).float(5, 0.0);
    tagged(tag).message(9, plugin("hparams", &data.0)).message(8, nothing)
}

fn session_start(params: &[(String, String)], wall_time: f64) -> Message {
    let message = params.iter().fold(Message::default(), |message, (name, value)| {
        let value = match value.parse::<f64>() {
            Ok(number) => Message::default().double(2, number),
            Err(_) => Message::default().text(3, value),
        };
        message.message(1, Message::default().text(1, name).message(2, value))
    });
    message.double(5, wall_time)
}

fn session_end(well: bool, wall_time: f64) -> Message {
    Message::default().integer(1, if well { STATUS_SUCCESS } else { STATUS_FAILURE }).double(2, wall_time)
}
