//! From YAML or JSON text to trees of its documents, with limits against hostile ones.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_yaml::granit_parser::{Event, Options, Parser, ScalarStyle, Span as ParserSpan, Tag};

use super::diagnostic::Diagnostic;
use super::node::{Bytes, Key, Node, Source, Value};
use super::pod::Name;
use super::scalar;

/// The largest file.
pub(crate) const LARGEST_FILE: usize = 64 << 20;
/// The largest document: what the API server takes in one request (`MaxRequestBodyBytes`).
pub(crate) const LARGEST_DOCUMENT: usize = 3 << 20;
/// How deep collections may be nested.
const DEEPEST: usize = 100;
/// How many values a document may have after its aliases are replaced.
const MOST_VALUES: usize = 1_000_000;

/// The documents of a file that are not empty, or what makes it unreadable.
pub(crate) fn documents(source: &Source) -> Result<Vec<Node>, Box<Diagnostic>> {
    let refuse = |message: String| Err(Box::new(Diagnostic::at(source, 0..0, message)));
    if source.text.len() > LARGEST_FILE {
        return refuse(format!("the file is larger than {} MiB", LARGEST_FILE >> 20));
    }
    let mut builder = Builder::new(source);
    let read = match json_values(&source.text) {
        Some(parts) => parts.into_iter().try_for_each(|part| builder.read(part)),
        None => builder.read(0..source.text.len()),
    };
    read.map_err(|error| Box::new(with_reason(*error, source)))?;
    Ok(builder.documents)
}

/// Where the values of a stream of JSON begin and end, one after the other as `jq` writes them; None where the text is
/// something else, or no more than one of them, which is YAML as well.
fn json_values(text: &str) -> Option<Vec<Range<usize>>> {
    let mut values = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if depth > 0 => quoted = !quoted,
            _ if quoted => {}
            // JSON has neither: this is YAML in braces.
            b'\'' | b'#' => return None,
            b'{' | b'[' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    values.push(start..at + 1);
                }
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    (depth == 0 && values.len() > 1).then_some(values)
}

/// Adds what people most often do wrong.
fn with_reason(found: Diagnostic, source: &Source) -> Diagnostic {
    if found.hint.is_some() {
        return found;
    }
    let place = found.place.clone().unwrap_or_default();
    let near = |line: usize| source.text.lines().nth(line.saturating_sub(1)).unwrap_or("");
    let lines = [near(place.line), near(place.line.saturating_sub(1))];
    if lines.iter().any(|line| line.contains("{{")) {
        return found.hint("this looks like a template: render it first, for Helm with `helm template`");
    }
    if lines.iter().any(|line| line.trim_start_matches(' ').starts_with('\t')) {
        return found.hint("YAML is indented with spaces, not with tabs");
    }
    found
}

/// A collection that is being read.
struct Frame {
    anchor: usize,
    start: u32,
    /// Values in it so far, with those that aliases stand for.
    size: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        fields: Vec<(Key, Node)>,
        key: Option<Key>,
        /// What `<<` brings: fields that hold unless the map itself has them.
        merged: Vec<Node>,
    },
}

struct Builder<'s> {
    source: &'s Source,
    documents: Vec<Node>,
    stack: Vec<Frame>,
    /// Finished anchors with the number of values they stand for.
    anchors: BTreeMap<usize, (Node, usize)>,
    document_start: usize,
    /// Where the part that is being read begins.
    base: usize,
}

impl<'s> Builder<'s> {
    fn new(source: &'s Source) -> Builder<'s> {
        Builder {
            source,
            documents: Vec::new(),
            stack: Vec::new(),
            anchors: BTreeMap::new(),
            document_start: 0,
            base: 0,
        }
    }

    /// Reads the documents of a part of the file.
    fn read(&mut self, part: Range<usize>) -> Result<(), Box<Diagnostic>> {
        let mut options = Options::default();
        options.flow_nesting_limit = DEEPEST;
        options.block_nesting_limit = DEEPEST;
        options.set_emit_comments(false);
        self.base = part.start;
        for event in Parser::new_from_str_with_options(&self.source.text[part], options) {
            let (event, span) = event.map_err(|error| {
                let at = self.base + error.marker().byte_offset().unwrap_or(0);
                let end = self.source.text.get(at..).and_then(|rest| rest.chars().next());
                let place = at..at + end.map_or(0, char::len_utf8);
                Box::new(Diagnostic::at(
                    self.source,
                    place,
                    format!("this is no YAML: {}", error.info()),
                ))
            })?;
            self.event(event, span)?;
        }
        Ok(())
    }

    fn error(&self, span: Bytes, message: impl Into<String>) -> Box<Diagnostic> {
        Box::new(Diagnostic::at(self.source, span.range(), message))
    }

    fn event(&mut self, event: Event<'_>, at: ParserSpan) -> Result<(), Box<Diagnostic>> {
        let span = span_of(&at, self.base);
        if (span.end as usize).saturating_sub(self.document_start) > LARGEST_DOCUMENT {
            let place = Bytes {
                start: span.start,
                end: span.start,
            };
            return Err(self.error(
                place,
                format!(
                    "the document is larger than {} MiB, which the API server would refuse",
                    LARGEST_DOCUMENT >> 20
                ),
            ));
        }
        match event {
            Event::DocumentStart(..) => {
                self.document_start = span.start as usize;
                self.anchors.clear();
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(text, style, tag.as_deref(), span)?;
                self.value(Node { span, value }, anchor, 1)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", span)?;
                self.open(anchor, span, Content::List(Vec::new()));
            }
            Event::MappingStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", span)?;
                let content = Content::Map {
                    fields: Vec::new(),
                    key: None,
                    merged: Vec::new(),
                };
                self.open(anchor, span, content);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id).cloned() else {
                    return Err(self.error(span, "an alias may not stand within what it stands for"));
                };
                self.value(node, 0, size)?;
            }
            // Bounds of documents, and what the parser was asked not to report.
            _ => {}
        }
        Ok(())
    }

    fn collection_tag(&self, tag: Option<&Tag>, own: &str, span: Bytes) -> Result<(), Box<Diagnostic>> {
        match tag {
            Some(tag) if core_tag(tag) != Some(own) => {
                Err(self.error(span, "a tag like this is not supported on a list or a map"))
            }
            _ => Ok(()),
        }
    }

    fn scalar(
        &self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Bytes,
    ) -> Result<Value, Box<Diagnostic>> {
        let resolved = || scalar::plain(&text);
        let value = match tag.map(|tag| (core_tag(tag), tag)) {
            None if style == ScalarStyle::Plain => return Ok(whole(resolved())),
            None | Some((Some("str" | "timestamp" | "binary"), _)) => return Ok(Value::Text(text.as_ref().into())),
            Some((None, _)) => return Err(self.error(span, "a tag of one's own is not supported")),
            Some((Some("int"), _)) => Some(resolved()).filter(|v| matches!(v, Value::Integer(_))),
            Some((Some("bool"), _)) => Some(resolved()).filter(|v| matches!(v, Value::Boolean(_))),
            Some((Some("null"), _)) => Some(resolved()).filter(|v| matches!(v, Value::Null)),
            #[allow(clippy::cast_precision_loss)]
            Some((Some("float"), _)) => match resolved() {
                Value::Integer(integer) => Some(whole(Value::Number(integer as f64))),
                Value::Number(number) => Some(whole(Value::Number(number))),
                _ => None,
            },
            Some((Some(_), _)) => None,
        };
        value.ok_or_else(|| self.error(span, "the value is not of the kind that its tag says"))
    }

    fn open(&mut self, anchor: usize, span: Bytes, content: Content) {
        self.stack.push(Frame {
            anchor,
            start: span.start,
            size: 1,
            content,
        });
    }

    fn close(&mut self, span: Bytes) -> Result<(), Box<Diagnostic>> {
        let frame = self.stack.pop().expect("the parser closes what it opened");
        let span = Bytes {
            start: frame.start,
            end: span.end.max(frame.start),
        };
        let value = match frame.content {
            Content::List(items) => Value::List(items.into()),
            Content::Map { mut fields, merged, .. } => {
                self.refuse_duplicates(&fields)?;
                let mut known: BTreeSet<Name> = BTreeSet::new();
                if !merged.is_empty() {
                    known.extend(fields.iter().map(|(own, _)| own.name.clone()));
                }
                for (key, node) in merged.iter().flat_map(Node::fields) {
                    if known.insert(key.name.clone()) {
                        fields.push((key.clone(), node.clone()));
                    }
                }
                Value::Map(fields.into())
            }
        };
        self.value(Node { span, value }, frame.anchor, frame.size)
    }

    fn refuse_duplicates(&self, fields: &[(Key, Node)]) -> Result<(), Box<Diagnostic>> {
        let mut seen = BTreeSet::new();
        for (key, _) in fields {
            if !seen.insert(&key.name) {
                let first = fields.iter().find(|(first, _)| first.name == key.name);
                let line = first.map_or(0, |(first, _)| self.source.place(first.span.start as usize).line);
                let message = format!("{:?} is set twice in the same map", &*key.name);
                let error = self.error(key.span, message);
                return Err(Box::new(error.hint(format!("it was first set in line {line}"))));
            }
        }
        Ok(())
    }

    /// A complete value goes where it belongs: into the collection that is open, or it is a document.
    fn value(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), Box<Diagnostic>> {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let span = node.span;
        if self.stack.is_empty() {
            if !node.is_null() {
                self.documents.push(node);
            }
            return Ok(());
        }
        let source = self.source;
        let frame = self.stack.last_mut().expect("it was looked at above");
        frame.size += size;
        if frame.size > MOST_VALUES {
            let message = format!("the document has more than {MOST_VALUES} values once its aliases are replaced");
            return Err(self.error(span, message));
        }
        match &mut frame.content {
            Content::List(items) => items.push(node),
            Content::Map { fields, key, merged } => match key.take() {
                Some(key) if &*key.name == "<<" && is_plain(source, key.span, "<<") => {
                    let sources = match &node.value {
                        Value::List(items) => items.to_vec(),
                        _ => vec![node],
                    };
                    if let Some(wrong) = sources.iter().find(|n| !matches!(n.value, Value::Map(_))) {
                        let mark = wrong.mark();
                        let message = "<< takes a map or a list of maps";
                        return Err(Box::new(Diagnostic::at(source, mark.range(), message)));
                    }
                    merged.extend(sources);
                }
                Some(key) => fields.push((key, node)),
                None => {
                    let Some(name) = key_name(&node) else {
                        let message = format!("the name of a field must be a string, not {}", node.kind());
                        return Err(Box::new(Diagnostic::at(source, node.mark().range(), message)));
                    };
                    *key = Some(Key { name, span });
                }
            },
        }
        Ok(())
    }
}

/// A number without a fraction is an integer: between YAML and the API server there is JSON, in which `1.0` and `1e3` are
/// written as 1 and 1000.
fn whole(value: Value) -> Value {
    /// From here on JSON has exponents.
    const MOST: f64 = 1e21;
    match value {
        #[allow(clippy::cast_possible_truncation)] // It has no fraction, and 128 bits hold it.
        Value::Number(number) if number.fract() == 0.0 && number.abs() < MOST => Value::Integer(number as i128),
        value => value,
    }
}

/// Names of fields that are not text, as sigs.k8s.io/yaml turns them into JSON's.
fn key_name(node: &Node) -> Option<Name> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Boolean(boolean) => Some(boolean.to_string().into()),
        Value::Integer(integer) => Some(integer.to_string().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

fn is_plain(source: &Source, span: Bytes, text: &str) -> bool {
    source.text.get(span.range()) == Some(text)
}

/// The name of a tag of YAML's own: `int` of `!!int`.
fn core_tag(tag: &Tag) -> Option<&str> {
    tag.is_yaml_core_schema().then(|| tag.suffix())
}

fn span_of(span: &ParserSpan, base: usize) -> Bytes {
    let offset = |at: Option<usize>| at.and_then(|at| u32::try_from(base + at).ok()).unwrap_or(0);
    let start = offset(span.start.byte_offset());
    Bytes {
        start,
        end: offset(span.end.byte_offset()).max(start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_values_one_after_the_other() {
        let parts = |text: &'static str| {
            let found = json_values(text)?;
            Some(found.into_iter().map(|part| &text[part]).collect::<Vec<_>>())
        };
        for (text, values) in [
            ("{} {}", Some(vec!["{}", "{}"])),
            (
                "\n{\"a\": \"}{\\\"\"}\n[{\"b\": []}]\n",
                Some(vec!["{\"a\": \"}{\\\"\"}", "[{\"b\": []}]"]),
            ),
            ("{\"a\": 1}", None),
            ("{}\n---\n{}", None),
            ("a: {}\nb: {}", None),
            ("{a: '} {'}", None),
            ("{a: 1} # {\n", None),
            ("{} }", None),
            ("{} {", None),
            ("", None),
        ] {
            assert_eq!(parts(text), values, "{text}");
        }
    }
}
