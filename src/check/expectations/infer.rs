//! Walks an expression before the run: what it names must exist, and what it compares must be able to be equal.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr, operators};
use cel::parser::Expression;

use super::compile::Sees;
use super::source::text;
use super::types::{
    FUNCTIONS, Kind, POD_METHODS, Parameter, STANDARD_NAMES, Signature, Type, Vocabulary, probes, standard,
};
use crate::api::diagnostic::nearest;
use crate::api::pod::Pod;
use crate::scenario::lookup::matches_pod;
use crate::scenario::named::{self, Meant};
use crate::scenario::types::{ActionKind, Input};

/// Something wrong, at the word `text` at or after the expression of that id.
pub(super) struct Wrong {
    pub(super) id: u64,
    pub(super) text: String,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// The walk.
pub(super) struct Inference<'a> {
    input: &'a Input,
    /// Variables of macros, innermost last.
    variables: Vec<(String, Type)>,
    pub(super) problems: Vec<Wrong>,
    pub(super) sees: Sees,
}

impl<'a> Inference<'a> {
    pub(super) fn new(input: &'a Input) -> Inference<'a> {
        Inference {
            input,
            variables: Vec::new(),
            problems: Vec::new(),
            sees: Sees::default(),
        }
    }

    fn wrong(&mut self, id: u64, text: impl Into<String>, message: String, hint: Option<String>) -> Type {
        self.problems.push(Wrong {
            id,
            text: text.into(),
            message,
            hint,
        });
        Type::Any
    }

    /// The type of the expression; what is wrong goes to `problems`.
    pub(super) fn infer(&mut self, expression: &Expression) -> Type {
        match &expression.expr {
            Expr::Unspecified => Type::Any,
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::Bytes(_) => Type::Any,
                LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => Type::Number,
                LiteralValue::Null => Type::Null,
                LiteralValue::String(_) => Type::String,
            },
            Expr::Ident(name) => self.variable(expression.id, name),
            Expr::Select(select) => self.select(expression.id, select),
            Expr::List(list) => {
                let mut types: Vec<Type> = list.elements.iter().map(|element| self.infer(element)).collect();
                types.dedup();
                match types.pop() {
                    Some(only) if types.is_empty() => Type::List(Box::new(only)),
                    _ => Type::List(Box::new(Type::Any)),
                }
            }
            Expr::Map(map) => {
                let mut strings = true;
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        let key = self.infer(&entry.key);
                        if !key.is_string() && key != Type::Any {
                            let message = format!("{} is the key of a map; keys are strings", key.name());
                            self.wrong(entry.key.id, text(&entry.key), message, None);
                        }
                        strings &= self.infer(&entry.value).is_string();
                    }
                }
                if strings { Type::StringMap } else { Type::Any }
            }
            Expr::Struct(structure) => {
                let message = format!("there is no type {}", structure.type_name);
                self.wrong(expression.id, structure.type_name.clone(), message, None)
            }
            Expr::Comprehension(comprehension) => self.comprehension(expression.id, comprehension),
            Expr::Call(call) => self.call(expression.id, call),
        }
    }

    fn variable(&mut self, id: u64, name: &str) -> Type {
        if let Some((_, found)) = self.variables.iter().rev().find(|(known, _)| known == name) {
            return found.clone();
        }
        let functions: Vec<&str> = FUNCTIONS.iter().map(|f| f.name).collect();
        let variables = self.variables.iter().map(|(name, _)| name.as_str());
        let hint = if let Some(function) = FUNCTIONS.iter().find(|f| f.name == name) {
            Some(format!("write {}", function.usage))
        } else if self.pod(name).is_some() {
            Some(format!("write pod('{name}')"))
        } else {
            nearest(name, variables.chain(functions)).map(|near| format!("is it {near:?}?"))
        };
        self.wrong(id, name, format!("nothing is named {name:?}"), hint)
    }

    fn select(&mut self, id: u64, select: &SelectExpr) -> Type {
        let found = self.select_field(id, select);
        if select.test { Type::Bool } else { found }
    }

    fn select_field(&mut self, id: u64, select: &SelectExpr) -> Type {
        match self.infer(&select.operand) {
            Type::Any => Type::Any,
            Type::StringMap => Type::String,
            Type::Object(kind) => self.field(id, kind, &select.field),
            other => {
                let message = format!("{} has no fields, {:?} is none of them", other.name(), select.field);
                let hint = matches!(other, Type::List(_))
                    .then(|| format!("write [0].{0}, or .exists(x, x.{0} == …)", select.field));
                self.wrong(id, select.field.clone(), message, hint)
            }
        }
    }

    fn field(&mut self, id: u64, kind: Kind, name: &str) -> Type {
        let fields = kind.fields();
        if let Some((_, found)) = fields.iter().find(|(field, _)| *field == name) {
            return found.clone();
        }
        let method = (kind == Kind::Pod).then(|| POD_METHODS.iter().find(|m| m.name == name));
        let names: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
        let hint = if let Some(Some(method)) = method {
            format!("write {}", method.usage)
        } else if let Some(near) = nearest(name, names.iter().copied()) {
            format!("is it {near:?}?")
        } else {
            format!("it has {}", names.join(", "))
        };
        self.wrong(id, name, format!("{} has no field {name:?}", kind.name()), Some(hint))
    }

    fn comprehension(&mut self, id: u64, comprehension: &ComprehensionExpr) -> Type {
        let element = match self.infer(&comprehension.iter_range) {
            Type::List(element) => *element,
            Type::Any => Type::Any,
            // CEL goes through the keys of a map.
            Type::StringMap => Type::String,
            other => {
                let message = format!("{} cannot be gone through", other.name());
                return self.wrong(id, text(&comprehension.iter_range), message, None);
            }
        };
        let accumulator = self.infer(&comprehension.accu_init);
        let outer = self.variables.len();
        self.variables
            .push((comprehension.accu_var.clone(), accumulator.clone()));
        self.variables.push((comprehension.iter_var.clone(), element));
        self.infer(&comprehension.loop_cond);
        let step = self.infer(&comprehension.loop_step);
        self.variables.truncate(outer + 1);
        // `filter` and `map` begin with an empty list; what a step adds is what the elements are.
        if matches!(accumulator, Type::List(_)) {
            self.variables[outer].1 = step;
        }
        let result = self.infer(&comprehension.result);
        self.variables.truncate(outer);
        result
    }

    fn call(&mut self, id: u64, call: &CallExpr) -> Type {
        if let Some(target) = &call.target {
            return self.method(id, call, target);
        }
        if let Some(result) = self.operator(id, call) {
            return result;
        }
        let name = call.func_name.as_str();
        if let Some(signature) = FUNCTIONS.iter().find(|f| f.name == name) {
            match name {
                "events" => self.sees.events = true,
                "exits" => self.sees.exits = true,
                "probes" => self.sees.probes = true,
                _ => self.sees.objects = true,
            }
            return self.arguments(id, call, signature, None);
        }
        if let Some(result) = standard(name) {
            self.standard_arguments(call);
            return result;
        }
        let known = FUNCTIONS.iter().map(|f| f.name).chain(STANDARD_NAMES.iter().copied());
        let hint = match POD_METHODS.iter().find(|m| m.name == name) {
            Some(method) => Some(format!("write {}", method.usage)),
            None => nearest(name, known).map(|near| format!("is it {near:?}?")),
        };
        self.wrong(id, name, format!("there is no function {name}()"), hint)
    }

    fn method(&mut self, id: u64, call: &CallExpr, target: &Expression) -> Type {
        let of = self.infer(target);
        let name = call.func_name.as_str();
        let ours = POD_METHODS.iter().find(|m| m.name == name);
        if let (Type::Object(Kind::Pod) | Type::Any, Some(signature)) = (&of, ours) {
            return self.arguments(id, call, signature, Some(target));
        }
        if let Some(result) = standard(name)
            && (of.is_string() || matches!(of, Type::Any | Type::List(_) | Type::StringMap))
        {
            self.standard_arguments(call);
            return result;
        }
        let methods = POD_METHODS
            .iter()
            .map(|m| m.name)
            .filter(|_| of == Type::Object(Kind::Pod));
        let hint = nearest(name, methods.chain(STANDARD_NAMES.iter().copied()))
            .map(|near| format!("is it {near:?}?"))
            .or_else(|| {
                let is_field = matches!(of, Type::Object(kind) if kind.fields().iter().any(|(f, _)| *f == name));
                is_field.then(|| format!("it is a field: write .{name}"))
            });
        self.wrong(id, name, format!("{} has no method {name}()", of.name()), hint)
    }

    /// The arguments of one of CEL's own functions; a regular expression that is written out must be one.
    fn standard_arguments(&mut self, call: &CallExpr) {
        for argument in &call.args {
            self.infer(argument);
        }
        if call.func_name == "matches"
            && let Some(pattern) = call.args.last()
            && let Some(word) = string(pattern)
            && let Err(error) = regex::Regex::new(word)
        {
            let error = error.to_string();
            let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("'{word}' is not a valid regular expression: {why}");
            self.wrong(pattern.id, word, message, None);
        }
    }

    /// The type of an operator's result; None when the call is none.
    fn operator(&mut self, id: u64, call: &CallExpr) -> Option<Type> {
        let name = call.func_name.as_str();
        Some(match (name, &call.args[..]) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, operands) => {
                for operand in operands {
                    let found = self.infer(operand);
                    if !matches!(found, Type::Bool | Type::Any) {
                        let message = format!("this is {}, not true or false", found.name());
                        self.wrong(operand.id, first_word(operand), message, None);
                    }
                }
                Type::Bool
            }
            (operators::NOT_STRICTLY_FALSE, operands) => {
                operands.iter().for_each(|operand| drop(self.infer(operand)));
                Type::Bool
            }
            (operators::CONDITIONAL, [condition, yes, no]) => {
                self.infer(condition);
                let (yes, no) = (self.infer(yes), self.infer(no));
                if yes == no { yes } else { Type::Any }
            }
            (operators::INDEX, [of, index]) => {
                let found = self.infer(of);
                self.infer(index);
                match (found, &index.expr) {
                    (Type::List(element), _) => *element,
                    (Type::StringMap, _) => Type::String,
                    (Type::Object(kind), Expr::Literal(LiteralValue::String(field))) => {
                        self.field(index.id, kind, field.inner())
                    }
                    _ => Type::Any,
                }
            }
            (operators::IN, [value, list]) => {
                let value_type = self.infer(value);
                if let Expr::List(list) = &list.expr {
                    for element in &list.elements {
                        let element_type = self.infer(element);
                        self.possible(id, (value, &value_type), (element, &element_type));
                    }
                } else {
                    match (self.infer(list), string(value)) {
                        (Type::List(element), _) => self.possible(id, (list, &element), (value, &value_type)),
                        (Type::Object(kind), Some(field)) => drop(self.field(value.id, kind, field)),
                        _ => {}
                    }
                }
                Type::Bool
            }
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                let (left_type, right_type) = (self.infer(left), self.infer(right));
                if matches!(right_type, Type::Enum(_) | Type::Word(_)) {
                    self.possible(id, (right, &right_type), (left, &left_type));
                } else {
                    self.possible(id, (left, &left_type), (right, &right_type));
                }
                Type::Bool
            }
            (operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS, [l, r]) => {
                let (left, right) = (self.infer(l), self.infer(r));
                if !left.comparable(&right) {
                    let message = format!("{} is compared with {}", left.name(), right.name());
                    self.wrong(id, first_word(l), message, None);
                }
                Type::Bool
            }
            (operators::ADD, [left, right]) => {
                let (left_type, right_type) = (self.infer(left), self.infer(right));
                let unlike = [(&left_type, &right_type), (&right_type, &left_type)];
                if unlike
                    .iter()
                    .any(|(a, b)| a.is_string() && matches!(b, Type::Number | Type::List(_)))
                {
                    let message = format!("{} and {} cannot be added", left_type.name(), right_type.name());
                    self.wrong(id, first_word(left), message, None);
                }
                sum(left_type, right_type)
            }
            (operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO, [left, right]) => {
                let left = self.infer(left);
                self.infer(right);
                left
            }
            (operators::NEGATE, [operand]) => {
                self.infer(operand);
                Type::Number
            }
            _ => return None,
        })
    }

    /// Whether the two can be equal: not of types that never are, nor a word that the first never is.
    fn possible(&mut self, id: u64, (of, type_of): (&Expression, &Type), (other, type_other): (&Expression, &Type)) {
        let words = match type_of {
            Type::Enum(words) => Some((words.to_vec(), true)),
            Type::Word(vocabulary) => Some((self.words(*vocabulary), vocabulary.is_closed())),
            _ => None,
        };
        if let (Some((words, closed)), Some(word)) = (words, string(other)) {
            if let Some(hint) = unknown(word, &words, closed) {
                self.wrong(other.id, word, format!("{} is never '{word}'", text(of)), Some(hint));
            }
        } else if !type_of.comparable(type_other) {
            let message = format!(
                "{} is compared with {}, which it never equals",
                type_of.name(),
                type_other.name()
            );
            self.wrong(id, first_word(other), message, None);
        }
    }

    /// Checks the arguments of a function or method of ours.
    fn arguments(&mut self, id: u64, call: &CallExpr, signature: &Signature, target: Option<&Expression>) -> Type {
        let count = call.args.len();
        if count < signature.required || count > signature.parameters.len() {
            let message = format!("{}() does not take {count} arguments", signature.name);
            let hint = Some(format!("write {}", signature.usage));
            self.wrong(id, signature.name, message, hint);
            return (signature.result)();
        }
        let pod_name = match target.map(|target| &target.expr) {
            Some(Expr::Call(inner)) if inner.func_name == "pod" => inner.args.first().and_then(string),
            Some(_) => None,
            None => call.args.first().and_then(string),
        };
        for (argument, parameter) in call.args.iter().zip(signature.parameters) {
            let found = self.infer(argument);
            match string(argument) {
                Some(word) => self.literal(argument.id, *parameter, word, pod_name),
                None if found.comparable(&Type::String) => {}
                None => {
                    let message = format!("{}() takes a string here, not {}", signature.name, found.name());
                    self.wrong(argument.id, first_word(argument), message, None);
                }
            }
        }
        (signature.result)()
    }

    /// A literal argument must name something that exists.
    fn literal(&mut self, id: u64, parameter: Parameter, word: &str, pod_name: Option<&str>) {
        let is_it = |near: Option<&str>| near.map(|near| format!("is it '{near}'?"));
        match parameter {
            Parameter::Pod => {
                if let Err((message, hint)) = self.pod_or_why(word) {
                    self.wrong(id, word, message, hint);
                }
            }
            Parameter::PodGlob => {
                let matches = |p: &Pod| matches_pod(Some(word), (&p.namespace, &p.name));
                if !self.input.pods.iter().any(|p| matches(&p.pod)) {
                    let message = format!("'{word}' matches no pod of the input");
                    self.wrong(id, word, message, None);
                }
            }
            Parameter::Container => {
                let pods: Vec<&Pod> = match pod_name {
                    Some(name) => self.pod(name).into_iter().collect(),
                    None => self.input.pods.iter().map(|p| &*p.pod).collect(),
                };
                let names = container_names(self.input, &pods);
                if !pods.is_empty() && !names.contains(&word) {
                    let hint = is_it(nearest(word, names.iter().copied()))
                        .unwrap_or_else(|| format!("it has {}", names.join(", ")));
                    let of = pod_name.map_or("no pod".to_owned(), |name| format!("pod '{name}'"));
                    let message = if pod_name.is_some() {
                        format!("{of} has no container '{word}'")
                    } else {
                        format!("no pod of the input has a container '{word}'")
                    };
                    self.wrong(id, word, message, Some(hint));
                }
            }
            Parameter::Condition => {
                if let Some(hint) = unknown(word, &self.words(Vocabulary::Condition), true) {
                    self.wrong(id, word, format!("pods have no condition '{word}'"), Some(hint));
                }
            }
            Parameter::Reason => {
                if let Some(hint) = unknown(word, &self.words(Vocabulary::Event), false) {
                    self.wrong(id, word, format!("no event has the reason '{word}'"), Some(hint));
                }
            }
            Parameter::Probe => {
                if !probes().contains(&word) {
                    let hint = Some(format!("it is one of {}", probes().join(", ")));
                    self.wrong(id, word, format!("there is no probe '{word}'"), hint);
                }
            }
        }
    }

    /// The words of a vocabulary, with those of the input.
    fn words(&self, vocabulary: Vocabulary) -> Vec<&'a str> {
        let scenario = &self.input.scenario;
        let mut words = vocabulary.known().to_vec();
        match vocabulary {
            Vocabulary::Condition => {
                let gates = self.input.pods.iter().flat_map(|p| &p.pod.spec.readiness_gates);
                words.extend(gates.map(|gate| &**gate));
                words.extend(scenario.actions.iter().filter_map(|action| match &action.what {
                    ActionKind::SetCondition { kind, .. } => Some(&**kind),
                    _ => None,
                }));
            }
            Vocabulary::End => {
                let exits = scenario.containers.iter().flat_map(|script| &script.runs);
                words.extend(exits.filter_map(|run| run.exit.as_ref()?.reason.as_deref()));
                words.extend(scenario.actions.iter().filter_map(|action| match &action.what {
                    ActionKind::Kill { reason, .. } => reason.as_deref(),
                    _ => None,
                }));
            }
            Vocabulary::Pod | Vocabulary::Event => {}
        }
        let mut seen = BTreeSet::new();
        words.retain(|word| seen.insert(*word));
        words
    }

    fn pod(&self, name: &str) -> Option<&'a Pod> {
        named::pods(self.input, name).one()
    }

    /// The pod of that name, or the message and the hint that say why there is not one.
    fn pod_or_why(&self, name: &str) -> Result<&'a Pod, (String, Option<String>)> {
        match named::pods(self.input, name) {
            Meant::One(pod) => Ok(pod),
            Meant::Several(pods) => {
                let (message, which) = named::several_pods(name, &pods);
                Err((message, Some(which)))
            }
            Meant::Nothing => {
                let names = named::all_pods_like(self.input, name);
                let near = nearest(name, names.iter().map(|name| &**name));
                let hint = near.map(|near| format!("is it '{near}'?"));
                Err((format!("the input has no pod '{name}'"), hint))
            }
        }
    }
}

/// Names of the containers of the pods, debug containers included.
fn container_names<'a>(input: &'a Input, pods: &[&'a Pod]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for pod in pods {
        names.extend(pod.all_containers().map(|(_, c)| &*c.name));
        names.extend(input.scenario.actions.iter().filter_map(|action| match &action.what {
            ActionKind::Debug { pod: of, container } if pod.is_called(of) => Some(&*container.name),
            _ => None,
        }));
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// What `+` gives: of a word and something after it any string, of two lists one that may have the elements of both.
fn sum(left: Type, right: Type) -> Type {
    match (left, right) {
        (Type::Enum(_) | Type::Word(_), _) => Type::String,
        (Type::List(l), Type::List(r)) => Type::List(Box::new(match (*l, *r) {
            (Type::Any, element) | (element, Type::Any) => element,
            (l, r) if l == r => l,
            (l, r) if l.is_string() && r.is_string() => Type::String,
            _ => Type::Any,
        })),
        (left, _) => left,
    }
}

/// What would be right instead of a word that is none of these; None if it is one of them, or may be another.
fn unknown(word: &str, words: &[&str], closed: bool) -> Option<String> {
    if words.contains(&word) {
        return None;
    }
    let near = nearest(word, words.iter().copied());
    // Others may come than are known: only what looks like a slip of the pen is refused.
    let near =
        near.filter(|near| closed || strsim::damerau_levenshtein(word, near) <= 2 || word.eq_ignore_ascii_case(near));
    let near = near.map(|near| format!("is it '{near}'?"));
    near.or_else(|| {
        let shown: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
        closed.then(|| format!("it is one of {}", shown.join(", ")))
    })
}

/// The text of a string literal.
fn string(expression: &Expression) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(word)) => Some(word.inner()),
        _ => None,
    }
}

/// The word of the source that an expression begins with, to underline.
fn first_word(expression: &Expression) -> String {
    let text = text(expression);
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    match end {
        Some(0) | None => text,
        Some(end) => text[..end].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_and_what_is_added_is_any_string() {
        let word = || Type::Enum(&["Always", "Never"]);
        let list = |element| Type::List(Box::new(element));
        for (left, right, expected) in [
            (word(), Type::String, Type::String),
            (Type::Word(Vocabulary::Event), word(), Type::String),
            (Type::Number, Type::Number, Type::Number),
            (list(Type::Any), list(word()), list(word())),
            (list(word()), list(Type::Any), list(word())),
            (list(word()), list(word()), list(word())),
            (list(word()), list(Type::String), list(Type::String)),
            (list(word()), list(Type::Number), list(Type::Any)),
        ] {
            assert_eq!(sum(left.clone(), right.clone()), expected, "{left:?} + {right:?}");
        }
    }

    #[test]
    fn of_an_open_vocabulary_only_slips_of_the_pen_are_refused() {
        let events = Vocabulary::Event.known();
        for word in [
            "FailedMapVolume",
            "FailedToRetrieveImagePullSecret",
            "FailedResourceClaim",
        ] {
            assert_eq!(unknown(word, events, false), None, "{word}");
        }
        for word in ["BackOf", "backoff", "Unhaelthy", "FailedMonut"] {
            assert!(unknown(word, events, false).is_some(), "{word}");
        }
    }
}
