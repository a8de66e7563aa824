//! Messages as events: what TensorFlow, PyTorch, JAX and we write, of either version of the format.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use gradframe_ml_core::{Error, Result};

use super::encode::{DT_DOUBLE, DT_FLOAT, DT_STRING};
use super::fields::{Field, fields, floats};
use super::records::Records;
use super::{Event, EventValue, OP};

/// Reads the events of a file, in its order. What it does not know (graphs, audio, meshes) it leaves out.
#[derive(Debug)]
pub struct EventReader {
    records: Records<BufReader<File>>,
    path: String,
    /// Of one message.
    pending: VecDeque<Event>,
}

impl EventReader {
    /// Errors: `External` if the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (bytes, file) =
            opened.map_err(|error| Error::external(OP, format!("cannot read `{}`: {error}", path.display())).because(error))?;
        let records = Records::new(BufReader::with_capacity(1 << 20, file), bytes);
        Ok(EventReader { records, path: path.display().to_string(), pending: VecDeque::new() })
    }

    fn read(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Ok(Some(event));
            }
            let Some(message) = self.records.next()? else { return Ok(None) };
            let events = events(&message)
                .ok_or_else(|| Error::execution(OP, format!("the record that ends at byte {} is no event", self.records.at())))?;
            self.pending.extend(events);
        }
    }
}

impl Iterator for EventReader {
    type Item = Result<Event>;

    /// Errors: `Execution` naming the file, if it is damaged or holds other messages.
    fn next(&mut self) -> Option<Self::Item> {
        match self.read() {
            Ok(event) => event.map(Ok),
            Err(Error::Execution(detail)) => Some(Err(Error::execution(OP, format!("`{}`: {}", self.path, detail.what)))),
            Err(error) => Some(Err(error)),
        }
    }
}

/// The events of a message; None if it is no event.
fn events(message: &[u8]) -> Option<Vec<Event>> {
    let (mut wall_time, mut step, mut summary) = (0.0, 0, None);
    for (number, field) in fields(message)? {
        match number {
            1 => wall_time = field.floats(8).first().copied()?,
            2 => step = field.integer()?,
            5 => summary = Some(field.bytes()?),
            _ => {}
        }
    }
    let mut events = Vec::new();
    for (number, field) in summary.map_or(Some(vec![]), fields)? {
        if number == 1 {
            events.extend(tagged_values(field.bytes()?)?.into_iter().map(|(tag, value)| Event { wall_time, step, tag, value }));
        }
    }
    Some(events)
}

/// What a value of a summary says; empty for what is not known.
fn tagged_values(message: &[u8]) -> Option<Vec<(String, EventValue)>> {
    let (mut tag, mut tensor, mut plugin, mut value) = (String::new(), None, None, None);
    for (number, field) in fields(message)? {
        match number {
            1 => tag = field.text()?,
            2 => value = field.floats(4).first().copied().map(EventValue::Scalar),
            4 => value = image(field.bytes()?)?,
            5 => value = histogram(field.bytes()?)?,
            8 => tensor = Some(Tensor::of(field.bytes()?)?),
            9 => plugin = Some(plugin_of(field.bytes()?)?),
            _ => {}
        }
    }
    let value = match (value, plugin, tensor) {
        (Some(value), _, _) => Some(value),
        (None, Some((name, content)), _) if name == "hparams" => hyperparameters(&content)?,
        (None, Some((name, _)), Some(tensor)) => tensor.value(&name),
        (None, None, Some(tensor)) => tensor.value("scalars"),
        _ => None,
    };
    Some(value.into_iter().map(|value| (tag.clone(), value)).collect())
}

/// Name and data of the plugin that a value is for.
fn plugin_of(metadata: &[u8]) -> Option<(String, Vec<u8>)> {
    let (mut name, mut content) = (String::new(), vec![]);
    for (number, field) in fields(metadata)? {
        if number != 1 {
            continue;
        }
        for (number, field) in fields(field.bytes()?)? {
            match number {
                1 => name = field.text()?,
                2 => content = field.bytes()?.to_vec(),
                _ => {}
            }
        }
    }
    Some((name, content))
}

fn image(message: &[u8]) -> Option<Option<EventValue>> {
    let (mut width, mut height, mut bytes) = (0, 0, vec![]);
    for (number, field) in fields(message)? {
        match number {
            1 => height = field.integer()?,
            2 => width = field.integer()?,
            4 => bytes = field.bytes()?.to_vec(),
            _ => {}
        }
    }
    Some(Some(EventValue::Image(width, height, bytes)))
}

fn histogram(message: &[u8]) -> Option<Option<EventValue>> {
    let (mut least, mut greatest, mut limits, mut counts) = (0.0, 0.0, vec![], vec![]);
    for (number, field) in fields(message)? {
        match number {
            1 => least = field.floats(8).first().copied()?,
            2 => greatest = field.floats(8).first().copied()?,
            6 => limits.extend(field.floats(8)),
            7 => counts.extend(field.floats(8)),
            _ => {}
        }
    }
    // The outermost limits of some writers are as far out as numbers go.
    let mut lower: f64 = least;
    let bins = limits.iter().zip(&counts).map(|(limit, count)| {
        let bin = [lower, limit.min(greatest).max(lower), *count];
        lower = bin[1];
        bin
    });
    let bins: Vec<[f64; 3]> = bins.collect();
    Some(Some(EventValue::Histogram(bins)))
}

fn hyperparameters(data: &[u8]) -> Option<Option<EventValue>> {
    for (number, field) in fields(data)? {
        match number {
            3 => return Some(Some(EventValue::Params(session_start(field.bytes()?)?))),
            4 => {
                let status = fields(field.bytes()?)?.into_iter().find(|(number, _)| *number == 1);
                return Some(status.and_then(|(_, field)| field.integer()).map(|status| EventValue::Ended(status == 1)));
            }
            _ => {}
        }
    }
    Some(None)
}

fn session_start(message: &[u8]) -> Option<Vec<(String, String)>> {
    let mut params = Vec::new();
    for (number, field) in fields(message)? {
        if number != 1 {
            continue;
        }
        let (mut name, mut value) = (String::new(), String::new());
        for (number, field) in fields(field.bytes()?)? {
            match number {
                1 => name = field.text()?,
                2 => value = fields(field.bytes()?)?.into_iter().map(|(number, field)| param(number, field)).collect(),
                _ => {}
            }
        }
        params.push((name, value));
    }
    Some(params)
}

/// A value of `google.protobuf.Value` as text.
fn param(number: u32, field: Field<'_>) -> String {
    match number {
        2 => field.floats(8).first().map(f64::to_string).unwrap_or_default(),
        3 => field.text().unwrap_or_default(),
        4 => (field.integer() == Some(1)).to_string(),
        _ => String::new(),
    }
}

/// A tensor: numbers or texts, in the order of its rows.
struct Tensor {
    kind: i64,
    shape: Vec<i64>,
    numbers: Vec<f64>,
    texts: Vec<Vec<u8>>,
}

impl Tensor {
    fn of(message: &[u8]) -> Option<Self> {
        let mut tensor = Tensor { kind: 0, shape: vec![], numbers: vec![], texts: vec![] };
        let mut content: &[u8] = &[];
        for (number, field) in fields(message)? {
            match number {
                1 => tensor.kind = field.integer()?,
                2 => tensor.shape = shape(field.bytes()?)?,
                4 => content = field.bytes()?,
                5 => tensor.numbers.extend(field.floats(4)),
                6 => tensor.numbers.extend(field.floats(8)),
                8 => tensor.texts.push(field.bytes()?.to_vec()),
                _ => {}
            }
        }
        match tensor.kind {
            DT_FLOAT if tensor.numbers.is_empty() => tensor.numbers = floats(content, 4),
            DT_DOUBLE if tensor.numbers.is_empty() => tensor.numbers = floats(content, 8),
            _ => {}
        }
        Some(tensor)
    }

    fn value(self, plugin: &str) -> Option<EventValue> {
        match plugin {
            "scalars" if matches!(self.kind, DT_FLOAT | DT_DOUBLE) => self.numbers.first().copied().map(EventValue::Scalar),
            "histograms" if self.shape.get(1) == Some(&3) => {
                let bins = self.numbers.chunks_exact(3).map(|bin| [bin[0], bin[1], bin[2]]).collect();
                Some(EventValue::Histogram(bins))
            }
            "images" if self.kind == DT_STRING => {
                let number = |at: usize| self.texts.get(at).and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
                Some(EventValue::Image(number(0).unwrap_or(0), number(1).unwrap_or(0), self.texts.get(2)?.clone()))
            }
            "text" if self.kind == DT_STRING => {
                let texts: Vec<_> = self.texts.iter().map(|text| String::from_utf8_lossy(text)).collect();
                Some(EventValue::Text(texts.join("\n")))
            }
            _ => None,
        }
    }
}

fn shape(message: &[u8]) -> Option<Vec<i64>> {
    let mut shape = Vec::new();
    for (number, field) in fields(message)? {
        if number == 2 {
            let size = fields(field.bytes()?)?.into_iter().find(|(number, _)| *number == 1);
            shape.push(size.and_then(|(_, field)| field.integer()).unwrap_or(0));
        }
    }
    Some(shape)
}
