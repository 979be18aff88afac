//! sort.

use std::cmp::Ordering;

use super::text::inputs;
use super::{Context, Options};
use crate::guest::machine::OpenMode;

/// How lines or a part of them are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct How {
    /// leading blanks do not count
    blanks: bool,
    dictionary: bool,
    fold: bool,
    numeric: bool,
    /// numbers with exponents
    general: bool,
    human: bool,
    version: bool,
    reverse: bool,
}

impl How {
    fn set(&mut self, letter: char) {
        match letter {
            'b' => self.blanks = true,
            'd' => self.dictionary = true,
            'f' => self.fold = true,
            'n' => self.numeric = true,
            'g' => self.general = true,
            'h' => self.human = true,
            'V' => self.version = true,
            'r' => self.reverse = true,
            _ => {}
        }
    }
}

/// `-k first[.char][options][,last[.char][options]]`, all from 1.
struct Key {
    from: (usize, usize),
    to: Option<(usize, usize)>,
    how: How,
}

fn key(text: &str, global: &How) -> Option<Key> {
    let mut how = How::default();
    let mut own = false;
    let mut place = |text: &str| -> Option<(usize, usize)> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        for letter in text[digits.len()..].chars() {
            how.set(letter);
            own = true;
        }
        let (field, char) = digits.split_once('.').unwrap_or((digits, "0"));
        Some((field.parse().ok()?, char.parse().ok()?))
    };
    let (first, last) = text
        .split_once(',')
        .map_or((text, None), |(first, last)| (first, Some(last)));
    let from = place(first)?;
    let to = match last {
        Some(last) => Some(place(last)?),
        None => None,
    };
    let how = if own { how } else { global.clone() };
    Some(Key { from, to, how })
}

/// Where the fields of a line begin and end, in characters; without a separator blanks belong to what follows them.
fn fields(line: &[char], separator: Option<char>) -> Vec<(usize, usize)> {
    let mut fields = Vec::new();
    let mut start = 0;
    for (at, c) in line.iter().enumerate() {
        match separator {
            Some(separator) if *c == separator => {
                fields.push((start, at));
                start = at + 1;
            }
            None if c.is_whitespace() && at > start && !line[at - 1].is_whitespace() => {
                fields.push((start, at));
                start = at;
            }
            _ => {}
        }
    }
    fields.push((start, line.len()));
    fields
}

impl Key {
    fn part(&self, line: &str, separator: Option<char>) -> String {
        let chars: Vec<char> = line.chars().collect();
        let fields = fields(&chars, separator);
        let begin = |field: usize| {
            fields
                .get(field.saturating_sub(1))
                .map_or(chars.len(), |(start, _)| *start)
        };
        let skip = |at: usize| {
            let blanks = chars[at..].iter().take_while(|c| c.is_whitespace()).count();
            if self.how.blanks { at + blanks } else { at }
        };
        let from = skip(begin(self.from.0)) + self.from.1.saturating_sub(1);
        let to = match self.to {
            None => chars.len(),
            Some((field, 0)) => fields.get(field.saturating_sub(1)).map_or(chars.len(), |(_, end)| *end),
            Some((field, char)) => skip(begin(field)) + char,
        };
        let to = to.min(chars.len());
        chars.get(from.min(to)..to).unwrap_or_default().iter().collect()
    }
}

/// The number at the start of a text: sign, digits, fraction, and an exponent where that is `general`; 0 without one.
fn number(text: &str, general: bool) -> f64 {
    let text = text.trim_start();
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut end = usize::from(text.starts_with('-'));
    end += digits(&text[end..]);
    if text[end..].starts_with('.') {
        end += 1 + digits(&text[end + 1..]);
    }
    if let Some(exponent) = text[end..].strip_prefix(['e', 'E']).filter(|_| general) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let length = digits(&exponent[sign..]);
        end += if length > 0 { 1 + sign + length } else { 0 };
    }
    text[..end].parse().unwrap_or(0.0)
}

/// A number with a unit: K, M, G …
fn human(text: &str) -> (usize, f64) {
    let digits = text
        .trim_start()
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let unit = digits
        .chars()
        .next()
        .and_then(|c| "KMGTPE".find(c.to_ascii_uppercase()));
    (unit.map_or(0, |at| at + 1), number(text, false))
}

/// Digits in a row compare as numbers, the rest as text.
fn versions(left: &str, right: &str) -> Ordering {
    let (mut a, mut b) = (left, right);
    loop {
        let text = |s: &str| s.find(|c: char| c.is_ascii_digit()).unwrap_or(s.len());
        let (ta, tb) = (text(a), text(b));
        let order = a[..ta].cmp(&b[..tb]);
        (a, b) = (&a[ta..], &b[tb..]);
        let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
        let (da, db) = (digits(a), digits(b));
        let (na, nb) = (a[..da].trim_start_matches('0'), b[..db].trim_start_matches('0'));
        let order = order.then(na.len().cmp(&nb.len())).then(na.cmp(nb));
        (a, b) = (&a[da..], &b[db..]);
        if order != Ordering::Equal || a.is_empty() && b.is_empty() {
            return order;
        }
    }
}

/// What of a part of a line is compared, made once for each line.
enum Weight {
    Number(usize, f64),
    Version(String),
    Text(String),
}

impl Weight {
    fn of(text: &str, how: &How) -> Weight {
        if how.numeric || how.general {
            return Weight::Number(0, number(text, how.general));
        } else if how.human {
            let (unit, number) = human(text);
            return Weight::Number(unit, number);
        } else if how.version {
            return Weight::Version(text.to_owned());
        }
        let text = if how.blanks { text.trim_start() } else { text };
        let kept = text
            .chars()
            .filter(|c| !how.dictionary || c.is_alphanumeric() || c.is_whitespace());
        Weight::Text(match how.fold {
            true => kept.map(|c| c.to_ascii_uppercase()).collect(),
            false => kept.collect(),
        })
    }

    fn compare(&self, other: &Weight, how: &How) -> Ordering {
        let order = match (self, other) {
            (Weight::Number(a, x), Weight::Number(b, y)) => a.cmp(b).then(x.total_cmp(y)),
            (Weight::Version(a), Weight::Version(b)) => versions(a, b),
            (Weight::Text(a), Weight::Text(b)) => a.cmp(b),
            _ => Ordering::Equal,
        };
        if how.reverse { order.reverse() } else { order }
    }
}

/// A line with what it is sorted by.
struct Line<'t> {
    text: &'t str,
    weights: Vec<Weight>,
}

/// More keys than these are not looked at: the first that differs decides.
const MOST_KEYS: usize = 16;

/// `sort [-bcdfghnrsuVz] [-t separator] [-k key]… [-o file] [file …]`, in the order of the C locale.
pub(super) async fn sort(context: &Context, argv: &[String]) -> i32 {
    let long = [
        ("--key", 'k'),
        ("--output", 'o'),
        ("--field-separator", 't'),
        ("--numeric-sort", 'n'),
        ("--reverse", 'r'),
        ("--unique", 'u'),
        ("--version-sort", 'V'),
    ];
    let options = Options::parse_long(argv, "ktoST", &long);
    options.expect(context, argv, "bcCdfghmnrsuVz", &[]);
    let mut global = How::default();
    for (letter, _) in &options.letters {
        global.set(*letter);
    }
    let given: Vec<&str> = options
        .letters
        .iter()
        .filter(|(l, _)| *l == 'k')
        .map(|(_, k)| k.as_str())
        .collect();
    let mut keys: Vec<Key> = given.iter().filter_map(|text| key(text, &global)).collect();
    if keys.len() < given.len() {
        context
            .err(&format!("sort: bad field specification '{}'", given.join(" ")))
            .await;
        return 2;
    }
    let separator = options.value('t').and_then(|text| text.chars().next());
    let (text, good) = inputs(context, "sort", &options.rest).await;
    let end = if options.has('z') { '\0' } else { '\n' };
    keys.truncate(MOST_KEYS);
    let weighed = |text| {
        let of_keys = keys.iter().map(|key| Weight::of(&key.part(text, separator), &key.how));
        let mut weights: Vec<Weight> = of_keys.collect();
        if keys.is_empty() {
            weights.push(Weight::of(text, &global));
        }
        Line { text, weights }
    };
    let mut lines: Vec<Line> = text.split_terminator(end).map(weighed).collect();
    let how = |index: usize| keys.get(index).map_or(&global, |key| &key.how);
    let by_keys = |a: &Line, b: &Line| -> Ordering {
        let orders = a.weights.iter().zip(&b.weights).enumerate();
        let mut orders = orders.map(|(index, (a, b))| a.compare(b, how(index)));
        orders
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    };
    // Lines whose keys are equal are told apart by all of their bytes, unless only one of them stays.
    let stable = options.has('s') || options.has('u');
    let whole = |a: &Line, b: &Line| match global.reverse {
        true => b.text.cmp(a.text),
        false => a.text.cmp(b.text),
    };
    let order = |a: &Line, b: &Line| by_keys(a, b).then_with(|| if stable { Ordering::Equal } else { whole(a, b) });
    if options.has('c') || options.has('C') {
        let wrong = lines.windows(2).position(|pair| {
            let order = order(&pair[0], &pair[1]);
            order == Ordering::Greater || options.has('u') && order == Ordering::Equal
        });
        if let Some(at) = wrong {
            if options.has('c') {
                context
                    .err(&format!("sort: -:{}: disorder: {}", at + 2, lines[at + 1].text))
                    .await;
            }
            return 1;
        }
        return if good { 0 } else { 2 };
    }
    lines.sort_by(&order);
    if options.has('u') {
        lines.dedup_by(|b, a| by_keys(a, b) == Ordering::Equal);
    }
    let sorted: String = lines.iter().map(|line| format!("{}{end}", line.text)).collect();
    match options.value('o') {
        None => {
            context.out(&sorted).await;
        }
        Some(path) => match context.open(path, OpenMode::Write) {
            Ok(file) => {
                let _ = file.write(sorted.as_bytes()).await;
            }
            Err(error) => {
                context.err(&format!("sort: {path}: {error}")).await;
                return 2;
            }
        },
    }
    if good { 0 } else { 2 }
}
