//! Whether a text of SQL names a model, whatever version of it, without planning it: what the text needs may be gone.

use datafusion::sql::sqlparser::tokenizer::Token;
use gradframe_plan::dialect;

/// How a model's name begins where it is a text.
const SCHEME: &str = "models:/";

/// Whether a statement reads from this model: `MODEL fare`, `MODEL "fare"@3`, `'models:/fare@champion'`. Of what is no SQL: false.
pub fn names_model(sql: &str, model: &str) -> bool {
    let Ok(tokens) = dialect::tokens(sql) else { return false };
    let tokens: Vec<&Token> = tokens.iter().map(|token| &token.token).collect();
    tokens.windows(3).any(|next| is_argument(next, model)) || tokens.iter().any(|token| is_address(token, model))
}

/// `(MODEL fare` or `, MODEL fare`: elsewhere the word is a name like others.
fn is_argument(next: &[&Token], model: &str) -> bool {
    let [Token::LParen | Token::Comma, Token::Word(marker), Token::Word(name)] = next else { return false };
    let is_marker = marker.quote_style.is_none() && marker.value.eq_ignore_ascii_case("MODEL");
    // `fare@3` is one word.
    let bare = |word: &str| word.split('@').next().is_some_and(|name| name.to_lowercase() == model);
    let is_name = if name.quote_style.is_some() { name.value == model } else { bare(&name.value) };
    is_marker && is_name
}

fn is_address(token: &Token, model: &str) -> bool {
    let Token::SingleQuotedString(text) = token else { return false };
    let rest = text.strip_prefix(SCHEME).and_then(|rest| rest.strip_prefix(model));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '@']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_however_it_is_written() {
        let named = [
            "SELECT * FROM ML.PREDICT(MODEL fare, TABLE t)",
            "SELECT * FROM ml.predict(model Fare@3, TABLE t)",
            "CREATE VIEW v AS SELECT * FROM ML.PREDICT( MODEL \"fare\"@champion, (SELECT 1 AS x))",
            "SELECT * FROM ML.EXPLAIN_PREDICT(TABLE t, MODEL fare)",
            "SELECT * FROM ML.PREDICT(MODEL 'models:/fare/3', TABLE t)",
            "SELECT * FROM ML.WEIGHTS(/* of */ MODEL -- this\n fare)",
        ];
        for text in named {
            assert!(names_model(text, "fare"), "{text}");
        }
        let others = [
            "SELECT * FROM ML.PREDICT(MODEL fares, TABLE t)",
            "SELECT * FROM ML.PREDICT(MODEL \"Fare\", TABLE t)",
            "SELECT 'MODEL fare' FROM fare",
            "CREATE MODEL fare OPTIONS (model_type = 'linear_reg') AS SELECT 1",
            "SELECT model fare FROM t",
            "SELECT 'models:/fares/3'",
            "it's no SQL",
        ];
        for text in others {
            assert!(!names_model(text, "fare"), "{text}");
        }
    }
}
