//! Amounts of a resource: `500m`, `1.5`, `128Mi`, `2e3` (resource.Quantity).

/// An amount in thousand-millionths (nano), cut to what 128 bits hold.
pub(crate) fn parse(text: &str) -> Option<i128> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = unsigned
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let (base, exponent): (i128, i32) = match suffix {
        "n" => (10, -9),
        "u" => (10, -6),
        "m" => (10, -3),
        "" => (10, 0),
        "k" => (10, 3),
        "M" => (10, 6),
        "G" => (10, 9),
        "T" => (10, 12),
        "P" => (10, 15),
        "E" => (10, 18),
        "Ki" => (1024, 1),
        "Mi" => (1024, 2),
        "Gi" => (1024, 3),
        "Ti" => (1024, 4),
        "Pi" => (1024, 5),
        "Ei" => (1024, 6),
        _ => (10, suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    let nano = scaled(whole, fraction, base, exponent);
    Some(if negative { nano.saturating_neg() } else { nano })
}

/// `whole.fraction` × base^exponent in nano, rounded down, cut to what 128 bits hold.
fn scaled(whole: &str, fraction: &str, base: i128, exponent: i32) -> i128 {
    let digits = |text: &str| -> i128 {
        text.bytes().fold(0_i128, |sum, digit| {
            sum.saturating_mul(10).saturating_add(i128::from(digit - b'0'))
        })
    };
    // More than nine digits behind the point are below the smallest amount.
    let fraction = &fraction[..fraction.len().min(9)];
    let places = i32::try_from(fraction.len()).unwrap_or(9);
    let nano_of_one = 10_i128.pow(9);
    let value = digits(whole)
        .saturating_mul(nano_of_one)
        .saturating_add(digits(fraction).saturating_mul(10_i128.pow(u32::try_from(9 - places).unwrap_or(0))));
    let power = base.checked_pow(exponent.unsigned_abs()).unwrap_or(i128::MAX);
    if exponent < 0 {
        value / power
    } else {
        value.saturating_mul(power)
    }
}

/// Whether the API server reads the text as a quantity.
pub(crate) fn is_quantity(text: &str) -> bool {
    parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_the_api_server_reads_them() {
        let one = 1_000_000_000_i128;
        for (text, nano) in [
            ("0", 0),
            ("1", one),
            ("500m", one / 2),
            ("1.5", one * 3 / 2),
            (".5", one / 2),
            ("1.", one),
            ("128Mi", 128 * 1024 * 1024 * one),
            ("1k", 1000 * one),
            ("2e3", 2000 * one),
            ("1E", 1_000_000_000_000_000_000 * one),
            ("1n", 1),
            ("-1", -one),
        ] {
            assert_eq!(parse(text), Some(nano), "{text}");
        }
        for text in ["", "x", "1K", "1MB", "1.2.3", "m", "1 Gi", "1e", "--1", "é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
