//! Conversations as one text, by the template that a model was trained with.

use std::borrow::Cow;
use std::fmt::Write;

use gradframe_ml_core::{Error, Result};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, context};
use serde_json::Value;

use super::{Variable, bounds, json};
use crate::config::Config;
use crate::files::Directory;

const OP: &str = "chat template";

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whose: `system`, `user`, `assistant`.
    pub role: String,
    /// What was said.
    pub content: String,
}

/// A model's template.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    source: String,
    /// Special tokens by the names that templates use.
    special: Vec<(String, String)>,
}

impl ChatTemplate {
    /// That of a directory: `chat_template.jinja`, else of `tokenizer_config.json`; None if it has none.
    /// Errors: `Execution` for a file that is not what it should be.
    pub fn open(directory: &Directory) -> Result<Option<Self>> {
        let config = Config::read_if_there(directory, "tokenizer_config.json")?;
        let config = config.unwrap_or_else(|| Config::new("tokenizer_config.json", Value::Object(Default::default())));
        let own = directory.text("chat_template.jinja")?.map(String::from_utf8);
        let own = own.transpose().map_err(|e| Error::execution(OP, format!("chat_template.jinja is not UTF-8: {e}")))?;
        let Some(source) = own.or_else(|| of_config(&config)) else { return Ok(None) };
        let token = |name: &str| config.get(name).and_then(token_text).map(|text| (name.to_owned(), text.to_owned()));
        let special = ["bos_token", "eos_token", "unk_token", "pad_token"].into_iter().filter_map(token).collect();
        Ok(Some(ChatTemplate { source, special }))
    }

    /// A template and the special tokens that it names. Errors: none before it is used.
    pub fn new(source: &str, special: &[(&str, &str)]) -> Self {
        let special = special.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect();
        ChatTemplate { source: source.to_owned(), special }
    }

    /// The conversation as one text; with `add_generation_prompt`, up to where the model goes on.
    /// Errors: as for [`ChatTemplate::render_with`].
    pub fn render(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String> {
        let turn = |m: &Message| {
            let parts = [("role", &m.role), ("content", &m.content)];
            Variable::Map(parts.map(|(name, text)| (name.to_owned(), text.as_str().into())).into())
        };
        let messages = Variable::List(messages.iter().map(turn).collect());
        let prompt = Variable::Flag(add_generation_prompt);
        self.render_with(vec![("messages".to_owned(), messages), ("add_generation_prompt".to_owned(), prompt)])
    }

    /// What the template makes of these variables: `messages`, `add_generation_prompt`, and whatever else it knows (`tools`,
    /// `documents`, `enable_thinking`). They go before special tokens of the same name.
    /// Errors: `Execution` with the template's own words where it refuses a conversation, or if it is wrong or does not end.
    pub fn render_with(&self, variables: Vec<(String, Variable)>) -> Result<String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |text: String| -> std::result::Result<String, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, text))
        });
        environment.add_function("strftime_now", now);
        environment.add_filter("tojson", json::tojson);
        let bytes = variables.iter().map(|(_, value)| value.bytes()).sum();
        let special = minijinja::Value::from_pairs(self.special.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        let none = ["tools", "documents"].map(|name| (name, minijinja::Value::from(())));
        let unsaid = minijinja::Value::from_pairs(none);
        let given = minijinja::Value::from_pairs(variables);
        let values = context! { ..given, ..special, ..unsaid };
        let wrong =
            |e: minijinja::Error| Error::execution(OP, e.detail().map_or_else(|| e.to_string(), str::to_owned)).because(e);
        bounds::render(environment, &without_generation(&self.source), (values, bytes))?.map_err(wrong)
    }
}

/// The local time by strftime's letters, as templates of Llama ask for it.
fn now(format: &str) -> std::result::Result<String, minijinja::Error> {
    let mut text = String::new();
    let wrong = |_| minijinja::Error::new(ErrorKind::InvalidOperation, format!("strftime_now: `{format}` is no format of times"));
    write!(text, "{}", chrono::Local::now().format(format)).map_err(wrong)?;
    Ok(text)
}

/// The template with `{% generation %}` and its end, which mark what a training learns from, as conditions that hold.
fn without_generation(source: &str) -> Cow<'_, str> {
    if !source.contains("generation") {
        return Cow::Borrowed(source);
    }
    let (mut text, mut rest) = (String::with_capacity(source.len()), source);
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else { break };
        let (tag, end) = (&rest[start + 2..start + length], start + length + 2);
        let inner = tag.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim();
        let other = match inner {
            "generation" => tag.replace("generation", " if true "),
            "endgeneration" => tag.replace("endgeneration", " endif "),
            _ => tag.to_owned(),
        };
        text.extend([&rest[..start], "{%", &other, "%}"]);
        rest = &rest[end..];
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// One template, or the one named `default` of several.
fn of_config(config: &Config) -> Option<String> {
    match config.get("chat_template")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(all) => {
            let named = all.iter().find(|one| one.get("name").and_then(Value::as_str) == Some("default"));
            named?.get("template")?.as_str().map(str::to_owned)
        }
        _ => None,
    }
}

/// A special token: a text, or an object that holds it.
fn token_text(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("content")?.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(role: &str, content: &str) -> Message {
        Message { role: role.to_owned(), content: content.to_owned() }
    }

    #[test]
    fn a_conversation_becomes_the_models_text() {
        let source = "{{ bos_token }}{% for m in messages %}\n{% if m.role == 'system' %}[{{ m['content'].strip() }}]{% else %}\
                      <{{ m.role }}>{{ m.content }}{% endif %}\n{% endfor %}\n{% if add_generation_prompt %}<assistant>{% endif %}";
        let template = ChatTemplate::new(source, &[("bos_token", "<s>")]);
        let text = template.render(&[said("system", " be brief "), said("user", "hello")], true).unwrap();
        assert_eq!(text, "<s>[be brief]<user>hello<assistant>");
    }

    #[test]
    fn what_templates_of_llama_and_smollm_ask_for_is_there() {
        for (source, expected) in [
            ("{{ strftime_now('%Y') | length }}{{ tools is none }}{{ documents is none }}", "4TrueTrue"),
            ("{% for m in messages %}{%- generation -%} {{ m.content }} {%- endgeneration %}.{% endfor %}", "x."),
            ("{% generation %}a{% endgeneration %}{% if add_generation_prompt %}b{% endif %}", "ab"),
        ] {
            assert_eq!(ChatTemplate::new(source, &[]).render(&[said("user", "x")], true).unwrap(), expected, "{source}");
        }
        assert!(ChatTemplate::new("{{ strftime_now('%Q%') }}", &[]).render(&[], true).is_err());
    }

    #[test]
    fn a_template_is_given_whatever_it_knows_in_its_order() {
        let call = Variable::Map(vec![
            ("name".into(), "getw".into()),
            ("arguments".into(), Variable::Map(vec![("z".into(), Variable::Whole(1)), ("a".into(), Variable::Number(0.5))])),
        ]);
        let turn = Variable::Map(vec![("role".into(), "assistant".into()), ("tool_calls".into(), Variable::List(vec![call]))]);
        let given = |name: &str, value| (name.to_owned(), value);
        let variables = vec![
            given("messages", Variable::List(vec![turn])),
            given("enable_thinking", Variable::Flag(false)),
            given("bos_token", "<o>".into()),
            given("documents", Variable::Nothing),
        ];
        let source = "{{ bos_token }}{% for m in messages %}{{ m.content is defined }}{{ m.tool_calls[0].name }}\
                      {{ m.tool_calls[0].arguments | tojson }}{% endfor %}{{ enable_thinking is false }}{{ tools is none }}";
        let text = ChatTemplate::new(source, &[("bos_token", "<s>")]).render_with(variables).unwrap();
        assert_eq!(text, "<o>Falsegetw{\"z\": 1, \"a\": 0.5}TrueTrue");
    }

    /// What transformers 5 makes of the same templates: Python's `json.dumps` with `ensure_ascii=False`.
    #[test]
    fn tojson_writes_what_transformers_writes() {
        let content = "it's <b> & \u{e9} \u{1f600} \"q\" \\ \n\u{1}";
        for (source, expected) in [
            ("{{ messages[0].content | tojson }}", "\"it's <b> & \u{e9} \u{1f600} \\\"q\\\" \\\\ \\n\\u0001\""),
            ("{{ 'a\u{e9}\u{1f600}' | tojson(ensure_ascii=true) }}", r#""a\u00e9\ud83d\ude00""#),
            ("{{ 'a\u{e9}' | tojson(true) }}", r#""a\u00e9""#),
            ("{{ {'b': [1, 2.0, none], 'a': true} | tojson }}", r#"{"b": [1, 2.0, null], "a": true}"#),
            ("{{ {'b': 1, 'a': {}} | tojson(sort_keys=true) }}", r#"{"a": {}, "b": 1}"#),
            ("{{ {'b': [1, []]} | tojson(indent=2) }}", "{\n  \"b\": [\n    1,\n    []\n  ]\n}"),
            ("{{ [1, {2: 'x'}] | tojson(separators=(',', ':')) }}", r#"[1,{"2":"x"}]"#),
            ("{{ [1, 2] | tojson(indent=0) }}", "[\n1,\n2\n]"),
            ("{{ messages | tojson }}", ""),
        ] {
            let talk = if expected.is_empty() { said("user", "x") } else { said("user", content) };
            let expected = if expected.is_empty() { r#"[{"role": "user", "content": "x"}]"# } else { expected };
            assert_eq!(ChatTemplate::new(source, &[]).render(&[talk], false).unwrap(), expected, "{source}");
        }
        for wrong in ["indent=17", "separators=(',',)", "separators=(1, 2)", "no=1", "indent='                 '"] {
            let source = format!("{{{{ [1] | tojson({wrong}) }}}}");
            assert!(ChatTemplate::new(&source, &[]).render(&[], false).is_err(), "{wrong}");
        }
        assert!(ChatTemplate::new("{{ nothing | tojson }}", &[]).render(&[], false).is_err());
    }

    #[test]
    fn a_template_refuses_in_its_own_words() {
        let template = ChatTemplate::new("{{ raise_exception('only users speak') }}", &[]);
        let error = template.render(&[said("system", "x")], false).unwrap_err();
        assert_eq!(error.to_string(), "chat template: only users speak");
    }

    #[test]
    fn a_template_that_does_not_end_is_an_error() {
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% set c = a * b %}{% endfor %}{% endfor %}";
        assert!(ChatTemplate::new(endless, &[]).render(&[], false).is_err());
        for wrong in ["{% if", "{{ 1 / 0 }}", "{{ messages[0].content.nothing() }}", "{% include 'x' %}"] {
            assert!(ChatTemplate::new(wrong, &[]).render(&[said("user", "x")], false).is_err(), "{wrong}");
        }
    }
}
