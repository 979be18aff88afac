//! Amounts of a resource: `500m`, `1.5`, `128Mi`, `2e3` (resource.Quantity).

/// An amount in thousand-millionths (nano), cut to what 128 bits hold.
pub(crate) fn parse(text: &str) -> Option<i128> {
    // `Quantity.UnmarshalJSON` takes spaces around it.
    let text = text.trim();
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

/// The amount as the API server writes it (`Quantity.CanonicalizeBytes`): `1000m` is `1`, `0.5` is `500m`, `1024Mi` is
/// `1Gi`.
pub(crate) fn canonical(text: &str) -> Option<String> {
    Some(write(parse(text)?, text))
}

/// An amount in nano, with units of the kind that `like` has.
pub(crate) fn write(nano: i128, like: &str) -> String {
    const ONE: i128 = 1_000_000_000;
    const MOST: i128 = i64::MAX as i128 * ONE;
    let nano = nano.clamp(-MOST, MOST);
    if nano == 0 {
        return "0".to_owned();
    }
    let unit = like.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    // Small amounts, and parts of one, are never written in binary.
    let is_binary = unit.ends_with('i') && nano % ONE == 0 && nano.abs() >= 1024 * ONE;
    let (base, mut number) = if is_binary { (1024, nano / ONE) } else { (1000, nano) };
    let mut steps = 0;
    while number % base == 0 {
        number /= base;
        steps += 1;
    }
    let has_exponent = unit.len() > 1 && unit.starts_with(['e', 'E']) && !unit.ends_with('i');
    let units: &[&str] = match (is_binary, has_exponent) {
        (true, _) => &["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"],
        (_, true) => &["e-9", "e-6", "e-3", "", "e3", "e6", "e9", "e12", "e15", "e18"],
        _ => &["n", "u", "m", "", "k", "M", "G", "T", "P", "E"],
    };
    format!("{number}{}", units[steps])
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
        for (text, written) in [
            ("0.0", "0"),
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("1000", "1k"),
            ("1000000000.0", "1G"),
            ("1e9", "1e9"),
            ("2e1", "20"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("1000Mi", "1000Mi"),
            ("0.5Ki", "512"),
            ("1Ki", "1Ki"),
            ("1.0001Ki", "1024102400u"),
            ("-2000m", "-2"),
            ("9E", "9E"),
            ("100E", "9223372036854775807"),
            ("8Ei", "9223372036854775807"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(written), "{text}");
        }
        for text in ["", "x", "1K", "1MB", "1.2.3", "m", "1 Gi", "1e", "--1", "é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
