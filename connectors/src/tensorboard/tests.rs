//! Events through messages and files and back.

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type};
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::RunLog;
use proptest::prelude::*;

use super::decode::{Plugins, events};
use super::encode;
use super::event::{Bin, Event, Param, Status, Value};
use super::wire::Message;
use crate::store::Store;

fn event(step: i64, tag: &str, value: Value) -> Event {
    Event { wall_time: 1_795_398_312.25, step, tag: tag.into(), value }
}

#[test]
fn what_is_written_is_read() {
    let bin = |lower, upper, count| Bin { lower, upper, count };
    let written = [
        event(0, encode::START_TAG, Value::Start(vec![("lr".into(), Param::Number(0.1)), ("on".into(), Param::Truth(false))])),
        event(1, "loss/train", Value::Scalar(0.5)),
        event(-3, "é 🦀", Value::Scalar(f64::NEG_INFINITY)),
        event(i64::MAX, "w", Value::Histogram(vec![bin(0.0, 1.0, 3.0), bin(1.0, 2.5, 0.0)])),
        event(2, "image", Value::Images(vec![b"\x89PNG".to_vec()])),
        event(2, "note", Value::Text("**hello**\nthere".into())),
        event(0, encode::END_TAG, Value::End(Status::Failed)),
    ];
    let mut plugins = Plugins::new();
    for event in written {
        assert_eq!(events(&encode::event(&event), &mut plugins).unwrap(), [event]);
    }
    assert_eq!(events(&encode::version(1.0), &mut plugins).unwrap(), []);
}

/// A message of an event with one value.
fn of_value(value: Message) -> Vec<u8> {
    Message::new().double(1, 1.0).message(5, Message::new().message(1, value)).0
}

fn tensor(data_type: i64, shape: &[i64]) -> Message {
    let dimension = |shape: Message, size: &i64| shape.message(2, Message::new().integer(1, *size));
    Message::new().integer(1, data_type).message(2, shape.iter().fold(Message::new(), dimension))
}

fn plugin(name: &str) -> Message {
    Message::new().message(1, Message::new().bytes(1, name))
}

#[test]
fn tensors_are_what_their_plugin_says_and_only_the_first_need_name_it() {
    let mut plugins = Plugins::new();
    let mut read = |value| events(&of_value(value), &mut plugins).unwrap().pop().unwrap().value;
    let tagged = |tag: &str| Message::new().bytes(1, tag);
    let scalar = tensor(1, &[]).single(5, 0.25);
    assert_eq!(read(tagged("a").message(9, plugin("scalars")).message(8, scalar)), Value::Scalar(0.25));
    let image = || tensor(7, &[4]).bytes(8, "6").bytes(8, "4").bytes(8, "one").bytes(8, "two");
    let images = Value::Images(vec![b"one".to_vec(), b"two".to_vec()]);
    assert_eq!(read(tagged("i").message(9, plugin("images")).message(8, image())), images);
    assert_eq!(read(tagged("i").message(8, image())), images);
    let numbers = [0.0, 1.0, 2.0, 1.0, 3.0, 4.0];
    let bins = vec![Bin { lower: 0.0, upper: 1.0, count: 2.0 }, Bin { lower: 1.0, upper: 3.0, count: 4.0 }];
    let content: Vec<u8> = numbers.iter().flat_map(|number: &f64| number.to_le_bytes()).collect();
    assert_eq!(
        read(tagged("h").message(9, plugin("histograms")).message(8, tensor(2, &[2, 3]).bytes(4, content))),
        Value::Histogram(bins)
    );
    let table = tensor(7, &[2, 2]).bytes(8, "a").bytes(8, "b").bytes(8, "c").bytes(8, "d");
    assert_eq!(read(tagged("t").message(9, plugin("text")).message(8, table)), Value::Text("a | b\nc | d".into()));
    let curve = tensor(1, &[6, 2]).single(5, 1.0);
    assert_eq!(read(tagged("p").message(9, plugin("pr_curves")).message(8, curve)), Value::Other("pr_curves".into()));
    // A shape is no promise.
    let few = tensor(2, &[1 << 40, 3]).double(6, 1.0);
    assert_eq!(read(tagged("h").message(8, few)), Value::Other("histograms".into()));
}

#[test]
fn histograms_end_where_their_values_do() {
    let bins = Message::new().double(1, -1.0).double(2, 2.0);
    let bins = bins.doubles(6, [-2.0, 0.0, f64::MAX].into_iter()).doubles(7, [0.0, 3.0, 4.0].into_iter());
    let read = events(&of_value(Message::new().bytes(1, "h").message(5, bins)), &mut Plugins::new()).unwrap();
    let expected = vec![Bin { lower: -1.0, upper: 0.0, count: 3.0 }, Bin { lower: 0.0, upper: 2.0, count: 4.0 }];
    assert_eq!(read[0].value, Value::Histogram(expected));
}

fn restart(step: i64, status: i64) -> Vec<u8> {
    Message::new().double(1, 1.0).integer(2, step).message(7, Message::new().integer(1, status)).0
}

#[test]
fn what_a_restart_logs_again_takes_the_place_of_what_was_there() {
    let losses = |steps: std::ops::Range<i64>, value: f64| {
        steps.map(move |step| encode::event(&event(step, "loss", Value::Scalar(value))))
    };
    let text = |step, text: &str| encode::event(&event(step, "note", Value::Text(text.into())));
    let mut messages: Vec<Vec<u8>> = losses(0..10, 1.0).chain([text(4, "kept"), text(9, "lost"), restart(5, 1)]).collect();
    // From a later step than the next one goes back to; and the end of a session, which takes nothing back.
    messages.extend(losses(5..8, 2.0).chain([restart(7, 1)]).chain(losses(7..9, 3.0)).chain([restart(6, 1)]));
    messages.extend(losses(6..8, 4.0).chain([restart(0, 2)]));
    let place = tempfile::tempdir().unwrap();
    let mut file = Vec::new();
    messages.iter().for_each(|message| super::records::write(&mut file, message).unwrap());
    std::fs::write(place.path().join("events.out.tfevents.1.host"), file).unwrap();

    let store = Store::in_memory().unwrap();
    assert_eq!(super::import(&store, place.path()).unwrap().len(), 1);
    let points = store.scan(LogTable::Metrics, &LogQuery::default()).unwrap();
    let values = points[0]["value"].as_primitive::<Float64Type>().values().to_vec();
    assert_eq!(points[0]["step"].as_primitive::<Int64Type>().values(), &[0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(values, [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 4.0, 4.0]);
    let texts = |table, column: &str| {
        let rows = store.scan(table, &LogQuery::default()).unwrap();
        rows[0][column].as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(texts(LogTable::Artifacts, "path"), ["note/000000004.txt"]);
    let note = "left out: 10 values of steps that a restart logged again".to_owned();
    assert!(texts(LogTable::Tags, "value").contains(&note), "{:?}", texts(LogTable::Tags, "value"));
}

#[test]
fn a_directory_that_has_grown_goes_on_with_its_run() {
    let start = |lr: f64| event(0, encode::START_TAG, Value::Start(vec![("lr".into(), Param::Number(lr))]));
    let loss = |step: i64| encode::event(&event(step, "loss", Value::Scalar(step as f64)));
    let text = encode::event(&event(6, "note", Value::Text("late".into())));
    let place = tempfile::tempdir().unwrap();
    let write = |messages: &[Vec<u8>], torn: usize| {
        let mut file = Vec::new();
        messages.iter().for_each(|message| super::records::write(&mut file, message).unwrap());
        file.truncate(file.len() - torn);
        std::fs::write(place.path().join("events.out.tfevents.1.host"), file).unwrap();
    };
    let store = Store::in_memory().unwrap();
    let import = || super::import(&store, place.path()).unwrap();
    let scan = |table| store.scan(table, &LogQuery::default()).unwrap();
    let steps = || scan(LogTable::Metrics)[0]["step"].as_primitive::<Int64Type>().values().to_vec();

    let mut messages: Vec<Vec<u8>> = std::iter::once(encode::event(&start(0.1))).chain((0..5).map(loss)).collect();
    write(&messages, 3);
    let first = import();
    assert_eq!((first.len(), steps()), (1, vec![0, 1, 2, 3]), "the last record was not written to its end");
    store.attach(&first[0]).unwrap().set_tags(&[("mine".into(), "kept".into())]).unwrap();
    messages.extend((5..8).map(loss).chain([text]));
    write(&messages, 0);
    assert_eq!((import(), import()), (first.clone(), vec![]));
    assert_eq!(steps(), (0..8).collect::<Vec<_>>());
    let record = store.run_records(&[&first[0]]).unwrap().remove(0);
    assert_eq!((record.status.as_str(), record.params), ("finished", vec![("lr".to_owned(), "0.1".to_owned())]));
    let tag = |name: &str| record.tags.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str());
    assert_eq!((tag("mine"), tag("import.note")), (Some("kept"), None));
    assert_eq!(store.artifact_records(&first[0]).unwrap()[0].path, "note/000000006.txt");
    // What does not just follow is a run of its own: a restart takes back what is there, and a parameter has another value.
    messages.extend([restart(6, 1), loss(6)]);
    write(&messages, 0);
    let second = import();
    assert!(second.len() == 1 && second != first);
    messages.push(encode::event(&start(0.2)));
    write(&messages, 0);
    let third = import();
    assert!(third.len() == 1 && third != first && third != second);
    assert_eq!(scan(LogTable::Runs).iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 3);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        events(&bytes, &mut Plugins::new());
    }

    #[test]
    fn nor_do_changed_messages(place in 0..200usize, byte in any::<u8>(), length in 0..300usize) {
        let value = Value::Start(vec![("lr".into(), Param::Number(0.1)), ("name".into(), Param::Text("a".into()))]);
        let text = encode::event(&event(5, "text", Value::Text("some text".into())));
        for mut message in [encode::event(&event(5, "x", value)), text] {
            let place = place % message.len();
            message[place] = byte;
            message.truncate(length);
            events(&message, &mut Plugins::new());
        }
    }
}
