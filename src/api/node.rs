//! The tree of a document, every value with the bytes of the file that it was read from.

use std::ops::Range;
use std::sync::Arc;

use super::place::Place;
use super::pod::Name;

/// A file of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name to show.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// Line and column of a byte of the text.
    pub fn place(&self, at: usize) -> Place {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            file: self.name.as_str().into(),
            line: before.bytes().filter(|b| *b == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// Where the lines of a file begin, for finding many places quickly.
#[derive(Debug)]
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn new(source: &Source) -> Lines {
        let after = |(at, byte): (usize, u8)| (byte == b'\n').then_some(at + 1);
        Lines(
            std::iter::once(0)
                .chain(source.text.bytes().enumerate().filter_map(after))
                .collect(),
        )
    }

    /// As `Source::place`.
    pub(crate) fn place(&self, source: &Source, at: usize) -> Place {
        let line = self.0.partition_point(|start| *start <= at).max(1);
        let before = source.text.get(self.0[line - 1]..at).unwrap_or("");
        Place {
            file: source.name.as_str().into(),
            line,
            column: before.chars().count() + 1,
        }
    }

    /// The byte at a line and column of the text; its end for a place that is not in it.
    pub(crate) fn offset(&self, source: &Source, place: &Place) -> usize {
        let line = self.0.get(place.line.saturating_sub(1));
        let start = line.copied().unwrap_or(source.text.len());
        let before = source.text[start..].chars().take(place.column.saturating_sub(1));
        start + before.map(char::len_utf8).sum::<usize>()
    }
}

/// The bytes from which something was read. Files are smaller than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Bytes {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Bytes {
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value and where it stands. Cheap to clone, so that an alias costs no memory.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Bytes,
    pub(crate) value: Value,
}

/// What JSON can say, with integers kept apart from floating-point numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i128),
    Number(f64),
    Text(Name),
    List(Arc<[Node]>),
    Map(Arc<[(Key, Node)]>),
}

/// The name of a field and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) name: Name,
    pub(crate) span: Bytes,
}

impl Node {
    /// What it is, for messages: `a string`.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Boolean(_) => "a boolean",
            Value::Integer(_) => "an integer",
            Value::Number(_) => "a floating-point number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The fields of a map; nothing for anything else.
    pub(crate) fn fields(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(fields) => fields,
            _ => &[],
        }
    }

    /// The items of a list; nothing for anything else.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The field of that name, unless it is missing or null: the API server takes null for missing.
    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        let (_, node) = self.fields().iter().find(|(key, _)| *key.name == *name)?;
        (!node.is_null()).then_some(node)
    }

    /// The field at the end of a path of names.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, name| node.get(name))
    }

    /// The items of the list of that name.
    pub(crate) fn list(&self, name: &str) -> &[Node] {
        self.get(name).map_or(&[], Node::items)
    }

    pub(crate) fn text(&self) -> Option<&Name> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of that name.
    pub(crate) fn text_at(&self, name: &str) -> Option<&Name> {
        self.get(name).and_then(Node::text)
    }

    /// The text of that name, unless it is empty: Go knows no difference between empty and missing.
    pub(crate) fn filled_at(&self, name: &str) -> Option<&Name> {
        self.text_at(name).filter(|text| !text.is_empty())
    }

    pub(crate) fn integer(&self) -> Option<i128> {
        match self.value {
            Value::Integer(integer) => Some(integer),
            _ => None,
        }
    }

    /// The integer of that name; the shape has made sure that it fits.
    pub(crate) fn integer_at<T: TryFrom<i128>>(&self, name: &str) -> Option<T> {
        self.get(name)
            .and_then(Node::integer)
            .and_then(|integer| T::try_from(integer).ok())
    }

    pub(crate) fn boolean_at(&self, name: &str) -> Option<bool> {
        match self.get(name)?.value {
            Value::Boolean(boolean) => Some(boolean),
            _ => None,
        }
    }

    /// The texts of the list of that name.
    pub(crate) fn texts_at(&self, name: &str) -> Vec<Name> {
        self.list(name).iter().filter_map(Node::text).cloned().collect()
    }

    /// The bytes to underline when something is wrong with it: of a map or a list its first line.
    pub(crate) fn mark(&self) -> Bytes {
        match &self.value {
            Value::Map(fields) => fields.first().map_or(self.span, |(key, _)| key.span),
            Value::List(items) if self.span.end <= self.span.start + 1 => items.first().map_or(self.span, Node::mark),
            _ => self.span,
        }
    }

    /// The path to a node of this tree, as the API server writes it: `spec.containers[0].image`.
    pub(crate) fn path_to(&self, target: &Node) -> Option<String> {
        if std::ptr::eq(self, target) {
            return Some(String::new());
        }
        let below = |step: String, node: &Node| {
            node.path_to(target).map(|rest| {
                let dot = if rest.is_empty() || rest.starts_with('[') {
                    ""
                } else {
                    "."
                };
                format!("{step}{dot}{rest}")
            })
        };
        match &self.value {
            Value::Map(fields) => fields.iter().find_map(|(key, node)| below(key.name.to_string(), node)),
            Value::List(items) => items
                .iter()
                .enumerate()
                .find_map(|(index, node)| below(format!("[{index}]"), node)),
            _ => None,
        }
    }

    /// The number, with a fraction or without.
    #[allow(clippy::cast_precision_loss)] // Bounds are small: what is lost decides nothing.
    pub(crate) fn number(&self) -> Option<f64> {
        match self.value {
            Value::Integer(integer) => Some(integer as f64),
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The node at a path that [`Node::path_to`] writes.
    pub(crate) fn at_path(&self, path: &str) -> Option<&Node> {
        path.split('.').try_fold(self, |node, step| {
            match step.strip_suffix(']').and_then(|step| step.split_once('[')) {
                Some((name, index)) => node.get(name)?.items().get(index.parse::<usize>().ok()?),
                None => node.get(step),
            }
        })
    }

    /// As JSON, for values that are only handed on.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Boolean(boolean) => Json::Bool(*boolean),
            Value::Integer(integer) => match (i64::try_from(*integer), u64::try_from(*integer)) {
                (Ok(integer), _) => integer.into(),
                (_, Ok(integer)) => integer.into(),
                _ => Json::Null,
            },
            Value::Number(number) => serde_json::Number::from_f64(*number).map_or(Json::Null, Json::Number),
            Value::Text(text) => Json::String(text.to_string()),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(fields) => {
                let field = |(key, node): &(Key, Node)| (key.name.to_string(), node.to_json());
                Json::Object(fields.iter().map(field).collect())
            }
        }
    }
}
