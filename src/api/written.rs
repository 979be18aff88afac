//! Where the characters of a scalar stand in its file, in whatever style of YAML it is written.

use std::fmt;
use std::iter::repeat_n;
use std::ops::Range;
use std::sync::Arc;

use super::node::{Bytes, Source};

/// A scalar as it stands in its file. Places in it are looked for when something is wrong with it, not before.
#[derive(Clone, PartialEq, Eq)]
pub struct Written {
    source: Arc<Source>,
    span: Bytes,
}

impl fmt::Debug for Written {
    /// Its place: the file itself would be too much.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Written({})", self.source.place(self.span.start as usize))
    }
}

impl Written {
    pub(crate) fn new(source: Arc<Source>, span: Bytes) -> Written {
        Written { source, span }
    }

    /// The file.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The bytes of the file that say those bytes of `text`, the scalar's value; where the two do not go together,
    /// the scalar's first byte.
    pub(crate) fn range(&self, text: &str, of: &Range<usize>) -> Range<usize> {
        let start = self.span.start as usize;
        let raw = self.source.text.get(self.span.range()).unwrap_or("");
        let places = text.get(..of.end).and_then(|text| align(raw, text)).unwrap_or_default();
        match (places.get(of.start), places.get(of.end)) {
            (Some(from), Some(to)) => start + from..start + *to.max(from),
            _ => start..start,
        }
    }
}

/// For each byte of the text, and for its end, the byte of the scalar that says it. Breaks of lines and blanks at
/// their ends may be written otherwise than they read; every other character is there.
fn align(raw: &str, text: &str) -> Option<Vec<usize>> {
    let style = raw.bytes().next()?;
    let mut at = match style {
        b'\'' | b'"' => 1,
        b'|' | b'>' => raw.find('\n')? + 1,
        _ => 0,
    };
    let mut places = Vec::with_capacity(text.len() + 1);
    for wanted in text.chars() {
        while style == b'"' && (raw[at..].starts_with("\\\n") || raw[at..].starts_with("\\\r")) {
            at += 1 + blanks(&raw[at + 1..]);
        }
        let blank = wanted.is_ascii_whitespace();
        if !blank {
            at += blanks(&raw[at..]);
        }
        let length = match character(&raw[at..], style) {
            Some((found, length)) if found == wanted => length,
            _ if blank => 0,
            _ => return None,
        };
        places.extend(repeat_n(at, wanted.len_utf8()));
        at += length;
    }
    places.push(at);
    Some(places)
}

/// How many bytes of blanks and breaks of lines the text begins with.
fn blanks(raw: &str) -> usize {
    raw.len() - raw.trim_start_matches([' ', '\t', '\r', '\n']).len()
}

/// The character that a scalar of that style goes on with, and the bytes that say it.
fn character(raw: &str, style: u8) -> Option<(char, usize)> {
    let first = raw.chars().next()?;
    match (style, first) {
        (b'\'', '\'') => raw.starts_with("''").then_some(('\'', 2)),
        (b'"', '\\') => escape(&raw[1..]).map(|(found, length)| (found, length + 1)),
        _ => Some((first, first.len_utf8())),
    }
}

/// What stands after a backslash.
fn escape(raw: &str) -> Option<(char, usize)> {
    let code = |from: usize, length: usize| u32::from_str_radix(raw.get(from..from + length)?, 16).ok();
    let plain = |found: char| Some((found, 1));
    match raw.chars().next()? {
        '0' => plain('\0'),
        'a' => plain('\u{7}'),
        'b' => plain('\u{8}'),
        't' => plain('\t'),
        'n' => plain('\n'),
        'v' => plain('\u{b}'),
        'f' => plain('\u{c}'),
        'r' => plain('\r'),
        'e' => plain('\u{1b}'),
        'N' => plain('\u{85}'),
        '_' => plain('\u{a0}'),
        'L' => plain('\u{2028}'),
        'P' => plain('\u{2029}'),
        'x' => Some((char::from_u32(code(1, 2)?)?, 3)),
        'U' => Some((char::from_u32(code(1, 8)?)?, 9)),
        'u' => match code(1, 4)? {
            // JSON writes what is beyond 16 bits as two.
            high @ 0xd800..=0xdbff => {
                let low = code(7, 4)?.checked_sub(0xdc00)?;
                Some((char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low)?, 11))
            }
            one => Some((char::from_u32(one)?, 5)),
        },
        itself => Some((itself, itself.len_utf8())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::node::Node;
    use crate::api::yaml;

    /// What stands in the file from the place on of the first `word` of the value of `that`.
    fn found(yaml: &str, word: &str) -> String {
        let source = Source {
            name: "x.yaml".to_owned(),
            text: yaml.to_owned(),
        };
        let documents = yaml::documents(&source).expect("it is YAML");
        let node: &Node = documents[0].get("that").expect("it has that");
        let text = node.text().expect("a text");
        let at = text.find(word).unwrap_or_else(|| panic!("{text:?} has {word:?}"));
        let written = Written::new(Arc::new(source.clone()), node.span);
        let range = written.range(text, &(at..at + word.len()));
        source.text[range].to_owned()
    }

    #[test]
    fn each_style_has_its_places() {
        for (yaml, word) in [
            ("that: one two", "two"),
            ("that: one\n  two\n\n  three", "three"),
            ("that: 'one two'", "two"),
            ("that: 'one\n\n   two\n  three'", "three"),
            ("that: \"one two\"", "two"),
            ("that: \"one\n   two\"", "two"),
            ("that: |\n  one\n    two\n\n  three\n", "three"),
            ("that: |-  # say\n  one\n  two", "two"),
            ("that: |2+\n    one\n   two\n\n", "two"),
            ("that: >\n  one\n  two\n\n    three\n  four\n", "three"),
            ("that: >-\r\n  one\r\n  two\r\n  three\r\n", "three"),
            ("{\"that\": \"one é two\"}", "two"),
            ("that: &a one two", "two"),
            ("that: !!str one two", "two"),
            ("that: !!str 'one two'", "two"),
            ("that: &a |\n  one\n  two\n", "two"),
            ("it: &a 'one two'\nthat: *a", "two"),
        ] {
            assert_eq!(found(yaml, word), word, "{yaml}");
        }
    }

    #[test]
    fn what_is_written_otherwise_has_its_place_too() {
        for (yaml, word, written) in [
            ("that: 'a(''b'').c'", "b", "b"),
            ("that: 'a(''b'').c'", "').c", "'').c"),
            (r#"that: "a(\"b\").c""#, "c", "c"),
            (r#"that: "a(\"b\").c""#, "\")", "\\\")"),
            (r#"that: "\x61\u0062\U00000063 d""#, "bc", r"\u0062\U00000063"),
            (r#"{"that": "\ud83d\ude00\/\n\td"}"#, "\u{1f600}/", r"\ud83d\ude00\/"),
            (r#"{"that": "\ud83d\ude00\/\n\td"}"#, "d", "d"),
            ("that: \"one\\\n   \\ttwo\\\n  \\  three\"", "two", "two"),
            ("that: \"one\\\n   \\ttwo\\\n  \\  three\"", "three", "three"),
        ] {
            assert_eq!(found(yaml, word), written, "{yaml}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_at_the_start() {
        let source = Source {
            name: "x.yaml".to_owned(),
            text: "that: 'one'".to_owned(),
        };
        let written = Written::new(Arc::new(source), Bytes { start: 6, end: 11 });
        assert_eq!(written.range("other", &(2..3)), 6..6);
        assert_eq!(written.range("one", &(2..9)), 6..6);
    }
}
