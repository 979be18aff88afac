//! Durations as Go writes them (`time.ParseDuration`), in integers only.

/// The longest duration that a scenario may have: ten years.
pub(crate) const LONGEST_NANOS: i64 = 10 * 366 * 24 * 3600 * 1_000_000_000;

/// Nanoseconds of `1h2m3.5s`, `250ms`, `0`; errors with what is wrong.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    let too_long = || format!("{text:?} is too long a duration");
    let mut total: i128 = 0;
    if rest.is_empty() {
        return Err(format!("{text:?} is not a duration: write 30s, 1m30s or 250ms"));
    }
    while !rest.is_empty() {
        let digits = |s: &str| s.len() - s.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (whole, tail) = rest.split_at(digits(rest));
        let (fraction, tail) = match tail.strip_prefix('.') {
            Some(tail) => tail.split_at(digits(tail)),
            None => ("", tail),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(format!("{text:?} is not a duration: write 30s, 1m30s or 250ms"));
        }
        let end = tail
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return Err(format!("{text:?} has no unit: write {text}s for seconds")),
            _ => {
                return Err(format!(
                    "{text:?} has an unknown unit {unit:?}: use ns, us, ms, s, m or h"
                ));
            }
        };
        let number = if whole.is_empty() {
            0
        } else {
            whole.parse::<i64>().map_err(|_| too_long())?
        };
        total += i128::from(number) * scale;
        let mut part = scale;
        for digit in fraction.bytes() {
            part /= 10;
            total += i128::from(digit - b'0') * part;
        }
        if total > i128::from(i64::MAX) {
            return Err(too_long());
        }
        rest = tail;
    }
    let nanos = i64::try_from(total).map_err(|_| too_long())?;
    Ok(if negative { -nanos } else { nanos })
}

/// As `parse`, for durations that the world around a pod may take.
pub(crate) fn in_range(text: &str) -> Result<i64, String> {
    let nanos = parse(text)?;
    if (0..=LONGEST_NANOS).contains(&nanos) {
        return Ok(nanos);
    }
    Err(format!("{text:?} is out of range: from 0s to ten years"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        for (text, nanos) in [
            ("0", 0),
            ("1m30s", 90_000_000_000),
            ("250ms", 250_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("-3us", -3_000),
        ] {
            assert_eq!(parse(text), Ok(nanos), "{text}");
        }
        for text in ["", "30", "5x", "s", "1s2", "99999999999h", "1..2s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    /// As Go's `Duration.String` writes it, worked out independently of the parser.
    fn written(nanos: i64) -> String {
        let total = nanos.unsigned_abs();
        let (hours, minutes, rest) = (
            total / 3_600_000_000_000,
            total / 60_000_000_000 % 60,
            total % 60_000_000_000,
        );
        let sign = if nanos < 0 { "-" } else { "" };
        format!(
            "{sign}{hours}h{minutes}m{}.{:09}s",
            rest / 1_000_000_000,
            rest % 1_000_000_000
        )
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn what_go_writes_is_read_back(nanos in i64::MIN + 1..i64::MAX) {
            assert_eq!(parse(&written(nanos)), Ok(nanos));
        }

        #[test]
        fn parts_add_up(parts in proptest::collection::vec((0i64..1_000_000, 0usize..6), 1..6)) {
            let units = [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];
            let text: String = parts.iter().map(|(count, unit)| format!("{count}{}", units[*unit].0)).collect();
            let sum: i128 = parts.iter().map(|(count, unit)| i128::from(*count) * units[*unit].1).sum();
            assert_eq!(parse(&text).ok().map(i128::from), Some(sum).filter(|sum| *sum <= i128::from(i64::MAX)));
        }

        #[test]
        fn no_text_is_too_strange(text in "[-+.0-9nuµmshx ]{0,20}") {
            let _ = parse(&text);
        }
    }
}
