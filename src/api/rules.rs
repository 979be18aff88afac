//! What the API server checks of a value beyond its type: rules that stand beside the fields of the schema (validation.go).

use std::fmt::Write;

use super::decode::Form;
use super::diagnostic::nearest;
use super::node::{Bytes, Key, Node, Value as Json};
use super::shape::{Object, Problems, Shape, descend, short, unsupported};

/// A rule for the value of a field. What is required and missing breaks no other rule besides.
///
/// A value that is missing breaks none, except where [`Rule::Required`] or [`Rule::EvenMissing`] comes before: Go has
/// pointers, which may be nil, and plain fields, which are empty then.
#[derive(Debug)]
pub(crate) enum Rule {
    /// it must not be missing or empty
    Required(&'static str),
    /// it must not be missing
    Given(&'static str),
    /// nothing is to be checked of an empty one
    Optional,
    /// a missing one is checked as an empty one
    EvenMissing,
    /// it must not be there: it is invalid
    Absent(&'static str),
    /// it must not be there: it is forbidden
    Forbidden(&'static str),
    /// one of these words
    OneOf(&'static [&'static str]),
    /// one of these words, which is checked where the value is decoded
    Words(&'static [&'static str]),
    /// one of these words, else the message
    Among(&'static [&'static str], &'static str),
    /// a text of this form
    Like(Form),
    /// an integer from the first to the second, both included, else the message
    Within(i64, i64, &'static str),
    /// at most so many items
    AtMost(usize, &'static str),
    /// exactly so many items
    Exactly(usize, &'static str),
    /// a map of labels
    Labels,
    /// a map of annotations
    Annotations,
    /// a list whose items differ in these fields
    Distinct(&'static [&'static str]),
    /// a map whose booleans are not these, all together
    NotTogether(&'static [(&'static str, bool)], &'static str),
    /// rules for each item of the list
    Each(&'static [Rule]),
    /// rules for a field of the map
    Child(&'static str, &'static [Rule]),
    /// rules for a field of the map, or of each item of the list; the map or list is what the API server names
    Inner(&'static str, &'static [Rule]),
    /// rules for the field of that name beside this one, which is what the API server names
    Beside(&'static str, &'static [Rule]),
    /// rules under a condition
    When(If, &'static [Rule]),
}

/// A condition on a field beside the one that a rule is for.
#[derive(Debug)]
pub(crate) enum If {
    /// it is one of these words; a missing one is empty
    Is(&'static str, &'static [&'static str]),
    /// it is none of these words
    IsNot(&'static str, &'static [&'static str]),
    /// it is there
    Has(&'static str),
    /// it is missing
    Lacks(&'static str),
}

/// Checks a tree, which has the types that it should have, against the rules of its fields.
pub(crate) fn validate(root: &Node, object: &'static Object, problems: &mut Problems<'_>) {
    let path = problems.path(root);
    Validator { problems, path }.shape(root, Shape::Of(object));
}

struct Validator<'v, 'a> {
    problems: &'v mut Problems<'a>,
    path: String,
}

/// What a rule is for: a field of a map.
#[derive(Clone, Copy)]
struct Value<'n> {
    parent: &'n Node,
    node: Option<&'n Node>,
    even_missing: bool,
}

impl<'n> Value<'n> {
    fn of(parent: &'n Node, field: &str) -> Value<'n> {
        Value {
            parent,
            node: parent.get(field),
            even_missing: false,
        }
    }

    fn item(list: &'n Node, item: &'n Node) -> Value<'n> {
        Value {
            parent: list,
            node: Some(item),
            even_missing: false,
        }
    }

    /// Go's zero value, or nothing at all.
    fn is_empty(self) -> bool {
        self.node.is_none_or(|node| match &node.value {
            Json::Text(text) => text.is_empty(),
            Json::List(items) => items.is_empty(),
            _ => false,
        })
    }

    /// The text to check, if there is one.
    fn text(self) -> Option<&'n str> {
        match self.node {
            Some(node) => node.text().map(|text| &**text),
            None => self.even_missing.then_some(""),
        }
    }

    /// The integer to check, if there is one.
    fn integer(self) -> Option<i128> {
        match self.node {
            Some(node) => node.integer(),
            None => self.even_missing.then_some(0),
        }
    }

    fn items(self) -> &'n [Node] {
        self.node.map_or(&[], Node::items)
    }

    fn mark(self) -> Bytes {
        self.node.unwrap_or(self.parent).mark()
    }

    fn meets(self, condition: &If) -> bool {
        let word = |field: &str| self.parent.text_at(field).map_or("", |text| &**text);
        match condition {
            If::Is(field, words) => words.contains(&word(field)),
            If::IsNot(field, words) => !words.contains(&word(field)),
            If::Has(field) => self.parent.get(field).is_some(),
            If::Lacks(field) => self.parent.get(field).is_none(),
        }
    }
}

impl Validator<'_, '_> {
    fn shape(&mut self, node: &Node, shape: Shape) {
        match shape {
            Shape::Of(object) => {
                for field in object.fields {
                    let value = Value::of(node, field.name);
                    if value.node.is_none() && field.rules.is_empty() {
                        continue;
                    }
                    self.below(field.name, |validator| {
                        validator.all(field.rules, value);
                        if let Some(node) = value.node {
                            validator.shape(node, field.shape);
                        }
                    });
                }
            }
            Shape::List(item) => {
                for (index, node) in node.items().iter().enumerate() {
                    self.at(index, |validator| validator.shape(node, *item));
                }
            }
            _ => {}
        }
    }

    fn below(&mut self, field: &str, work: impl FnOnce(&mut Self)) {
        let length = descend(&mut self.path, field);
        work(self);
        self.path.truncate(length);
    }

    fn at(&mut self, index: usize, work: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        let _ = write!(self.path, "[{index}]");
        work(self);
        self.path.truncate(length);
    }

    fn tell(&mut self, mark: Bytes, message: &str, hint: Option<String>) {
        let message = format!("{}: {message}", self.path);
        self.problems.mark(mark, message).hint = hint;
    }

    fn invalid(&mut self, value: Value<'_>, missing: &str, message: &str, hint: Option<String>) {
        let shown = value.node.map_or_else(|| missing.to_owned(), short);
        self.tell(value.mark(), &format!("Invalid value: {shown}: {message}"), hint);
    }

    fn unsupported(&mut self, value: Value<'_>, given: &str, words: &[&str]) {
        let hint = nearest(given, words.iter().copied()).map(|near| format!("is it {near:?}?"));
        self.tell(value.mark(), &unsupported(&format!("{given:?}"), words), hint);
    }

    fn required(&mut self, value: Value<'_>, message: &str) {
        let tail = if message.is_empty() { "" } else { ": " };
        self.tell(value.mark(), &format!("Required value{tail}{message}"), None);
    }

    fn all(&mut self, rules: &[Rule], mut value: Value<'_>) {
        for rule in rules {
            match rule {
                Rule::EvenMissing => value.even_missing = true,
                Rule::Optional if value.is_empty() => return,
                Rule::Required(message) if value.is_empty() => return self.required(value, message),
                Rule::Given(message) if value.node.is_none() => return self.required(value, message),
                rule => self.one(rule, value),
            }
        }
    }

    fn one(&mut self, rule: &Rule, value: Value<'_>) {
        match rule {
            Rule::Optional | Rule::EvenMissing | Rule::Required(_) | Rule::Given(_) | Rule::Words(_) => {}
            Rule::Absent(message) => {
                if value.node.is_some() {
                    self.invalid(value, "", message, None);
                }
            }
            Rule::Forbidden(message) => {
                if value.node.is_some() {
                    self.tell(value.mark(), &format!("Forbidden: {message}"), None);
                }
            }
            Rule::OneOf(words) => {
                if let Some(text) = value.text().filter(|text| !words.contains(text)) {
                    self.unsupported(value, text, words);
                }
            }
            Rule::Among(words, message) => {
                if value.text().is_some_and(|text| !words.contains(&text)) {
                    self.invalid(value, "\"\"", message, None);
                }
            }
            Rule::Like(form) => {
                let error = value.text().and_then(|text| Some((form.error(text)?, form.hint(text))));
                if let Some((message, hint)) = error {
                    self.invalid(value, "\"\"", &message, hint);
                }
            }
            Rule::Within(least, most, message) => {
                let within = i128::from(*least)..=i128::from(*most);
                if value.integer().is_some_and(|integer| !within.contains(&integer)) {
                    self.invalid(value, "0", message, None);
                }
            }
            Rule::AtMost(most, message) => {
                if value.items().len() > *most {
                    self.invalid(value, "", message, None);
                }
            }
            Rule::Exactly(count, message) => {
                if value.items().len() != *count && (value.node.is_some() || value.even_missing) {
                    self.required(value, message);
                }
            }
            Rule::Labels => self.labels(value.node.map_or(&[], Node::fields)),
            Rule::Annotations => self.annotations(value),
            Rule::Distinct(fields) => self.distinct(value.items(), fields),
            Rule::NotTogether(booleans, message) => {
                let are = |node: &Node| booleans.iter().all(|(field, is)| node.boolean_at(field) == Some(*is));
                if value.node.is_some_and(are) {
                    self.invalid(value, "", message, None);
                }
            }
            Rule::Each(rules) => {
                let Some(list) = value.node else { return };
                for (index, item) in list.items().iter().enumerate() {
                    self.at(index, |validator| validator.all(rules, Value::item(list, item)));
                }
            }
            Rule::Child(field, rules) => {
                let Some(node) = value.node else { return };
                self.below(field, |validator| validator.all(rules, Value::of(node, field)));
            }
            Rule::Inner(field, rules) => {
                let Some(node) = value.node else { return };
                let maps = match &node.value {
                    Json::List(items) => items,
                    _ => std::slice::from_ref(node),
                };
                for map in maps {
                    self.all(rules, Value::of(map, field));
                }
            }
            Rule::Beside(field, rules) => self.all(rules, Value::of(value.parent, field)),
            Rule::When(condition, rules) => {
                if value.meets(condition) {
                    self.all(rules, value);
                }
            }
        }
    }

    /// `ValidateLabels`: it names the map, not the label.
    fn labels(&mut self, labels: &[(Key, Node)]) {
        for (key, node) in labels {
            if let Some(message) = Form::LabelKey.error(&key.name) {
                self.tell(key.span, &format!("Invalid value: {:?}: {message}", &*key.name), None);
            }
            self.one(&Rule::Like(Form::LabelValue), Value::item(node, node));
        }
    }

    /// `ValidateAnnotations`: keys as of labels, in any case; their texts may be anything, up to a length in all.
    fn annotations(&mut self, value: Value<'_>) {
        const MOST: usize = 256 * 1024;
        let annotations = value.node.map_or(&[][..], Node::fields);
        for (key, _) in annotations {
            if let Some(message) = Form::LabelKey.error(&key.name.to_lowercase()) {
                self.tell(key.span, &format!("Invalid value: {:?}: {message}", &*key.name), None);
            }
        }
        let length = |(key, node): &(Key, Node)| key.name.len() + node.text().map_or(0, |text| text.len());
        if annotations.iter().map(length).sum::<usize>() > MOST {
            self.tell(
                value.mark(),
                &format!("Too long: may not be more than {MOST} bytes"),
                None,
            );
        }
    }

    /// The API server names the item, and of several fields which ones they are.
    fn distinct(&mut self, items: &[Node], fields: &[&str]) {
        let words = |item: &Node| -> Vec<String> {
            let word = |field: &&str| item.text_at(field).map_or_else(String::new, ToString::to_string);
            fields.iter().map(word).collect()
        };
        for (index, item) in items.iter().enumerate() {
            let own = words(item);
            // Of two that are the same the API server names the second, by several fields the first.
            let others = match fields {
                [_] => &items[..index],
                _ => &items[index + 1..],
            };
            if !others.iter().any(|other| words(other) == own) {
                continue;
            }
            self.at(index, |validator| match fields {
                [_] => validator.tell(item.mark(), &format!("Duplicate value: {:?}", own[0]), None),
                _ => validator.below(&format!("{{{}}}", fields.join(", ")), |validator| {
                    let both = format!("{{{}}}", own.join(", "));
                    validator.tell(item.mark(), &format!("Duplicate value: {both:?}"), None);
                }),
            });
        }
    }
}
