//! Suggestions for names that are not there.

/// The candidate that `name` was probably meant to be, if one is near enough; case does not count.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let edits = |candidate: &str| strsim::osa_distance(&wanted, &candidate.to_lowercase());
    let edits_max = (wanted.chars().count() / 3).max(1);
    let something_shared = |edits: usize, candidate: &str| edits < wanted.len().max(candidate.len());
    let near = candidates.into_iter().map(|c| (edits(c), c)).filter(|&(e, c)| e <= edits_max && something_shared(e, c));
    near.min_by_key(|(edits, _)| *edits).map(|(_, c)| c)
}

/// A hint for an unknown name: the nearest one, else what there is to choose from.
pub fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match nearest(name, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if candidates.is_empty() => "there are none".into(),
        None => format!("there are {}", list(&candidates)),
    }
}

/// The first names of a list, quoted.
pub fn list(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect();
    let more = names.len().saturating_sub(SHOWN);
    let tail = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{tail}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_listed() {
        let names = ["arr_delay", "dep_delay", "distance"];
        assert_eq!(nearest("dep_dely", names), Some("dep_delay"));
        assert_eq!(nearest("DISTANCE", names), Some("distance"));
        assert_eq!(nearest("weather", names), None);
        assert_eq!(nearest("x", ["a", "b"]), None);
        assert_eq!(suggest("arr_delya", names), "did you mean `arr_delay`?");
        assert_eq!(suggest("weather", ["a", "b"]), "there are `a`, `b`");
    }
}
