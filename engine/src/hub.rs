//! The Hugging Face hub, by the variables of its own clients.

use std::ffi::OsString;
use std::path::PathBuf;

use gradframe_connectors::pretrained::HubSettings;

/// Where models come from when nothing else is said.
const ENDPOINT: &str = "https://huggingface.co";
/// What the hub's clients take for yes.
const YES: [&str; 4] = ["1", "on", "yes", "true"];

/// `HF_HUB_CACHE`, `HF_HOME`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_OFFLINE` and `TRANSFORMERS_OFFLINE`, as
/// `huggingface_hub` reads them.
pub(crate) fn hub_settings() -> HubSettings {
    settings(&|name| std::env::var_os(name).filter(|value| !value.is_empty()))
}

fn settings(variable: &dyn Fn(&str) -> Option<OsString>) -> HubSettings {
    let directory = |name: &str| variable(name).map(PathBuf::from);
    let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
    let is_set = |name: &str| text(name).is_some_and(|value| YES.contains(&value.to_lowercase().as_str()));
    let of_user = || directory("XDG_CACHE_HOME").or_else(|| Some(directory("HOME")?.join(".cache")));
    let home = directory("HF_HOME").or_else(|| Some(of_user()?.join("huggingface")));
    let below = |name: &str| Some(home.as_ref()?.join(name));
    let is_offline = is_set("HF_HUB_OFFLINE") || is_set("TRANSFORMERS_OFFLINE");
    let endpoint = || text("HF_ENDPOINT").map_or_else(|| ENDPOINT.to_owned(), |own| own.trim_end_matches('/').to_owned());
    let stored = || std::fs::read_to_string(directory("HF_TOKEN_PATH").or_else(|| below("token"))?).ok();
    let token = || text("HF_TOKEN").or_else(stored).map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
    HubSettings {
        cache: directory("HF_HUB_CACHE").or_else(|| below("hub")),
        endpoint: (!is_offline).then(endpoint),
        token: if is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN") { None } else { token() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> HubSettings {
        settings(&|name| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_variables_of_its_clients_lead_to_the_hub() {
        let plain = with(&[("HOME", "/u")]);
        assert_eq!(plain.cache.as_deref(), Some("/u/.cache/huggingface/hub".as_ref()));
        assert_eq!(plain.endpoint.as_deref(), Some(ENDPOINT));
        assert_eq!(plain.token, None);
        assert_eq!(with(&[("HOME", "/u"), ("HF_HOME", "/h")]).cache.as_deref(), Some("/h/hub".as_ref()));
        assert_eq!(with(&[("HF_HOME", "/h"), ("HF_HUB_CACHE", "/c")]).cache.as_deref(), Some("/c".as_ref()));
        assert_eq!(with(&[("HF_ENDPOINT", "http://here/")]).endpoint.as_deref(), Some("http://here"));
        assert_eq!(with(&[("HF_HUB_OFFLINE", "True")]).endpoint, None);
        assert_eq!(with(&[("HF_HUB_OFFLINE", "0")]).endpoint.as_deref(), Some(ENDPOINT));
        assert_eq!(with(&[("HF_TOKEN", " hf_x ")]).token.as_deref(), Some("hf_x"));
        assert_eq!(with(&[("HF_TOKEN", "hf_x"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).token, None);
    }

    #[test]
    fn a_token_is_in_no_debug_text() {
        assert!(!format!("{:?}", with(&[("HF_TOKEN", "hf_x")])).contains("hf_x"));
    }
}
