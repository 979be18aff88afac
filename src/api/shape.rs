//! What a document may look like: tables of fields and their types, and the check of a tree against them.

use std::fmt::Write;

use super::diagnostic::{Diagnostic, nearest};
use super::features::Version;
use super::node::{Bytes, Lines, Node, Source, Value};
use super::place::Place;
use super::rules::Rule;

/// The type of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// anything
    Any,
    /// a string
    Text,
    /// a boolean
    Boolean,
    /// an integer between two bounds, both included
    Integer(i128, i128),
    /// a number between two bounds, both included
    Number(i32, i32),
    /// a resource.Quantity: a string or a number
    Quantity,
    /// a port or a percentage: an integer or a string
    IntOrString,
    /// an RFC 3339 timestamp
    Time,
    /// base64
    Bytes,
    /// a version of Kubernetes that is played
    Version,
    /// a duration as Go writes it
    Duration,
    /// a duration as Go writes it, or a distribution
    DurationOr(&'static Object),
    /// one of some words
    Choice(&'static [&'static str]),
    /// a list
    List(&'static Shape),
    /// a map from names that the user chooses
    Map(&'static Shape),
    /// a map with known fields
    Of(&'static Object),
    /// a word, or a map with known fields
    ChoiceOr(&'static [&'static str], &'static Object),
}

pub(crate) const INT32: Shape = Shape::Integer(i32::MIN as i128, i32::MAX as i128);
pub(crate) const INT64: Shape = Shape::Integer(i64::MIN as i128, i64::MAX as i128);

/// The fields of an API type.
#[derive(Debug)]
pub(crate) struct Object {
    /// what it is called in messages and in the JSON schema
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
}

/// A field of an API type.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// what the API server checks of it beyond its type; nothing of the Scenario's fields
    pub(crate) rules: &'static [Rule],
    /// a sentence for people; empty for Kubernetes' own fields
    pub(crate) about: &'static str,
    /// what holds without it, [`REQUIRED`], or [`ONE_OF`]; empty where nothing is to be said
    pub(crate) default: &'static str,
}

impl Field {
    /// The words that it may have, if a rule says so without a condition.
    pub(crate) fn words(&self) -> Option<&'static [&'static str]> {
        self.rules.iter().find_map(|rule| match rule {
            Rule::OneOf(words) | Rule::Words(words) => Some(*words),
            _ => None,
        })
    }
}

/// The default of a field that must be given.
pub(crate) const REQUIRED: &str = "required";
/// The default of each field of which exactly one must be given.
pub(crate) const ONE_OF: &str = "one of these";

/// Declares a table: `object! { PROBE = "Probe" { exec: Of(&EXEC_ACTION), … } }`. Behind a field may stand what it is for,
/// and behind that its default: `seed: INT64 => "All randomness comes from it." ["0"]`. Rules stand behind a semicolon:
/// `topologyKey: Text; [Required("can not be empty")]`.
macro_rules! object {
    ($($(#[$meta:meta])* $name:ident = $shown:literal {
        $($field:tt: $shape:expr $(; [$($rule:expr),* $(,)?])? $(=> $about:literal $([$default:literal])?)?),* $(,)?
    })+) => {
        $(
            $(#[$meta])*
            pub(crate) static $name: $crate::api::shape::Object = $crate::api::shape::Object {
                name: $shown,
                fields: &[$($crate::api::shape::Field {
                    name: $crate::api::shape::unquoted(stringify!($field)),
                    shape: $shape,
                    rules: &[$($($rule),*)?],
                    about: concat!($($about)?),
                    default: concat!($($($default)?)?),
                }),*],
            };
        )+
    };
}
pub(crate) use object;

/// The name of a field without the quotes that names which are no identifiers need.
pub(crate) const fn unquoted(name: &'static str) -> &'static str {
    let bytes = name.as_bytes();
    if bytes.len() > 2 && bytes[0] == b'"' {
        let (_, rest) = name.split_at(1);
        return rest.split_at(rest.len() - 1).0;
    }
    name
}

impl PartialEq for Object {
    /// Tables are the same when they are the same one.
    fn eq(&self, other: &Object) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Object {}

impl Object {
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// What was found wrong with one document.
pub(crate) struct Problems<'a> {
    pub(crate) source: &'a Source,
    lines: &'a Lines,
    /// the document: paths in messages begin here
    pub(crate) root: &'a Node,
    pub(crate) found: Vec<Diagnostic>,
}

impl<'a> Problems<'a> {
    pub(crate) fn new(source: &'a Source, lines: &'a Lines, root: &'a Node) -> Problems<'a> {
        Problems {
            source,
            lines,
            root,
            found: Vec::new(),
        }
    }

    /// Everything that was found, in the order of the text.
    pub(crate) fn take(&mut self) -> Vec<Diagnostic> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|diagnostic| diagnostic.span.start);
        found
    }

    /// The path of a node, as the API server writes it.
    pub(crate) fn path(&self, node: &Node) -> String {
        self.root.path_to(node).unwrap_or_default()
    }

    /// Where a value stands.
    pub(crate) fn place(&self, node: &Node) -> Place {
        self.place_of(node.mark().start as usize)
    }

    /// Where a byte of the file stands.
    pub(crate) fn place_of(&self, at: usize) -> Place {
        self.lines.place(self.source, at)
    }

    /// `path: message` about a value, which is underlined.
    pub(crate) fn at(&mut self, node: &Node, message: &str) -> &mut Diagnostic {
        let path = self.path(node);
        let message = if path.is_empty() {
            message.to_owned()
        } else {
            format!("{path}: {message}")
        };
        self.mark(node.mark(), message)
    }

    /// `path: Invalid value: …: message`, the API server's `field.Invalid`.
    pub(crate) fn invalid(&mut self, node: &Node, message: &str) -> &mut Diagnostic {
        let value = short(node);
        self.at(node, &format!("Invalid value: {value}: {message}"))
    }

    /// The API server's `field.NotSupported`.
    pub(crate) fn unsupported(&mut self, node: &Node, supported: &[&str]) {
        let path = self.path(node);
        self.unsupported_at(node, &path, supported);
    }

    /// `field.NotSupported` of a value that the API server calls by that path.
    pub(crate) fn unsupported_at(&mut self, node: &Node, path: &str, supported: &[&str]) {
        let message = unsupported(&short(node), supported);
        let given = node.text().map_or("", |text| text);
        let near = nearest(given, supported.iter().copied());
        let found = self.mark(node.mark(), format!("{path}: {message}"));
        if let Some(near) = near {
            found.hint = Some(format!("is it {near:?}?"));
        }
    }

    /// The API server's `field.Required`: a field that is missing in `parent`.
    pub(crate) fn required(&mut self, parent: &Node, field: &str, message: &str) -> &mut Diagnostic {
        let tail = if message.is_empty() {
            String::new()
        } else {
            format!(": {message}")
        };
        let path = self.child_path(parent, field);
        let mark = parent.get(field).map_or_else(|| parent.mark(), Node::mark);
        self.mark(mark, format!("{path}: Required value{tail}"))
    }

    /// The API server's `field.Duplicate`.
    pub(crate) fn duplicate(&mut self, node: &Node) -> &mut Diagnostic {
        let value = short(node);
        self.at(node, &format!("Duplicate value: {value}"))
    }

    /// The API server's `field.Forbidden`.
    pub(crate) fn forbidden(&mut self, node: &Node, message: &str) -> &mut Diagnostic {
        self.at(node, &format!("Forbidden: {message}"))
    }

    /// The API server's `field.NotFound`.
    pub(crate) fn not_found(&mut self, node: &Node) -> &mut Diagnostic {
        let value = short(node);
        self.at(node, &format!("Not found: {value}"))
    }

    fn child_path(&self, parent: &Node, field: &str) -> String {
        let path = self.path(parent);
        if path.is_empty() {
            field.to_owned()
        } else {
            format!("{path}.{field}")
        }
    }

    pub(crate) fn mark(&mut self, span: Bytes, message: String) -> &mut Diagnostic {
        self.found.push(Diagnostic::at(self.source, span.range(), message));
        self.found.last_mut().expect("it was just pushed")
    }
}

/// Goes on to a field in a path; the length to which it is cut to go back.
pub(crate) fn descend(path: &mut String, field: &str) -> usize {
    let length = path.len();
    if length > 0 {
        path.push('.');
    }
    path.push_str(field);
    length
}

/// What `field.NotSupported` says of a value.
pub(crate) fn unsupported(value: &str, supported: &[&str]) -> String {
    let list: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
    format!("Unsupported value: {value}: supported values: {}", list.join(", "))
}

/// A value as a message quotes it.
pub(crate) fn short(node: &Node) -> String {
    match &node.value {
        Value::Map(_) => "{…}".to_owned(),
        Value::List(_) => "[…]".to_owned(),
        Value::Text(text) if text.chars().count() > 80 => {
            format!("{:?}", text.chars().take(79).chain(['…']).collect::<String>())
        }
        _ => node.to_json().to_string(),
    }
}

/// Checks a tree against the shape of its root; everything that does not fit is noted.
pub(crate) fn check(root: &Node, object: &'static Object, problems: &mut Problems<'_>) {
    let above = problems.path(root);
    Checker {
        top: object,
        above: if above.is_empty() { above } else { format!("{above}.") },
        problems,
        path: String::new(),
    }
    .check(root, Shape::Of(object));
}

struct Checker<'c, 'a> {
    top: &'static Object,
    /// the path of a list's item, with a dot
    above: String,
    problems: &'c mut Problems<'a>,
    path: String,
}

impl Checker<'_, '_> {
    fn check(&mut self, node: &Node, shape: Shape) {
        if node.is_null() {
            return;
        }
        match (shape, &node.value) {
            (Shape::Any, _)
            | (Shape::Text, Value::Text(_))
            | (Shape::Boolean, Value::Boolean(_))
            | (Shape::IntOrString, Value::Text(_)) => {}
            (Shape::Integer(least, most), Value::Integer(integer)) => {
                if *integer < least || *integer > most {
                    let message = format!("{integer} is out of range: it must be from {least} to {most}");
                    self.wrong(node, &message);
                }
            }
            (Shape::Number(least, most), Value::Integer(_) | Value::Number(_)) => {
                let (least, most) = (f64::from(least), f64::from(most));
                if !node.number().is_some_and(|number| (least..=most).contains(&number)) {
                    let message = format!("{} is out of range: it must be from {least} to {most}", short(node));
                    self.wrong(node, &message);
                }
            }
            (Shape::Version, Value::Text(text)) => {
                if Version::parse(text).is_none() {
                    let [oldest, .., newest] = Version::ALL;
                    let hint = format!("the versions are \"{oldest}\" to \"{newest}\"");
                    self.wrong(node, &format!("{text:?} is not supported")).hint = Some(hint);
                }
            }
            (Shape::IntOrString, Value::Integer(integer)) => {
                if i32::try_from(*integer).is_err() {
                    self.wrong(node, &format!("{integer} is out of range"));
                }
            }
            (Shape::Quantity, Value::Integer(_) | Value::Number(_)) => {}
            (Shape::Quantity, Value::Text(text)) => {
                if !super::quantity::is_quantity(text) {
                    self.wrong(
                        node,
                        &format!("{text:?} is not a quantity; write 500m, 1, 128Mi or 1Gi"),
                    );
                }
            }
            (Shape::Time, Value::Text(text)) => {
                if !looks_like_time(text) {
                    self.wrong(node, &format!("{text:?} is not a time; write 2006-01-02T15:04:05Z"));
                }
            }
            (Shape::Bytes, Value::Text(text)) => {
                if super::objects::decode_base64(text).is_none() {
                    self.wrong(node, "illegal base64 data").hint = Some("`stringData` takes plain text".to_owned());
                }
            }
            (Shape::Duration | Shape::DurationOr(_), Value::Text(text)) => {
                if let Err(message) = super::duration::in_range(text) {
                    self.wrong(node, &message);
                }
            }
            (Shape::DurationOr(object), Value::Map(_)) => self.check(node, Shape::Of(object)),
            (Shape::Duration | Shape::DurationOr(_), Value::Integer(integer)) => {
                let hint = format!("write {integer}s for seconds, {integer}ms for milliseconds");
                self.wrong(node, "durations are Go strings such as 30s").hint = Some(hint);
            }
            (Shape::Choice(words) | Shape::ChoiceOr(words, _), Value::Text(text)) => {
                if !words.contains(&&**text) {
                    let path = self.path.clone();
                    let near = nearest(text, words.iter().copied());
                    let message = format!("{}{path}: {text:?} is not one of {}", self.above, words.join(", "));
                    let found = self.problems.mark(node.mark(), message);
                    found.hint = near.map(|near| format!("is it {near:?}?"));
                }
            }
            (Shape::List(item), Value::List(items)) => {
                let length = self.path.len();
                for (index, node) in items.iter().enumerate() {
                    let _ = write!(self.path, "[{index}]");
                    self.check(node, *item);
                    self.path.truncate(length);
                }
            }
            (Shape::Map(value), Value::Map(fields)) => {
                for (key, node) in fields.iter() {
                    self.below(&key.name, |checker| checker.check(node, *value));
                }
            }
            (Shape::Of(object) | Shape::ChoiceOr(_, object), Value::Map(fields)) => {
                for (key, node) in fields.iter() {
                    match object.field(&key.name) {
                        Some(field) => self.below(&key.name, |checker| checker.check(node, field.shape)),
                        None => self.unknown(object, &key.name, key.span),
                    }
                }
            }
            _ => self.mismatch(node, shape),
        }
    }

    fn below(&mut self, name: &str, work: impl FnOnce(&mut Self)) {
        let length = descend(&mut self.path, name);
        work(self);
        self.path.truncate(length);
    }

    fn wrong(&mut self, node: &Node, message: &str) -> &mut Diagnostic {
        let message = format!("{}{}: {message}", self.above, self.path);
        self.problems.mark(node.mark(), message)
    }

    fn mismatch(&mut self, node: &Node, shape: Shape) {
        let wanted = describe(shape);
        let kind = node.kind();
        let hint = match (&node.value, shape) {
            (Value::Boolean(_) | Value::Integer(_) | Value::Number(_), Shape::Text | Shape::Version) => {
                let written = self.problems.source.text.get(node.span.range()).unwrap_or("");
                Some(format!("put it in quotes: \"{written}\""))
            }
            (Value::Boolean(_) | Value::Integer(_) | Value::Number(_), Shape::Map(_)) => None,
            (Value::Text(text), Shape::Integer(..)) if text.parse::<i128>().is_ok() => {
                Some(format!("write it without quotes: {text}"))
            }
            (Value::Text(text), Shape::Boolean) if &**text == "true" || &**text == "false" => {
                Some(format!("write it without quotes: {text}"))
            }
            (Value::Map(_), Shape::List(_)) => Some("begin each item of the list with `- `".to_owned()),
            (Value::List(_), Shape::Of(_)) => Some("there is only one of it: leave out the `- `".to_owned()),
            _ => None,
        };
        let found = self.wrong(node, &format!("it must be {wanted}, not {kind}"));
        found.hint = hint;
    }

    fn unknown(&mut self, object: &'static Object, name: &str, span: Bytes) {
        let dot = if self.path.is_empty() { "" } else { "." };
        let message = format!("unknown field \"{}{}{dot}{name}\"", self.above, self.path);
        let near = nearest(name, object.fields.iter().map(|field| field.name));
        let elsewhere = find_field(self.top, name, &self.path);
        let hint = match (near, elsewhere) {
            (Some(near), _) if near.eq_ignore_ascii_case(name) || strsim::damerau_levenshtein(near, name) == 1 => {
                Some(format!("is it {near:?}?"))
            }
            (_, Some(path)) => Some(format!("it belongs elsewhere: {path:?}")),
            (Some(near), None) => Some(format!("is it {near:?}?")),
            (None, None) if object.fields.len() <= 12 => {
                let known: Vec<&str> = object.fields.iter().map(|field| field.name).collect();
                Some(format!("known here are {}", known.join(", ")))
            }
            (None, None) => None,
        };
        self.problems.mark(span, message).hint = hint;
    }
}

/// Where else a field of that name exists: the path that has most in common with `near`, then the shortest.
fn find_field(top: &'static Object, name: &str, near: &str) -> Option<String> {
    /// No interesting field is deeper.
    const DEEPEST: usize = 7;
    let near = without_indices(near);
    let mut best: Option<(usize, usize, String)> = None;
    let mut level: Vec<(String, &'static Object)> = vec![(String::new(), top)];
    for depth in 0..DEEPEST {
        let mut next = Vec::new();
        for (path, object) in level {
            for field in object.fields {
                let dot = if path.is_empty() { "" } else { "." };
                let here = format!("{path}{dot}{}", field.name);
                if field.name == name {
                    let plain = without_indices(&here);
                    let common = plain
                        .split('.')
                        .zip(near.split('.'))
                        .take_while(|(a, b)| a == b)
                        .count();
                    let steps = plain.split('.').count() + near.split('.').count() - 2 * common;
                    if best.as_ref().is_none_or(|(least, _, _)| steps < *least) {
                        best = Some((steps, depth, here.clone()));
                    }
                }
                match field.shape {
                    Shape::Of(object) | Shape::ChoiceOr(_, object) => next.push((here, object)),
                    Shape::List(Shape::Of(object)) => next.push((format!("{here}[]"), object)),
                    _ => {}
                }
            }
        }
        level = next;
    }
    best.map(|(_, _, path)| path)
}

/// `spec.containers.image` of `spec.containers[0].image`.
fn without_indices(path: &str) -> String {
    let mut depth = 0;
    path.chars()
        .filter(|c| {
            depth += i32::from(*c == '[');
            let keep = depth == 0;
            depth -= i32::from(*c == ']');
            keep
        })
        .collect()
}

/// A type, for messages.
fn describe(shape: Shape) -> String {
    match shape {
        Shape::Any => "anything".to_owned(),
        Shape::Text | Shape::Version => "a string".to_owned(),
        Shape::Boolean => "a boolean".to_owned(),
        Shape::Integer(..) => "an integer".to_owned(),
        Shape::Number(..) => "a number".to_owned(),
        Shape::Quantity => "a quantity such as 500m or 128Mi".to_owned(),
        Shape::IntOrString => "an integer or a string".to_owned(),
        Shape::Time => "a time as a string".to_owned(),
        Shape::Bytes => "base64 as a string".to_owned(),
        Shape::Duration | Shape::DurationOr(_) => "a duration such as 30s".to_owned(),
        Shape::Choice(words) => format!("one of {}", words.join(", ")),
        Shape::ChoiceOr(words, _) => format!("{} or a map", words.join(", ")),
        Shape::List(_) => "a list".to_owned(),
        Shape::Map(_) | Shape::Of(_) => "a map".to_owned(),
    }
}

/// Whether a text has the form of an RFC 3339 time.
fn looks_like_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let form = b"dddd-dd-ddTdd:dd:dd";
    bytes.len() > form.len()
        && form.iter().zip(bytes).all(|(form, byte)| match form {
            b'd' => byte.is_ascii_digit(),
            other => other.eq_ignore_ascii_case(byte),
        })
}
