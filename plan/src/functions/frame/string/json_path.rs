//! JSON paths (`$.a[0]['b']`, `$..c`, `$.d[*]`) over text that is known to be JSON: values are parts of it, nothing is built.

/// Steps from the root to a value.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Path {
    steps: Vec<Step>,
}

#[derive(Debug, PartialEq)]
enum Step {
    /// `.name`, `['name']`
    Field(String),
    /// `[0]`, `[-1]`
    Item(i64),
    /// `.*`, `[*]`
    Every,
    /// `..`: what follows is looked for at every depth.
    Anywhere,
}

impl Path {
    /// Errors: what is wrong with the text.
    pub(super) fn parse(text: &str) -> Result<Path, String> {
        let mut rest = text.trim().strip_prefix('$').ok_or("it begins with `$`")?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            rest = step(rest, &mut steps)?;
        }
        match steps.last() {
            Some(Step::Anywhere) => Err("nothing follows `..`".into()),
            _ => Ok(Path { steps }),
        }
    }

    /// The first value at the path, in the order of the text.
    pub(super) fn first_in<'a>(&self, json: &'a str) -> Option<&'a str> {
        first(&self.steps, json.trim())
    }
}

fn step<'a>(text: &'a str, steps: &mut Vec<Step>) -> Result<&'a str, String> {
    if let Some(rest) = text.strip_prefix("..") {
        steps.push(Step::Anywhere);
        return if rest.starts_with('[') { Ok(rest) } else { name(rest, steps) };
    }
    if let Some(rest) = text.strip_prefix('.') {
        return name(rest, steps);
    }
    let inner = text.strip_prefix('[').ok_or_else(|| format!("expected `.` or `[` at `{text}`"))?;
    for quote in ['\'', '"'] {
        if let Some(quoted) = inner.strip_prefix(quote) {
            let (field, rest) = quoted.split_once(quote).ok_or("a quote is not closed")?;
            steps.push(Step::Field(field.to_owned()));
            return rest.strip_prefix(']').ok_or_else(|| "expected `]` behind a quoted name".into());
        }
    }
    let (inside, rest) = inner.split_once(']').ok_or("a bracket is not closed")?;
    steps.push(match inside.trim() {
        "*" => Step::Every,
        number => Step::Item(number.parse().map_err(|_| format!("`[{number}]` is not a number, a quoted name or *"))?),
    });
    Ok(rest)
}

fn name<'a>(text: &'a str, steps: &mut Vec<Step>) -> Result<&'a str, String> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    match &text[..end] {
        "" => return Err("a name is empty".into()),
        "*" => steps.push(Step::Every),
        name => steps.push(Step::Field(name.to_owned())),
    }
    Ok(&text[end..])
}

fn first<'a>(steps: &[Step], json: &'a str) -> Option<&'a str> {
    let Some((step, rest)) = steps.split_first() else { return Some(json) };
    match step {
        Step::Field(name) => members(json).filter(|(key, _)| key_is(key, name)).last().and_then(|(_, value)| first(rest, value)),
        Step::Item(at) => item(json, *at).and_then(|value| first(rest, value)),
        Step::Every => children(json).find_map(|value| first(rest, value)),
        Step::Anywhere => first(rest, json).or_else(|| children(json).find_map(|value| first(steps, value))),
    }
}

fn item(json: &str, at: i64) -> Option<&str> {
    let at = match usize::try_from(at) {
        Ok(at) => at,
        Err(_) => elements(json).count().checked_sub(usize::try_from(at.unsigned_abs()).ok()?)?,
    };
    elements(json).nth(at)
}

fn children(json: &str) -> impl Iterator<Item = &str> {
    elements(json).chain(members(json).map(|(_, value)| value))
}

fn elements(json: &str) -> impl Iterator<Item = &str> {
    let mut rest = json.strip_prefix('[').unwrap_or_default();
    std::iter::from_fn(move || next_value(&mut rest))
}

/// The members of an object: their quoted names, and their values.
fn members(json: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = json.strip_prefix('{').unwrap_or_default();
    std::iter::from_fn(move || {
        let key = next_value(&mut rest)?;
        rest = rest.trim_start().strip_prefix(':')?;
        Some((key, next_value(&mut rest)?))
    })
}

fn key_is(quoted: &str, name: &str) -> bool {
    match quoted.contains('\\') {
        false => quoted.len() == name.len() + 2 && &quoted[1..quoted.len() - 1] == name,
        true => serde_json::from_str::<String>(quoted).is_ok_and(|key| key == name),
    }
}

/// The next value of an array or object; None at its end.
fn next_value<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = rest.trim_start_matches([' ', '\t', '\r', '\n', ',']);
    let end = match text.as_bytes().first()? {
        b']' | b'}' => return None,
        b'"' => string_end(text),
        b'[' | b'{' => nested_end(text),
        _ => text.find([',', ']', '}', ':', ' ', '\t', '\r', '\n']).unwrap_or(text.len()),
    };
    *rest = &text[end..];
    Some(&text[..end])
}

fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

fn nested_end(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text.as_bytes()[at] {
            b'"' => at += string_end(&text[at..]) - 1,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}

/// Writes a value: a string without quotes, anything else as compact JSON. False for null.
pub(super) fn value_text(json: &str, out: &mut String) -> bool {
    match json.as_bytes().first() {
        Some(b'n') | None => return false,
        Some(b'"') => match serde_json::from_str::<String>(json) {
            Ok(text) => out.push_str(&text),
            Err(_) => return false,
        },
        _ => compact(json, out),
    }
    true
}

fn compact(mut json: &str, out: &mut String) {
    while let Some(at) = json.find(['"', ' ', '\t', '\r', '\n']) {
        let (before, rest) = json.split_at(at);
        out.push_str(before);
        let skipped = if rest.starts_with('"') { string_end(rest) } else { 1 };
        out.push_str(rest[..skipped].trim_matches([' ', '\t', '\r', '\n']));
        json = &rest[skipped..];
    }
    out.push_str(json);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, json: &str) -> Option<String> {
        let mut out = String::new();
        let value = Path::parse(path).unwrap().first_in(json)?;
        value_text(value, &mut out).then_some(out)
    }

    #[test]
    fn paths_lead_to_values() {
        let json = r#" {"x": 1, "y": [1, 2, {"k": "a,]\" b"}], "z": {"z": null, "w": true}, "n\u0061me": {}} "#;
        assert_eq!(found("$.x", json).as_deref(), Some("1"));
        assert_eq!(found("$.y[0]", json).as_deref(), Some("1"));
        assert_eq!(found("$.y[-1]['k']", json).as_deref(), Some("a,]\" b"));
        assert_eq!(found("$.y", json).as_deref(), Some(r#"[1,2,{"k":"a,]\" b"}]"#));
        assert_eq!(found("$..w", json).as_deref(), Some("true"));
        assert_eq!(found("$.z.*", json), None, "the first is null");
        assert_eq!(found("$.name", json).as_deref(), Some("{}"));
        assert_eq!(found("$.y[9]", json), None);
        assert_eq!(found("$.x.y", json), None);
    }

    #[test]
    fn what_is_no_path_is_said() {
        for path in ["", "x", "$.", "$[", "$['a", "$[1:2]", "$.."] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
