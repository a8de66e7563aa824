//! Messages as events: what TensorFlow, PyTorch, JAX and others write, and we.

use std::collections::HashMap;

use super::event::{Bin, Event, Param, Status, Value};
use super::tensor::Tensor;
use super::wire::{Field, Fields, doubles};

/// The plugin of each tag: only the first value of a tag need say it.
pub(super) type Plugins = HashMap<String, String>;

/// The events of a message, in its order: none of a graph or a version. None if the bytes are no message.
pub(super) fn events(message: &[u8], plugins: &mut Plugins) -> Option<Vec<Event>> {
    let (mut wall_time, mut step, mut values, mut graphs) = (0.0, 0, vec![], 0);
    for field in Fields::of(message) {
        match field? {
            (1, Field::Fixed64(bits)) => wall_time = f64::from_bits(bits),
            (2, Field::Varint(value)) => step = value as i64,
            (5, Field::Bytes(summary)) => add_values(summary, plugins, &mut values)?,
            (4 | 8 | 9, Field::Bytes(_)) => graphs += 1,
            (7, Field::Bytes(session)) if begins(session)? => values.push((String::new(), Value::Restart)),
            _ => {}
        }
    }
    values.extend((0..graphs).map(|_| (String::new(), Value::Other("graphs".into()))));
    Some(values.into_iter().map(|(tag, value)| Event { wall_time, step, tag, value }).collect())
}

/// Whether a session log says that a session begins.
fn begins(session: &[u8]) -> Option<bool> {
    const START: u64 = 1;
    let mut begins = false;
    for field in Fields::of(session) {
        if let (1, Field::Varint(status)) = field? {
            begins = status == START;
        }
    }
    Some(begins)
}

fn add_values(summary: &[u8], plugins: &mut Plugins, values: &mut Vec<(String, Value)>) -> Option<()> {
    for field in Fields::of(summary) {
        if let (1, Field::Bytes(value)) = field? {
            values.extend(tagged(value, plugins)?);
        }
    }
    Some(())
}

/// A value with its tag. Of a message that holds nothing else there is no value.
fn tagged(message: &[u8], plugins: &mut Plugins) -> Option<Option<(String, Value)>> {
    let (mut tag, mut value, mut tensor, mut metadata) = (String::new(), None, None, (String::new(), &[][..]));
    for field in Fields::of(message) {
        match field? {
            (1, Field::Bytes(name)) => tag = text(name),
            (2, Field::Fixed32(bits)) => value = Some(Value::Scalar(f64::from(f32::from_bits(bits)))),
            (4, Field::Bytes(image)) => value = Some(Value::Images(vec![bytes_of(image, 4)?])),
            (5, Field::Bytes(bins)) => value = Some(Value::Histogram(histogram(bins)?)),
            (6, Field::Bytes(sound)) => value = Some(Value::Sounds(vec![bytes_of(sound, 4)?])),
            (8, Field::Bytes(message)) => tensor = Some(Tensor::of(message)?),
            (9, Field::Bytes(message)) => metadata = plugin(message)?,
            _ => {}
        }
    }
    let (name, content) = metadata;
    let name = match plugins.get(&tag) {
        Some(known) if name.is_empty() => known.clone(),
        _ => name,
    };
    if !name.is_empty() && plugins.get(&tag) != Some(&name) {
        plugins.insert(tag.clone(), name.clone());
    }
    let value = match (value, tensor) {
        (Some(value), _) => Some(value),
        (None, _) if name == "hparams" => session(content)?,
        (None, Some(tensor)) => Some(of_tensor(&tensor, &name)),
        (None, None) => None,
    };
    Some(value.map(|value| (tag, value)))
}

/// Name and content of the plugin that a value is for.
fn plugin(metadata: &[u8]) -> Option<(String, &[u8])> {
    let (mut name, mut content) = (String::new(), &[][..]);
    for field in Fields::of(metadata) {
        let (1, Field::Bytes(data)) = field? else { continue };
        for field in Fields::of(data) {
            match field? {
                (1, Field::Bytes(bytes)) => name = text(bytes),
                (2, Field::Bytes(bytes)) => content = bytes,
                _ => {}
            }
        }
    }
    Some((name, content))
}

fn of_tensor(tensor: &Tensor<'_>, plugin: &str) -> Value {
    let value = match plugin {
        "scalars" => tensor.number().map(Value::Scalar),
        "histograms" => bins(tensor).map(Value::Histogram),
        "text" => tensor.is_text().then(|| Value::Text(joined(tensor))),
        // Width and height come first.
        "images" => tensor.texts.get(2..).filter(|files| !files.is_empty()).map(|files| Value::Images(owned(files))),
        // Each sound has a label behind it.
        "audio" => Some(Value::Sounds(owned(&tensor.texts.iter().step_by(2).copied().collect::<Vec<_>>()))),
        "" => tensor.number().map(Value::Scalar),
        _ => None,
    };
    value.unwrap_or_else(|| Value::Other(if plugin.is_empty() { "tensors".into() } else { plugin.to_owned() }))
}

fn owned(files: &[&[u8]]) -> Vec<Vec<u8>> {
    files.iter().map(|file| file.to_vec()).collect()
}

/// Rows of lower edge, upper edge and count.
fn bins(tensor: &Tensor<'_>) -> Option<Vec<Bin>> {
    let rows = match *tensor.shape {
        [rows, 3] => usize::try_from(rows).ok()?,
        _ => return None,
    };
    let (bins, rest) = tensor.numbers.as_chunks();
    (rest.is_empty() && bins.len() == rows)
        .then(|| bins.iter().map(|&[lower, upper, count]| Bin { lower, upper, count }).collect())
}

/// The texts, a line each; of a table its rows.
fn joined(tensor: &Tensor<'_>) -> String {
    let columns = match *tensor.shape {
        [_, columns] => usize::try_from(columns).unwrap_or(usize::MAX).max(1),
        _ => 1,
    };
    let row = |cells: &[&[u8]]| cells.iter().map(|cell| text(cell)).collect::<Vec<_>>().join(" | ");
    tensor.texts.chunks(columns).map(row).collect::<Vec<_>>().join("\n")
}

/// The outermost edges are the least and the greatest value: the limits of some writers are as far out as numbers go.
fn histogram(message: &[u8]) -> Option<Vec<Bin>> {
    let (mut least, mut greatest, mut limits, mut counts) = (0.0, 0.0, vec![], vec![]);
    for field in Fields::of(message) {
        match field? {
            (1, Field::Fixed64(bits)) => least = f64::from_bits(bits),
            (2, Field::Fixed64(bits)) => greatest = f64::from_bits(bits),
            (6, field) => doubles(field, &mut limits),
            (7, field) => doubles(field, &mut counts),
            _ => {}
        }
    }
    let mut lower: f64 = least;
    let bin = |(limit, count): (&f64, &f64)| {
        let upper = limit.min(greatest).max(lower);
        let bin = Bin { lower, upper, count: *count };
        lower = upper;
        bin
    };
    // Where nothing can be, as before the least value, there is no bin.
    Some(limits.iter().zip(&counts).map(bin).filter(|bin| bin.lower < bin.upper || bin.count > 0.0).collect())
}

fn session(content: &[u8]) -> Option<Option<Value>> {
    for field in Fields::of(content) {
        match field? {
            (3, Field::Bytes(start)) => return Some(Some(Value::Start(params(start)?))),
            (4, Field::Bytes(end)) => return Some(Some(Value::End(status(end)?))),
            _ => {}
        }
    }
    Some(None)
}

fn params(start: &[u8]) -> Option<Vec<(String, Param)>> {
    let mut params = Vec::new();
    for field in Fields::of(start) {
        let (1, Field::Bytes(entry)) = field? else { continue };
        let (mut name, mut value) = (String::new(), Param::Text(String::new()));
        for field in Fields::of(entry) {
            match field? {
                (1, Field::Bytes(bytes)) => name = text(bytes),
                (2, Field::Bytes(bytes)) => value = param(bytes)?,
                _ => {}
            }
        }
        params.push((name, value));
    }
    Some(params)
}

/// A value of `google.protobuf.Value`; lists and structures, which hyper-parameters are not, are empty.
fn param(message: &[u8]) -> Option<Param> {
    let mut param = Param::Text(String::new());
    for field in Fields::of(message) {
        match field? {
            (2, Field::Fixed64(bits)) => param = Param::Number(f64::from_bits(bits)),
            (3, Field::Bytes(bytes)) => param = Param::Text(text(bytes)),
            (4, Field::Varint(truth)) => param = Param::Truth(truth != 0),
            _ => {}
        }
    }
    Some(param)
}

fn status(end: &[u8]) -> Option<Status> {
    let mut status = Status::Unknown;
    for field in Fields::of(end) {
        if let (1, Field::Varint(number)) = field? {
            status = match number {
                1 => Status::Succeeded,
                2 => Status::Failed,
                3 => Status::Running,
                _ => Status::Unknown,
            };
        }
    }
    Some(status)
}

/// The field of this number that is bytes.
fn bytes_of(message: &[u8], wanted: u64) -> Option<Vec<u8>> {
    let mut found = &[][..];
    for field in Fields::of(message) {
        match field? {
            (number, Field::Bytes(bytes)) if number == wanted => found = bytes,
            _ => {}
        }
    }
    Some(found.to_vec())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
