//! Tags as paths of artifacts and back; images by their first bytes.

/// Longer names are cut: a path of artifacts is at most 1024 bytes long, and the step and the ending come behind it.
const TAG_BYTES_MAX: usize = 900;

/// A tag as the beginning of an artifact's path: what leads elsewhere, or has no place in one, is written as `%2F`. Other tags
/// stay as they are, and no two become one unless they are very long.
pub(super) fn path_of(tag: &str) -> String {
    let path = tag.split('/').map(part).collect::<Vec<_>>().join("/");
    let path = if path.as_bytes().get(1) == Some(&b':') { path.replacen(':', "%3A", 1) } else { path };
    let end = path.floor_char_boundary(TAG_BYTES_MAX);
    path[..end].trim_end_matches('/').to_owned()
}

fn part(part: &str) -> String {
    match part {
        // Nothing between two slashes, which stays apart from what else can stand there.
        "" => "%".into(),
        "." => "%2E".into(),
        ".." => "%2E%2E".into(),
        part => part.chars().map(letter).collect(),
    }
}

fn letter(letter: char) -> String {
    match letter {
        '%' | '\\' => format!("%{:02X}", u32::from(letter)),
        letter if letter.is_control() => format!("%{:02X}", u32::from(letter)),
        letter => letter.into(),
    }
}

/// The tag of an artifact: `weights/000000012.parquet` of step 12 (also `weights/000000012.1.png`, the second of that step), and
/// `weights.parquet`, are of the tag `weights`.
pub(super) fn tag_of(path: &str, step: Option<i64>) -> String {
    let (before, name) = path.rsplit_once('/').map_or((None, path), |(before, name)| (Some(before), name));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    match (before, step) {
        (Some(before), Some(step)) if stem.split('.').next().and_then(|stem| stem.parse().ok()) == Some(step) => {
            before.to_owned()
        }
        (Some(before), _) => format!("{before}/{stem}"),
        (None, _) => stem.to_owned(),
    }
}

/// A title as the name of a directory: one part of a path, which TensorBoard shows.
pub(super) fn directory_of(title: &str) -> String {
    let safe =
        |c: char| if c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|') { '_' } else { c };
    let name: String = title.chars().map(safe).take(80).collect();
    let name = name.trim_matches([' ', '.']);
    if name.is_empty() { "run".into() } else { name.to_owned() }
}

/// The ending of an image's file.
pub(super) fn image_ending(file: &[u8]) -> &'static str {
    match file {
        [0xff, 0xd8, ..] => ".jpg",
        [b'G', b'I', b'F', ..] => ".gif",
        [b'R', b'I', b'F', b'F', ..] => ".webp",
        _ => ".png",
    }
}

/// Width and height of a PNG, GIF or JPEG, by its head.
pub(super) fn image_size(file: &[u8]) -> Option<(u32, u32)> {
    let of = |bytes: &[u8], at: usize| bytes.get(at..)?.first_chunk().copied();
    if file.starts_with(b"\x89PNG\r\n\x1a\n") {
        let number = |at: usize| file.get(at..)?.first_chunk().copied().map(u32::from_be_bytes);
        return Some((number(16)?, number(20)?));
    }
    if file.starts_with(b"GIF8") {
        return Some((u32::from(u16::from_le_bytes(of(file, 6)?)), u32::from(u16::from_le_bytes(of(file, 8)?))));
    }
    let mut left = file.strip_prefix(b"\xff\xd8")?;
    // Segments: a mark, a length that counts itself, a content. The frame's has height and width.
    loop {
        let [0xff, mark, rest @ ..] = left else { return None };
        let length = usize::from(u16::from_be_bytes(of(rest, 0)?));
        let is_frame = matches!(mark, 0xc0..=0xcf) && !matches!(mark, 0xc4 | 0xc8 | 0xcc);
        if is_frame {
            return Some((u32::from(u16::from_be_bytes(of(rest, 5)?)), u32::from(u16::from_be_bytes(of(rest, 3)?))));
        }
        left = rest.get(length.max(2)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_paths_and_come_back() {
        for tag in ["loss", "train/w é", "a.b/c"] {
            assert_eq!(path_of(tag), tag);
            assert_eq!(tag_of(&format!("{tag}/000000012.png"), Some(12)), tag);
        }
        assert_eq!(
            ["a/../b", "/x//y/", "C:\\x", "", "100%"].map(path_of),
            ["a/%2E%2E/b", "%/x/%/y/%", "C%3A%5Cx", "%", "100%25"]
        );
        assert!(path_of(&"é/".repeat(2000)).len() <= TAG_BYTES_MAX);
        assert_eq!([tag_of("weights.parquet", None), tag_of("weights/-00000003.1.png", Some(-3))], ["weights", "weights"]);
        assert_eq!(tag_of("a/12.png", None), "a/12");
        assert_eq!(tag_of("a/b.c.png", Some(3)), "a/b.c");
    }

    #[test]
    fn titles_become_one_part_of_a_path() {
        assert_eq!(
            ["first try", "../x", "a/b:c", "", "..", "é 🦀"].map(directory_of),
            ["first try", "_x", "a_b_c", "run", "run", "é 🦀"]
        );
    }

    #[test]
    fn images_say_how_large_they_are() {
        let png = [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &7u32.to_be_bytes(), &9u32.to_be_bytes()].concat();
        assert_eq!(image_size(&png), Some((7, 9)));
        assert_eq!(image_size(b"GIF89a\x07\0\x09\0"), Some((7, 9)));
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x09\0\x07\x03";
        assert_eq!((image_size(jpeg), image_ending(jpeg)), (Some((7, 9)), ".jpg"));
        for wrong in [&b""[..], b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"\xff\xd8\xff\xe0\0\0", b"\xff\xd8\xff\xc0\0\x11"] {
            assert_eq!(image_size(wrong), None);
        }
    }
}
