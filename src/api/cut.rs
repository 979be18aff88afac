//! Texts cut at a byte, as Go cuts them: of a character that is cut in two each byte that is left is told as U+FFFD.

use std::borrow::Cow;

/// The beginning, at most so many bytes of it.
pub(crate) fn first_bytes(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    Cow::Owned(format!("{}{}", &text[..end], left_over(most - end)))
}

/// The end, at most so many bytes of it.
pub(crate) fn last_bytes(text: &str, most: usize) -> Cow<'_, str> {
    let Some(cut) = text.len().checked_sub(most) else {
        return Cow::Borrowed(text);
    };
    let start = (cut..=text.len())
        .find(|start| text.is_char_boundary(*start))
        .unwrap_or(cut);
    Cow::Owned(format!("{}{}", left_over(start - cut), &text[start..]))
}

fn left_over(bytes: usize) -> String {
    "\u{fffd}".repeat(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_cut_in_two() {
        for (most, first, last) in [
            (8, "aü€bc", "aü€bc"),
            (7, "aü€b", "ü€bc"),
            (5, "aü\u{fffd}\u{fffd}", "€bc"),
            (4, "aü\u{fffd}", "\u{fffd}\u{fffd}bc"),
            (2, "a\u{fffd}", "bc"),
            (0, "", ""),
        ] {
            assert_eq!(
                (&*first_bytes("aü€bc", most), &*last_bytes("aü€bc", most)),
                (first, last),
                "{most}"
            );
        }
    }
}
