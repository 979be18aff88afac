//! Times, spans and texts as a person reads them.

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

/// The text in at most `width` columns, its end replaced by `…` when it is longer.
pub fn elide(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// The text in lines of at most `width` columns, broken at spaces; a longer word stays whole.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
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
    fn long_texts_are_elided_and_wrapped() {
        assert_eq!(elide("abcdef", 4), "abc…");
        assert_eq!(elide("abcd", 4), "abcd");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    }
}
