//! Every architecture and head, against what transformers computes of the same numbers in float64 (`tests/references/make.py`).

use gradframe_ml_models::{DtypeChoice, GenerateOptions, Generator, Model, Precision, Task};
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{Named, directory, distance, numbered_tokenizer, numbers};

const REFERENCES: &[(&str, &str)] = &[
    ("bert", include_str!("../references/bert.json")),
    ("bert_gelu_10", include_str!("../references/bert_gelu_10.json")),
    ("bert_quick_gelu", include_str!("../references/bert_quick_gelu.json")),
    ("bert_relu2", include_str!("../references/bert_relu2.json")),
    ("bert_leaky_relu", include_str!("../references/bert_leaky_relu.json")),
    ("bert_sigmoid", include_str!("../references/bert_sigmoid.json")),
    ("bert_linear", include_str!("../references/bert_linear.json")),
    ("bert_untied", include_str!("../references/bert_untied.json")),
    ("distilbert", include_str!("../references/distilbert.json")),
    ("roberta", include_str!("../references/roberta.json")),
    ("roberta_untied", include_str!("../references/roberta_untied.json")),
    ("xlm-roberta", include_str!("../references/xlm-roberta.json")),
    ("mpnet", include_str!("../references/mpnet.json")),
    ("mpnet_untied", include_str!("../references/mpnet_untied.json")),
    ("gpt2", include_str!("../references/gpt2.json")),
    ("llama", include_str!("../references/llama.json")),
    ("llama3", include_str!("../references/llama3.json")),
    ("yarn", include_str!("../references/yarn.json")),
    ("mistral", include_str!("../references/mistral.json")),
    ("qwen2", include_str!("../references/qwen2.json")),
    ("qwen3", include_str!("../references/qwen3.json")),
];

/// One head of one network.
struct Case {
    name: String,
    head: Value,
    rows: Vec<Vec<u32>>,
    folder: TempDir,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, text) in REFERENCES {
        let reference: Value = serde_json::from_str(text).unwrap();
        for (task, head) in reference["heads"].as_object().unwrap() {
            let mut config = reference["config"].clone();
            config["architectures"] = serde_json::json!([head["architecture"]]);
            let folder = directory(&config, &tensors(head));
            std::fs::write(folder.path().join("tokenizer.json"), numbered_tokenizer(40)).unwrap();
            let rows = serde_json::from_value(reference["rows"].clone()).unwrap();
            cases.push(Case { name: format!("{name} {task}"), head: head.clone(), rows, folder });
        }
    }
    cases
}

fn tensors(head: &Value) -> Vec<Named> {
    let of = |tensor: &Value| {
        let (name, shape): (String, Vec<usize>) = serde_json::from_value(tensor.clone()).unwrap();
        let values = numbers(&name, &shape);
        (name, shape, values)
    };
    head["tensors"].as_array().unwrap().iter().map(of).collect()
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn every_head_gives_what_transformers_gives() {
    for case in cases() {
        let model = Model::open(case.folder.path()).unwrap();
        let kinds = case.name.starts_with("bert");
        let second: Vec<Vec<u32>> = case.rows.iter().map(|row| (0..row.len()).map(|at| u32::from(at >= 3)).collect()).collect();
        let found = model.scores(&case.rows, kinds.then_some(second.as_slice())).unwrap();
        for (row, (found, expected)) in found.iter().zip(case.head["values"].as_array().unwrap()).enumerate() {
            let expected: Vec<f64> = serde_json::from_value(expected.clone()).unwrap();
            let off = distance(found, &expected);
            assert!(off < 1e-4, "{} row {row}: {off}", case.name);
        }
    }
}

/// Rounding to bf16 leaves eight bits: what comes out points the same way, in every architecture and head.
#[test]
fn in_bf16_every_head_is_near_what_it_is_in_f32() {
    for case in cases() {
        let scores = |precision| {
            let model = Model::open_in(case.folder.path(), DtypeChoice::Only(precision)).unwrap();
            assert_eq!(model.precision(), precision);
            model.scores(&case.rows, None).unwrap()
        };
        for (wide, short) in scores(Precision::F32).iter().zip(&scores(Precision::Bf16)) {
            let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
            let cosine = product(wide, short) / (product(wide, wide) * product(short, short)).sqrt();
            assert!(cosine > 0.97, "{}: {cosine}", case.name); // of three small numbers, some
            assert_ne!(wide, short, "{} was not rounded", case.name);
        }
    }
}

/// The configuration of a case with other classes, or without any.
fn with_classes(case: &Case, classes: Option<&str>) -> Model {
    let path = case.folder.path().join("config.json");
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    config.as_object_mut().unwrap().remove("architectures");
    if let Some(class) = classes {
        config["architectures"] = serde_json::json!([class]);
    }
    std::fs::write(&path, config.to_string()).unwrap();
    Model::open(case.folder.path()).unwrap()
}

#[test]
fn hidden_states_are_those_of_the_same_network_without_a_head() {
    for case in cases() {
        let found = Model::open(case.folder.path()).unwrap().hidden_states(&case.rows, None).unwrap();
        let bare = with_classes(&case, Some("BareModel"));
        assert_eq!(bare.task(), None);
        assert_eq!(found, bare.scores(&case.rows, None).unwrap(), "{}", case.name);
        assert_eq!(found[0].len(), case.rows[0].len() * bare.architecture().width(), "{}", case.name);
    }
}

#[test]
fn a_network_whose_configuration_names_no_class_has_the_head_that_its_tensors_are() {
    for case in cases() {
        let named = Model::open(case.folder.path()).unwrap();
        let (task, scores) = (named.task(), named.scores(&case.rows, None).unwrap());
        let is_decoder = named.architecture().cache().is_some();
        let found = with_classes(&case, None);
        match task {
            Some(Task::Tokens) if is_decoder => assert_eq!(found.task(), Some(Task::Sequence)), // both are called `score`
            None if is_decoder => assert_eq!(found.task(), Some(Task::NextToken)),              // by the table of tokens
            _ => {
                assert_eq!(found.task(), task, "{}", case.name);
                assert_eq!(found.scores(&case.rows, None).unwrap(), scores, "{}", case.name);
            }
        }
    }
}

/// Keys and values are kept in bf16: a step over them scores as the whole row does, within what bf16 leaves.
#[test]
fn a_continuation_in_bf16_takes_tokens_that_the_whole_row_scores_highest() {
    for case in cases().into_iter().filter(|case| case.head.get("greedy").is_some()) {
        let model = Model::open_in(case.folder.path(), DtypeChoice::Only(Precision::Bf16)).unwrap();
        let options = GenerateOptions { max_tokens: 12, ..GenerateOptions::default() };
        let prompt = ids(&case.head["prompt"]);
        let (found, _) =
            Generator::new(&model).unwrap().generate(std::slice::from_ref(&prompt), &options, &mut |_| Ok(())).unwrap();
        let whole = [prompt.clone(), found[0].ids.clone()].concat();
        let scores = model.scores(&[whole], None).unwrap().swap_remove(0);
        let each = scores.len() / (prompt.len() + found[0].ids.len());
        for (at, &id) in found[0].ids.iter().enumerate() {
            let own = &scores[(prompt.len() + at - 1) * each..][..each];
            let (low, high) = own.iter().fold((f32::MAX, f32::MIN), |(low, high), &s| (low.min(s), high.max(s)));
            assert!(own[id as usize] >= high - 0.05 * (high - low), "{} token {at}", case.name);
        }
    }
}

#[test]
fn continuations_are_those_of_transformers() {
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.head.get("greedy").is_some()).collect();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let model = Model::open(case.folder.path()).unwrap();
        assert_eq!(model.task(), Some(Task::NextToken));
        let generator = Generator::new(&model).unwrap();
        let end = case.head["ends"].as_u64().unwrap() as u32;
        let check = |key: &str, options: GenerateOptions| {
            let options = GenerateOptions { max_tokens: 12, ..options };
            let (found, _) = generator.generate(&[ids(&case.head["prompt"])], &options, &mut |_| Ok(())).unwrap();
            let mut expected = ids(&case.head[key]);
            if let Some(place) = expected.iter().position(|&id| id == end) {
                expected.truncate(place);
            }
            assert_eq!(found[0].ids, expected, "{} {key}", case.name);
        };
        check("greedy", GenerateOptions::default());
        check("penalized", GenerateOptions { repetition_penalty: 1.7, ..GenerateOptions::default() });
        check("beams", GenerateOptions { beams: 3, ..GenerateOptions::default() });
    }
}

/// The greedy continuation does not depend on which other prompts there are, nor on what they share.
#[test]
fn a_prompt_is_continued_alike_alone_and_among_others() {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == "mistral next_token").unwrap();
    let generator = Generator::new(&Model::open(case.folder.path()).unwrap()).unwrap();
    let begun = [2u32, 5, 9, 13, 7, 21, 4, 8, 30, 31];
    let prompts: Vec<Vec<u32>> = (0..41u32).map(|i| [&begun[..], &vec![6 + i % 20; 1 + i as usize % 4]].concat()).collect();
    let options = GenerateOptions { max_tokens: 9, ..GenerateOptions::default() };
    let (all, steps) = generator.generate(&prompts, &options, &mut |_| Ok(())).unwrap();
    assert!(steps.shared_tokens > 0, "{steps:?}");
    for (prompt, found) in prompts.iter().zip(&all) {
        let (alone, _) = generator.generate(std::slice::from_ref(prompt), &options, &mut |_| Ok(())).unwrap();
        assert_eq!(found, &alone[0]);
    }
}

#[test]
fn a_continuation_ends_where_the_context_does() {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == "gpt2 next_token").unwrap();
    let generator = Generator::new(&Model::open(case.folder.path()).unwrap()).unwrap();
    let options = GenerateOptions { max_tokens: 100, min_tokens: 100, ..GenerateOptions::default() };
    let (found, _) = generator.generate(&[vec![5; 30]], &options, &mut |_| Ok(())).unwrap();
    assert_eq!((found[0].ids.len(), found[0].finish), (2, gradframe_ml_models::generate::Finish::Context));
    let error = generator.generate(&[vec![5; 32]], &options, &mut |_| Ok(())).unwrap_err();
    assert_eq!(error.to_string(), "generate: a prompt has 32 tokens, expected fewer than the context of 32; hint: shorten it");
    assert!(generator.generate(&[vec![]], &options, &mut |_| Ok(())).is_err());
    assert!(generator.generate(&[vec![40]], &options, &mut |_| Ok(())).is_err(), "a token that the model does not have");
}

#[test]
fn sampling_follows_its_seed() {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == "llama next_token").unwrap();
    let generator = Generator::new(&Model::open(case.folder.path()).unwrap()).unwrap();
    let sampled = |seed: u64| {
        let options = GenerateOptions { max_tokens: 10, temperature: 5.0, seed, ..GenerateOptions::default() };
        generator.generate(&[vec![2, 5], vec![2, 6]], &options, &mut |_| Ok(())).unwrap().0
    };
    assert_eq!(sampled(1), sampled(1));
    assert_ne!(sampled(1), sampled(2));
    let options = GenerateOptions { max_tokens: 10, temperature: 5.0, ..GenerateOptions::default() };
    let seeded =
        generator.generate_seeded(&[vec![2, 5], vec![2, 5], vec![2, 5]], &[1, 2, 1], &options, &mut |_| Ok(())).unwrap().0;
    assert_eq!([&seeded[0], &seeded[1], &seeded[2]], [&sampled(1)[0], &sampled(2)[0], &sampled(1)[0]]);
    assert!(generator.generate_seeded(&[vec![2]], &[], &options, &mut |_| Ok(())).is_err());
}
