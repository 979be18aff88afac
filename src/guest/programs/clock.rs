//! Programs about time: sleep, date, timeout, uptime.

use super::{Context, launch, start_child};
use crate::api::status::Timestamp;
use crate::guest::images::Flavour;
use crate::guest::process::Signal;
use crate::kernel::{Duration, race};

/// A span as sleep takes it: `5`, `0.5`, `2m`, `1h`, `1d`; the longest that can be represented for `infinity`.
pub(in crate::guest) fn seconds(text: &str) -> Option<Duration> {
    if matches!(text, "infinity" | "inf" | "infinityd") {
        return Some(Duration::MAX);
    }
    let (digits, unit) = match text.as_bytes().last()? {
        b's' => (&text[..text.len() - 1], 1),
        b'm' => (&text[..text.len() - 1], 60),
        b'h' => (&text[..text.len() - 1], 3600),
        b'd' => (&text[..text.len() - 1], 86_400),
        _ => (text, 1),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = if whole.is_empty() {
        0
    } else {
        whole.parse::<i64>().unwrap_or(i64::MAX)
    };
    let nanos: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let nanos = whole.saturating_mul(1_000_000_000).saturating_add(nanos);
    Some(Duration(nanos.saturating_mul(unit)))
}

pub(super) async fn sleep(context: &Context, argv: &[String]) -> i32 {
    let mut total = Duration::ZERO;
    if argv.len() < 2 {
        context.err("sleep: missing operand").await;
        return 1;
    }
    for word in &argv[1..] {
        match seconds(word) {
            Some(span) => total = Duration(total.0.saturating_add(span.0)),
            None => {
                context.err(&format!("sleep: invalid number '{word}'")).await;
                return 1;
            }
        }
    }
    if total == Duration::MAX {
        std::future::pending::<()>().await;
    }
    context.kernel().sleep(total).await;
    0
}

pub(super) async fn usleep(context: &Context, argv: &[String]) -> i32 {
    let micros = argv.get(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    context.kernel().sleep(Duration::from_micros(micros)).await;
    0
}

/// `timeout [-s signal] [-k span] [--preserve-status] span command …`. When the time is up GNU's ends with 124, or 137
/// where it kills; busybox' is the command itself, which another process sends the signal to, and ends with its code.
pub(super) async fn timeout(context: &Context, argv: &[String], rest: Vec<String>) -> i32 {
    let options = super::Options::parse(&argv[..argv.len() - rest.len()], "sk");
    let Some(span) = options.rest.last().and_then(|text| seconds(text)) else {
        context.err("timeout: invalid time interval").await;
        return 125;
    };
    let long = |name: &str| {
        let found = options.letters.iter().find_map(|(_, text)| text.strip_prefix(name));
        found.and_then(|text| text.strip_prefix('=')).map(str::to_owned)
    };
    let signal = options.value('s').map(str::to_owned).or_else(|| long("--signal"));
    let signal = signal.and_then(|name| Signal::parse(&name)).unwrap_or(Signal::TERM);
    let patience = options.value('k').map(str::to_owned).or_else(|| long("--kill-after"));
    let patience = patience.and_then(|text| seconds(&text));
    if rest.is_empty() {
        return 125;
    }
    if span == Duration::ZERO {
        return launch(context.clone(), rest).await;
    }
    let Some(child) = start_child(context, rest) else {
        return 125;
    };
    if let Ok(code) = race(child.wait(), context.kernel().sleep(span)).await {
        return code;
    }
    child.deliver(signal, false);
    let mut killed = signal == Signal::KILL;
    if let Some(patience) = patience
        && race(child.wait(), context.kernel().sleep(patience)).await.is_err()
    {
        child.deliver(Signal::KILL, false);
        killed = true;
    }
    let code = child.wait().await;
    if context.machine.shell == Flavour::Ash {
        if context.machine.spec.known_image().is_none() && !context.machine.spec.image.contains("alpine") {
            context.machine.assume(
                &context.process,
                "timeout of an image that is not known",
                "it is busybox', which ends with its command's own code; GNU's would with 124",
            );
        }
        return code;
    }
    if killed {
        Signal::KILL.exit_code()
    } else if options.has_long("--preserve-status") {
        code
    } else {
        124
    }
}

pub(super) async fn uptime(context: &Context, _: &[String]) -> i32 {
    let now = context.kernel().now().as_nanos() / 1_000_000_000;
    i32::from(
        !context
            .out(&format!(" up {} min,  load average: 0.00, 0.00, 0.00\n", now / 60))
            .await,
    )
}

const DAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A moment in the calendar, in UTC.
struct Moment {
    unix: i64,
    nanos: i64,
    year: i64,
    month: usize,
    day: i64,
    days: i64,
}

impl Moment {
    fn new((unix, nanos): (i64, i64)) -> Moment {
        let days = unix.div_euclid(86_400);
        let (year, month, day) = Timestamp(unix).date();
        Moment {
            unix,
            nanos,
            year,
            month: usize::try_from(month).unwrap_or(1),
            day,
            days,
        }
    }

    fn format(&self, format: &str) -> String {
        let of_day = self.unix.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let weekday = DAYS[usize::try_from(self.days.rem_euclid(7)).unwrap_or(0)];
        let month = MONTHS[(self.month - 1).min(11)];
        let mut text = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            let mut directive = chars.next().unwrap_or('%');
            if directive == '-' || directive == '_' {
                directive = chars.next().unwrap_or('%');
            }
            match directive {
                'Y' => text.push_str(&self.year.to_string()),
                'y' => text.push_str(&format!("{:02}", self.year.rem_euclid(100))),
                'm' => text.push_str(&format!("{:02}", self.month)),
                'd' => text.push_str(&format!("{:02}", self.day)),
                'e' => text.push_str(&format!("{:2}", self.day)),
                'H' => text.push_str(&format!("{hour:02}")),
                'I' => text.push_str(&format!("{:02}", (hour + 11) % 12 + 1)),
                'M' => text.push_str(&format!("{minute:02}")),
                'S' => text.push_str(&format!("{second:02}")),
                'N' => text.push_str(&format!("{:09}", self.nanos)),
                's' => text.push_str(&self.unix.to_string()),
                'p' => text.push_str(if hour < 12 { "AM" } else { "PM" }),
                'a' => text.push_str(&weekday[..3]),
                'A' => text.push_str(weekday),
                'b' | 'h' => text.push_str(&month[..3]),
                'B' => text.push_str(month),
                'j' => {
                    let first = Moment::new(((self.unix - (self.unix.rem_euclid(86_400))), 0));
                    let january = (1..=366).find(|back| {
                        let other = Moment::new((first.unix - (back - 1) * 86_400, 0));
                        other.month == 1 && other.day == 1
                    });
                    text.push_str(&format!("{:03}", january.unwrap_or(1)));
                }
                'u' => text.push_str(&((self.days + 3).rem_euclid(7) + 1).to_string()),
                'w' => text.push_str(&(self.days + 4).rem_euclid(7).to_string()),
                'Z' => text.push_str("UTC"),
                'z' => text.push_str("+0000"),
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'F' => text.push_str(&self.format("%Y-%m-%d")),
                'T' => text.push_str(&self.format("%H:%M:%S")),
                'R' => text.push_str(&self.format("%H:%M")),
                'D' => text.push_str(&self.format("%m/%d/%y")),
                'c' => text.push_str(&self.format("%a %b %e %H:%M:%S %Y")),
                '%' => text.push('%'),
                other => {
                    text.push('%');
                    text.push(other);
                }
            }
        }
        text
    }
}

/// `date [-u] [-d @seconds] [-I[seconds]] [+format]`, in virtual time, in UTC.
pub(super) async fn date(context: &Context, argv: &[String]) -> i32 {
    let mut format = "%a %b %e %H:%M:%S UTC %Y".to_owned();
    let mut moment = context.machine.world().unix_time();
    let mut words = argv[1..].iter();
    while let Some(word) = words.next() {
        if let Some(given) = word.strip_prefix('+') {
            given.clone_into(&mut format);
        } else if word.starts_with("-I") || word.starts_with("--iso") {
            format = if word.contains('s') && word != "--iso" {
                "%Y-%m-%dT%H:%M:%S+00:00"
            } else {
                "%Y-%m-%d"
            }
            .to_owned();
        } else if word == "-d" || word == "--date" || word.starts_with("--date=") {
            let text = word
                .strip_prefix("--date=")
                .map(str::to_owned)
                .or_else(|| words.next().cloned())
                .unwrap_or_default();
            match text.strip_prefix('@').and_then(|text| text.parse::<i64>().ok()) {
                // Beyond some millions of years the calendar overflows.
                Some(unix) => moment = (unix.clamp(-100_000_000_000, 100_000_000_000), 0),
                None if text == "now" => {}
                None => context.machine.assume(
                    &context.process,
                    &format!("date -d {text} is not understood"),
                    "it shows the present",
                ),
            }
        } else if word == "-R" {
            format = "%a, %d %b %Y %H:%M:%S %z".to_owned();
        }
    }
    let text = Moment::new(moment).format(&format);
    i32::from(!context.out(&format!("{text}\n")).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (text, nanos) in [
            ("5", Some(5_000_000_000)),
            ("0.5", Some(500_000_000)),
            (".25", Some(250_000_000)),
            ("2m", Some(120_000_000_000)),
            ("1h", Some(3_600_000_000_000)),
            ("x", None),
            ("", None),
            ("-1", None),
            ("99999999999999999999d", Some(i64::MAX)),
        ] {
            assert_eq!(seconds(text).map(|d| d.0), nanos, "{text}");
        }
    }

    #[test]
    fn the_calendar() {
        for (unix, text) in [
            (0, "Thu Jan  1 00:00:00 1970"),
            (946_684_800, "Sat Jan  1 00:00:00 2000"),
            (951_782_400, "Tue Feb 29 00:00:00 2000"),
            (1_709_251_199, "Thu Feb 29 23:59:59 2024"),
        ] {
            assert_eq!(Moment::new((unix, 0)).format("%c"), text);
        }
        assert_eq!(Moment::new((951_782_400, 0)).format("%j %u"), "060 2");
    }
}
