//! Files that mean harm, or are noise: an error or an answer, never a panic, a hang or memory without bound.

use std::time::{Duration, Instant};

use gradframe_ml_models::text::{ChatTemplate, Message, Tokenizer};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::numbered_tokenizer;

/// Nothing here takes longer, on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);

/// A tokenizer with some of everything that a file may hold.
fn tokenizer() -> Value {
    let mut whole: Value = serde_json::from_str(&numbered_tokenizer(20)).unwrap();
    whole["added_tokens"] = json!([{
        "id": 20, "content": "[X]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true,
    }]);
    whole["normalizer"] = json!({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": " +"}, "content": " "}]});
    whole["pre_tokenizer"] = json!({"type": "Split", "pattern": {"Regex": "\\s"}, "behavior": "Isolated", "invert": false});
    whole["post_processor"] = json!({
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "[X]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"[X]": {"id": "[X]", "ids": [20], "tokens": ["[X]"]}},
    });
    whole["decoder"] = json!({"type": "WordPiece", "prefix": "##", "cleanup": true});
    whole
}

/// The places of a value: what is inside it, and itself.
fn places(value: &Value, at: String, found: &mut Vec<String>) {
    found.push(at.clone());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, inner)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            places(inner, format!("{at}/{key}"), found);
        }),
        Value::Array(all) => all.iter().enumerate().for_each(|(i, inner)| places(inner, format!("{at}/{i}"), found)),
        _ => {}
    }
}

const TEXTS: &[&str] = &["", "A", "[X]", "(a+)+$", "(", "\\", "\u{0}", "WordPiece", "BPE", "Unigram", "Metaspace", "Isolated"];

fn other_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![Just(-1i64), Just(0), Just(i64::MAX), Just(i64::from(u32::MAX)), any::<i64>()].prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(TEXTS).prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([["a", "b"], "c d"])),
        Just(json!({"a": 1, "b": 4_294_967_295u32})),
    ]
}

/// Reads it, and takes it through what a model asks of one.
fn used(json: &[u8]) {
    let start = Instant::now();
    if let Ok(own) = Tokenizer::from_json(json) {
        for text in ["", "1 2 [X] 3", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "é🦀\u{0} \u{301}"] {
            let _ = own.encode(text).and_then(|found| own.decode(&found.ids, false));
            let _ = own.spans(text, Some("2 3"));
            let _ = own.truncated_to(4).and_then(|cut| cut.encode(text));
        }
        let _ = own.decode(&[0, 19, 20, u32::MAX], true);
    }
    assert!(start.elapsed() < LONGEST, "{}", String::from_utf8_lossy(json));
}

#[test]
fn the_tokenizer_that_is_changed_below_is_one() {
    let own = Tokenizer::from_json(tokenizer().to_string().as_bytes()).unwrap();
    assert_eq!(own.encode("1 2").unwrap().ids.first(), Some(&20));
    let spans = own.spans("1 22", Some("3")).unwrap();
    let of_second: Vec<_> =
        spans.iter().filter(|span| span.text == Some(1)).map(|span| (span.id, span.characters.clone())).collect();
    assert_eq!(of_second, [(3, 0..1)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_tokenizer_with_another_value_somewhere(place in any::<prop::sample::Index>(), other in other_value()) {
        let mut whole = tokenizer();
        let mut found = Vec::new();
        places(&whole, String::new(), &mut found);
        if let Some(value) = whole.pointer_mut(&found[place.index(found.len())]) {
            *value = other;
        }
        used(whole.to_string().as_bytes());
    }

    #[test]
    fn a_tokenizer_with_other_bytes(place in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 0..4), cut in any::<bool>()) {
        let mut whole = tokenizer().to_string().into_bytes();
        let at = place.index(whole.len());
        let end = if cut { whole.len() } else { (at + bytes.len()).min(whole.len()) };
        whole.splice(at..end, bytes);
        used(&whole);
    }

    #[test]
    fn a_template_of_any_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12)) {
        let start = Instant::now();
        let template = ChatTemplate::new(&pieces.concat(), &[("bos_token", "<s>")]);
        let messages = [Message { role: "user".into(), content: "{{ messages }}".into() }, Message { role: "".into(), content: "\u{0}".into() }];
        let _ = template.render(&messages, true);
        prop_assert!(start.elapsed() < LONGEST, "{pieces:?}");
    }
}

const PIECES: &[&str] = &[
    "{% for m in messages %}",
    "{% for i in range(100000) %}",
    "{% endfor %}",
    "{% if m.role == 'user' %}",
    "{% else %}",
    "{% endif %}",
    "{{ m['content'] | trim }}",
    "{{ m.content[1:-1:2] }}",
    "{{ bos_token * 1000 }}",
    "{{ messages | tojson }}",
    "{{ raise_exception('no') }}",
    "{% set ns = namespace(x='abc') %}",
    "{% set ns.x = ns.x ~ ns.x %}",
    "{% macro f(a) %}",
    "{{ f(f) }}",
    "{% endmacro %}",
    "{% include 'x' %}",
    "{{ 1 // 0 }}",
    "{{ messages.__class__ }}",
    "{%",
    "}}",
    "é🦀",
];

/// A variable that is doubled sixty times, and then used.
fn doubled(start: &str, step: &str, end: &str) -> String {
    format!(
        "{{% set ns = namespace(x={start}) %}}{{% for i in range(60) %}}{{% set ns.x = {step} %}}{{% endfor %}}{{{{ {end} }}}}"
    )
}

#[test]
fn a_template_cannot_grow_without_end() {
    let loops = "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}".to_owned();
    let macros = "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}".to_owned();
    let sources = [
        doubled("'aaaaaaaa'", "ns.x ~ ns.x", "ns.x"),
        doubled("'aaaaaaaa'", "ns.x + ns.x", "ns.x"),
        doubled("'aaaaaaaa'", "ns.x | replace('a', 'aa')", "ns.x"),
        doubled("['aaaaaaaa']", "ns.x + ns.x", "1"),
        doubled("['aaaaaaaa']", "ns.x + ns.x", "ns.x | length"),
        doubled("['aaaaaaaa']", "ns.x * 2", "ns.x | list | length"),
        doubled("['aaaaaaaa']", "ns.x | chain(ns.x)", "1"),
        doubled("['a']", "(ns.x + ns.x) | list", "ns.x"),
        doubled("('a',)", "ns.x + ns.x", "1"),
        loops,
        macros,
        "{{ 'x' * 1000000000 }}".to_owned(),
        "{{ ([1] * 9000000) + [1] }}".to_owned(),
        "{{ 'x' | indent(1000000000) }}".to_owned(),
        "{{ '%1000000000d' | format(1) }}".to_owned(),
        "{{ 'x'.center(1000000000) }}{{ 'x'.zfill(1000000000) }}{{ 'x'.ljust(1000000000) }}".to_owned(),
    ];
    for source in sources {
        let start = Instant::now();
        assert!(ChatTemplate::new(&source, &[]).render(&[], false).is_err(), "{source}");
        assert!(start.elapsed() < LONGEST, "{source}");
    }
}

/// The most memory that the process has had, in bytes; 0 where the system does not say.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[test]
fn a_value_that_holds_itself_many_times_is_paid_for_before_it_is_gone_through() {
    let twice = [
        "[ns.x, ns.x]",
        "(ns.x, ns.x)",
        "{'a': ns.x, 'b': ns.x}",
        "[ns.x] * 2",
        "dict(a=ns.x, b=ns.x)",
        "namespace(a=ns.x, b=ns.x)",
        "[1] | batch(3, ns.x) | list",
        "[ns.x] | zip([ns.x]) | list",
    ];
    let through = [
        "ns.x",
        "ns.x ~ ''",
        "ns.x | string",
        "ns.x | upper",
        "ns.x | pprint",
        "ns.x | tojson",
        "[ns.x] | join('x')",
        "[ns.x] | map('string') | list",
        "[ns.x, 1] | unique | list",
        "'%s' | format(ns.x)",
        "'{}'.format(ns.x)",
        "','.join([ns.x])",
        "{ns.x: 1} | length",
        "ns.x == [ns.x]",
        "1 < ns.x < 2",
        "ns.x is eq(1)",
        "raise_exception(ns.x)",
    ];
    let all = twice.iter().map(|step| (step, "ns.x")).chain(through.iter().map(|end| (&twice[0], *end)));
    for source in all.map(|(step, end)| doubled("[1]", step, end)) {
        let start = Instant::now();
        assert!(ChatTemplate::new(&source, &[]).render(&[], false).is_err(), "{source}");
        assert!(start.elapsed() < LONGEST, "{source}");
    }
    for source in [
        "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}".to_owned(),
        "{% set ns = namespace(x=[]) %}{% for i in range(99) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x | tojson(indent=9999999) }}".to_owned(),
        format!("{{% set x = 'a' * 9000000 %}}{{{{ [{}] ~ '' }}}}", "x,".repeat(9000)),
        "{{ (['a'] * 100000) | join('x' * 1000000) }}".to_owned(),
        "{{ '{}'.format(*messages) }}".to_owned(),
    ] {
        assert!(ChatTemplate::new(&source, &[]).render(&[], false).is_err(), "{source}");
    }
    assert!(most_memory() < 1 << 30, "{} bytes", most_memory());
}

#[test]
fn a_long_conversation_is_within_bounds() {
    let source = "{{ bos_token }}{% for m in messages %}{% if m.role != 'system' and (loop.index0 + 1 < messages | length) %}\
                  {{ '<|' ~ m['role'] + '|>' }}{{ m.content | trim }}{% elif messages[loop.index0].role == 'user' %}\
                  {{ m.content.strip().split('</think>')[-1] }}{% endif %}{% endfor %}{{ messages[0] | tojson }}";
    let message = |i: usize| Message { role: ["user", "assistant"][i % 2].into(), content: format!("{i}").repeat(100) };
    let messages: Vec<Message> = (0..3001).map(message).collect();
    let text = ChatTemplate::new(source, &[("bos_token", "<s>")]).render(&messages, true).unwrap();
    assert!(
        text.starts_with("<s><|user|>000") && text.contains("{\"role\": \"user\", \"content\": \"000"),
        "{}",
        &text[text.len() - 99..]
    );
    assert_eq!(text.matches("<|assistant|>").count(), 1500);
    let one = [Message { role: "user".into(), content: "long ".repeat(1_000_000) }];
    assert!(ChatTemplate::new(source, &[]).render(&one, true).unwrap().len() > 10_000_000);
}

#[test]
fn a_template_cannot_nest_its_way_through_the_stack() {
    for step in ["[ns.x]", "{'a': ns.x}", "(ns.x,)", "[ns.x] + [1]", "namespace(x=ns.x)"] {
        for end in ["1", "ns.x", "ns.x | tojson", "ns.x == ns.y", "ns.x | unique", "ns.x | length"] {
            let source = format!(
                "{{% set ns = namespace(x=[], y=[]) %}}{{% for i in range(1000) %}}{{% for j in range(1000) %}}{{% set ns.x = {step} %}}\
                 {{% set ns.y = {step} %}}{{% endfor %}}{{% endfor %}}{{{{ {end} }}}}"
            );
            let some = source.replacen("range(1000)", "range(30)", 1);
            let few = source.replace("range(1000)", "range(60)");
            for source in [source, some, few] {
                let start = Instant::now();
                let _ = ChatTemplate::new(&source, &[]).render(&[], false);
                assert!(start.elapsed() < LONGEST, "{source}");
            }
        }
    }
}

#[test]
fn additions_mean_what_they_mean_in_jinja() {
    for (source, expected) in [
        ("{{ 'a' + 'b' }}", "ab"),
        ("{{ 1 + 2 }}", "3"),
        ("{{ 1 + 2.5 }}", "3.5"),
        ("{{ 9223372036854775807 + 1 }}", "9223372036854775808"),
        ("{{ true + 1 }}", "2"),
        ("{{ [1] + [2, 3] }}", "[1, 2, 3]"),
        ("{{ (1,) + (2,) }}", "(1, 2)"),
        ("{% for m in [{'role': 'a'}] + messages %}{{ m.role }},{% endfor %}", "a,user,"),
        ("{% for m in messages if m.role == 'user' %}{{ loop.index0 + loop.length }}{% endfor %}", "1"),
    ] {
        let messages = [Message { role: "user".into(), content: "x".into() }];
        assert_eq!(ChatTemplate::new(source, &[]).render(&messages, false).unwrap(), expected, "{source}");
    }
    for source in ["{{ 'a' + 1 }}", "{{ [1] + 1 }}", "{{ none + 1 }}", "{{ {} + {} }}"] {
        assert!(ChatTemplate::new(source, &[]).render(&[], false).is_err(), "{source}");
    }
}
