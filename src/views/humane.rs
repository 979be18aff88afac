//! Times, spans and texts as a person reads them.

use crate::api::status::Timestamp;
use crate::kernel::{Duration, Time};

const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MILLI;

/// An instant in whole milliseconds: `11m38.164s`.
pub fn clock(at: Time) -> String {
    Duration(at.0.div_euclid(MILLI) * MILLI).to_string()
}

/// A span, as exact as its length deserves: `64ms`, `4.1s`, `1m52s`, `5m`, `2h30m`.
pub fn span(span: Duration) -> String {
    let unit = match span.0.abs() {
        ns if ns < 10 * SECOND => MILLI,
        ns if ns < 60 * SECOND => 100 * MILLI,
        _ => SECOND,
    };
    let text = Duration((span.0 + unit / 2).div_euclid(unit) * unit).to_string();
    let text = text.strip_suffix("m0s").map(|t| format!("{t}m")).unwrap_or(text);
    text.strip_suffix("h0m").map(|t| format!("{t}h")).unwrap_or(text)
}

/// `1 pod`, `2 pods`.
pub fn count_of<N: std::fmt::Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Whole seconds as kubectl shows an age: two units at most (`apimachinery/pkg/util/duration: HumanDuration`).
pub fn human_duration(seconds: i64) -> String {
    let two = |large: i64, large_unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large}{large_unit}"),
        _ => format!("{large}{large_unit}{small}{small_unit}"),
    };
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        _ if seconds < 120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 192 => two(days, "d", hours % 24, "h"),
        _ if days < 730 => format!("{days}d"),
        _ if days < 2920 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

/// An API timestamp as Go's `time.RFC1123Z` writes it: `Sat, 01 Jan 2000 00:00:00 +0000`.
pub fn rfc1123(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = at.to_string();
    let day_of_week = usize::try_from(at.0.div_euclid(86_400).rem_euclid(7)).expect("a day of the week");
    let (date, time) = text.split_once('T').expect("RFC 3339 has a T");
    let mut parts = date.rsplit('-');
    let (day, month) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let year = parts.next().unwrap_or_default();
    let month = month.parse::<usize>().ok().and_then(|m| MONTHS.get(m.wrapping_sub(1)));
    format!(
        "{}, {day} {} {year} {} +0000",
        DAYS[day_of_week],
        month.copied().unwrap_or_default(),
        time.trim_end_matches('Z')
    )
}

/// The text as a terminal and XML can show it: of a control character its picture, `␛` for escape. What breaks lines
/// or moves to a tab stop stays.
pub fn visible(text: &str) -> String {
    text.chars().map(visible_char).collect()
}

fn visible_char(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\x7f' => '␡',
        // XML has no place for the last two.
        '\u{80}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}

/// The text as kubectl lets it reach a terminal (`printers: terminalEscaper`).
pub fn escape_terminal(text: &str) -> String {
    text.replace('\x1b', "^[").replace('\r', "\\r")
}

/// A cell of a table: of several lines the first, with dots for the others (`cli-runtime/pkg/printers: TablePrinter`).
pub fn first_line(text: &str) -> String {
    match text.split_once(['\n', '\r', '\x0c']) {
        Some((first, _)) => format!("{first}..."),
        None => text.to_owned(),
    }
}

/// The text in one line of at most `width` columns, its end replaced by `…` when it is longer.
pub fn elide(text: &str, width: usize) -> String {
    let in_line = |c| if matches!(c, '\n' | '\t') { ' ' } else { visible_char(c) };
    let text: String = text.chars().map(in_line).collect();
    if text.chars().count() <= width {
        return text;
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// The text in lines of at most `width` columns, broken at spaces; a longer word stays whole.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word = visible(word);
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(&word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

/// A full name without the default namespace.
pub fn short_name(full_name: &str) -> &str {
    full_name.strip_prefix("default/").unwrap_or(full_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_exact_as_their_length_deserves() {
        for (millis, text) in [
            (64, "64ms"),
            (4_100, "4.1s"),
            (12_345, "12.3s"),
            (112_400, "1m52s"),
            (300_000, "5m"),
            (9_000_000, "2h30m"),
            (7_200_000, "2h"),
            (86_399_999, "24h"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn ages_are_kubectls() {
        for (seconds, text) in [
            (-5, "<invalid>"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (15_000, "4h10m"),
            (30_000, "8h"),
            (180_000, "2d2h"),
            (864_000, "10d"),
            (70_000_000, "2y80d"),
        ] {
            assert_eq!(human_duration(seconds), text);
        }
    }

    #[test]
    fn dates_are_gos() {
        for (secs, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (946_684_805, "Sat, 01 Jan 2000 00:00:05 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
        ] {
            assert_eq!(rfc1123(Timestamp(secs)), text);
        }
    }

    #[test]
    fn long_texts_are_elided_and_wrapped() {
        assert_eq!(elide("abcdef", 4), "abc…");
        assert_eq!(elide("abcd", 4), "abcd");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    }
}
