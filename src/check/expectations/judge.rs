//! Follows a trace and says of each expectation whether it held.

use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelString, CelUInt};
use cel::common::value::Val;
use cel::{Context, ExecutionError, Value};

use super::compile::{Compiled, Sees};
use super::fields::Fields;
use super::source::{telling_parts, text};
use super::world::World;
use crate::kernel::Time;
use crate::scenario::types::{Expectation, Input, When};
use crate::trace::{EndReason, Record, What};
use crate::views::humane::clock;

/// What came of an expectation.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The expectation.
    pub expectation: Expectation,
    /// Why it does not hold; None when it does.
    pub failure: Option<Failure>,
}

impl Verdict {
    /// Whether the expectation held.
    pub fn holds(&self) -> bool {
        self.failure.is_none()
    }
}

/// What to do about a run that ends before an expectation can be judged.
const TOO_SHORT: &str = "set runFor";

/// How an expectation came not to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// When it was decided.
    pub at: Time,
    /// What happened instead, as `it was false at 30s`.
    pub why: String,
    /// The run says nothing of it: it is too short, or the expression never had a value.
    pub undecided: bool,
    /// What the parts of the expression were then.
    pub saw: Vec<Seen>,
}

/// A part of an expression and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The part, as in the expression.
    pub expression: String,
    /// Its value, as CEL writes it, or why it has none.
    pub value: String,
}

/// Longer values are cut: a whole pod says nothing.
const LONGEST_VALUE: usize = 240;

/// Judges the expectations, in their order, over the records of a run of the input.
pub fn judge(compiled: &[Compiled], input: &Input, records: &[Record]) -> Vec<Verdict> {
    let mut sees = Sees::default();
    for one in compiled {
        sees.objects |= one.sees.objects;
        sees.events |= one.sees.events;
        sees.exits |= one.sees.exits;
        sees.probes |= one.sees.probes;
    }
    let mut watches: Vec<Watch> = compiled.iter().map(Watch::new).collect();
    let mut world = World::new(input, sees);
    // The time before anything happened counts too: a pod may be created late.
    for watch in &mut watches {
        let first = records.first().map(|record| record.at);
        watch.step(&mut world, Time(i64::MIN), &Sees::default(), true, first);
    }
    for (index, record) in records.iter().enumerate() {
        if !watches.iter().any(|watch| matches!(watch.state, State::Open)) {
            break;
        }
        let changed = world.follow(record);
        let last_of_instant = records.get(index + 1).is_none_or(|next| next.at > record.at);
        let until = records.get(index + 1).map(|next| next.at);
        for watch in &mut watches {
            watch.step(&mut world, record.at, &changed, last_of_instant, until);
        }
    }
    let end = records.last();
    watches
        .into_iter()
        .map(|watch| Verdict {
            expectation: watch.compiled.expectation.clone(),
            failure: watch.end(&mut world, end),
        })
        .collect()
}

/// Where an expectation stands while the trace is followed.
struct Watch<'a> {
    compiled: &'a Compiled,
    state: State,
    /// What of the world is different since the last look.
    pending: bool,
    /// Whether the expression ever had a value.
    evaluated: bool,
    /// Why it had none at the last look that gave none.
    error: Option<(Time, String)>,
}

enum State {
    Open,
    Held,
    Failed(Failure),
}

impl<'a> Watch<'a> {
    fn new(compiled: &'a Compiled) -> Watch<'a> {
        Watch {
            compiled,
            state: State::Open,
            pending: true,
            evaluated: false,
            error: None,
        }
    }

    /// After a record at `now`; the world stays as it is till `until` (None: for ever).
    fn step(&mut self, world: &mut World, now: Time, changed: &Sees, last_of_instant: bool, until: Option<Time>) {
        if !matches!(self.state, State::Open) {
            return;
        }
        let sees = &self.compiled.sees;
        self.pending |= sees.objects && changed.objects
            || sees.events && changed.events
            || sees.exits && changed.exits
            || sees.probes && changed.probes;
        match self.compiled.expectation.when {
            // What holds at a time is what the last record not later than it left behind.
            When::At(at) => {
                let in_force = now <= at && until.is_some_and(|next| next > at);
                if last_of_instant && in_force {
                    self.decide_at(world, at);
                }
            }
            When::Within(span) => {
                let by = Time::ZERO + span;
                if leads_up_to(Time::ZERO, now, until) {
                    // Before the start no pod is there: what is not true of one would hold at once.
                } else if self.look(world, now) == Some(true) {
                    self.state = State::Held;
                } else if last_of_instant && until.is_some_and(|next| next > by) {
                    self.state = State::Failed(self.never_came(world, by));
                }
            }
            When::Always { from, to } => self.hold_between(world, now, until, (from, to), true),
            When::Never { from, to } => self.hold_between(world, now, until, (from, to), false),
        }
    }

    fn decide_at(&mut self, world: &mut World, at: Time) {
        self.pending = true;
        self.state = if self.look(world, at) == Some(true) {
            State::Held
        } else {
            State::Failed(self.failure(world, at, format!("it is false at {}", clock(at))))
        };
    }

    /// `wanted` must be what the expression gives at every record from `from` to `to`, and at `from` itself.
    fn hold_between(
        &mut self,
        world: &mut World,
        now: Time,
        until: Option<Time>,
        (from, to): (Time, Option<Time>),
        wanted: bool,
    ) {
        if to.is_some_and(|to| now > to) {
            return;
        }
        if leads_up_to(from, now, until) {
            return;
        }
        let now = now.max(from);
        let found = self.look(world, now);
        let unwanted = match found {
            Some(found) => found != wanted,
            // What has no value is not true: it cannot always hold, and it is not what never may be.
            None if self.error.as_ref().is_some_and(|(at, _)| *at == now) => wanted,
            None => false,
        };
        if unwanted {
            let what = if wanted { "false" } else { "true" };
            self.state = State::Failed(self.failure(world, now, format!("it is {what} at {}", clock(now))));
        }
    }

    /// Evaluates if anything is different since the last time; None when nothing is, or when there is no value.
    fn look(&mut self, world: &mut World, now: Time) -> Option<bool> {
        if !std::mem::take(&mut self.pending) {
            return None;
        }
        match evaluate(self.compiled, world.context()) {
            Ok(found) => {
                self.evaluated = true;
                Some(found)
            }
            Err(error) => {
                self.error = Some((now, error));
                None
            }
        }
    }

    fn end(mut self, world: &mut World, last: Option<&Record>) -> Option<Failure> {
        let (end, horizon) = match last {
            Some(Record {
                at,
                what: What::End { reason },
                ..
            }) => (*at, *reason == EndReason::Horizon),
            Some(record) => (record.at, true),
            None => (Time::ZERO, true),
        };
        let when = self.compiled.expectation.when;
        // Where nothing was left to happen, what is now is what would be then.
        let too_short = horizon && when.reach() > end;
        if let (State::Open, When::At(at)) = (&self.state, when) {
            if too_short {
                let why = format!("the run ended at {}, before {}: {TOO_SHORT}", clock(end), clock(at));
                self.state = State::Failed(self.undecided(world, end, why));
            } else {
                self.decide_at(world, at);
            }
        }
        match (self.state, when) {
            (State::Failed(failure), _) => return Some(failure),
            (State::Held, _) => return None,
            (State::Open, _) => {}
        }
        self.state = State::Open;
        match when {
            When::Within(span) => {
                let by = Time::ZERO + span;
                if too_short {
                    let why = format!("it is not true until the run's end at {}", clock(end));
                    return Some(self.undecided(world, end, why));
                }
                Some(self.never_came(world, by))
            }
            When::Always { from, to } | When::Never { from, to } if too_short => {
                let missing = if from > end { from } else { to.unwrap_or(from) };
                let why = format!(
                    "the run ended at {}, before {}: {TOO_SHORT}",
                    clock(end),
                    clock(missing)
                );
                Some(self.undecided(world, end, why))
            }
            // A check that never had a value has not been made.
            When::Always { .. } | When::Never { .. } if !self.evaluated => {
                let why = "it never had a value".to_owned();
                Some(self.undecided(world, end, why))
            }
            When::At(_) | When::Always { .. } | When::Never { .. } => None,
        }
    }

    fn undecided(&self, world: &mut World, at: Time, why: String) -> Failure {
        Failure {
            undecided: true,
            ..self.failure(world, at, why)
        }
    }

    fn never_came(&self, world: &mut World, by: Time) -> Failure {
        self.failure(world, by, format!("it is not true at any time until {}", clock(by)))
    }

    fn failure(&self, world: &mut World, at: Time, why: String) -> Failure {
        let context = world.context();
        let parts = telling_parts(&self.compiled.expression);
        let mut saw: Vec<Seen> = parts
            .into_iter()
            .map(|part| Seen {
                expression: text(part),
                value: match Value::resolve_val(part, context) {
                    Ok(value) => shown(&*value),
                    Err(error) => plain(&error),
                },
            })
            .collect();
        if let Err(error) = evaluate(self.compiled, context)
            && !saw.iter().any(|seen| seen.value == error)
        {
            saw.push(Seen {
                expression: "the whole".to_owned(),
                value: error,
            });
        }
        Failure {
            at,
            why,
            undecided: false,
            saw,
        }
    }
}

/// Whether what a record at `now` leaves behind lasts (till `until`) only up to an instant, which is looked at when everything
/// has happened that happens then.
fn leads_up_to(instant: Time, now: Time, until: Option<Time>) -> bool {
    now <= instant && until.is_some_and(|next| next <= instant)
}

fn evaluate(compiled: &Compiled, context: &Context) -> Result<bool, String> {
    let value = Value::resolve_val(&compiled.expression, context).map_err(|error| plain(&error))?;
    match value.downcast_ref::<CelBool>() {
        Some(found) => Ok(*found.inner()),
        None => Err(format!("{} is not true or false", shown(&*value))),
    }
}

/// Why there is no value, in plain words.
fn plain(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("has no {key:?}"),
        ExecutionError::IndexOutOfBounds(Value::Int(index)) => format!("has no element {index}"),
        ExecutionError::IndexOutOfBounds(_) => "has not that many elements".to_owned(),
        other => {
            let text = other.to_string();
            text.chars().take(LONGEST_VALUE).collect()
        }
    }
}

/// A value as CEL writes it, keys in order.
fn shown(value: &dyn Val) -> String {
    let mut out = String::new();
    write(&mut out, value);
    crate::views::humane::elide(&out, LONGEST_VALUE)
}

fn write(out: &mut String, value: &dyn Val) {
    use std::fmt::Write;
    /// Bytes from which on nothing is shown: no character has more than four.
    const ENOUGH: usize = 4 * LONGEST_VALUE;
    if out.len() > ENOUGH {
        return;
    }
    let _ = if let Some(text) = value.downcast_ref::<CelString>() {
        write!(out, "'{}'", text.inner())
    } else if let Some(number) = value.downcast_ref::<CelInt>() {
        write!(out, "{}", number.inner())
    } else if let Some(number) = value.downcast_ref::<CelUInt>() {
        write!(out, "{}", number.inner())
    } else if let Some(number) = value.downcast_ref::<CelDouble>() {
        write!(out, "{}", number.inner())
    } else if let Some(truth) = value.downcast_ref::<CelBool>() {
        write!(out, "{}", truth.inner())
    } else if let Some(list) = value.downcast_ref::<CelList>() {
        out.push('[');
        for (index, element) in list.inner().iter().enumerate() {
            out.push_str(if index == 0 { "" } else { ", " });
            write(out, &**element);
        }
        write!(out, "]")
    } else if let Some(fields) = value.downcast_ref::<Fields>() {
        out.push('{');
        for (index, (name, field)) in fields.entries().enumerate() {
            let _ = write!(out, "{}{name}: ", if index == 0 { "" } else { ", " });
            write(out, field);
        }
        write!(out, "}}")
    } else {
        write!(out, "null")
    };
}
