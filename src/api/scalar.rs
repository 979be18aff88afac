//! What a plain YAML scalar means: the YAML 1.1 that kubectl reads (sigs.k8s.io/yaml, goyaml.v2: resolve).

use super::node::Value;

/// The value of a plain scalar: booleans as in YAML 1.1 (`yes`, `off`, `y`), null, integers as Go writes them
/// (`0x1f`, `0777`, `0o777`, `0b1`, `1_000`), floating-point numbers, else text. Numbers to the base of 60 are text.
pub(crate) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Boolean(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Boolean(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Value::Number(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Number(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Number(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match text.as_bytes()[0] {
        b'+' | b'-' | b'0'..=b'9' => number(&text.replace('_', "")),
        b'.' => floating(text),
        _ => None,
    };
    number.unwrap_or_else(|| Value::Text(text.into()))
}

fn number(text: &str) -> Option<Value> {
    integer(text).map(Value::Integer).or_else(|| floating(text))
}

/// As Go's `strconv.ParseInt` with base 0, for what fits into 64 bits with or without a sign.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let prefixed = digits.get(..2).map(str::to_ascii_lowercase);
    let (base, digits) = match prefixed.as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some(_) if digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` would take another sign.
    if !digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    let integer = if negative {
        -i128::from(magnitude)
    } else {
        i128::from(magnitude)
    };
    (integer >= i128::from(i64::MIN)).then_some(integer)
}

/// A decimal number with at least one digit, with or without point and exponent.
fn floating(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_is_number = match (whole, fraction) {
        ("", fraction) => digits(fraction),
        (whole, "") => digits(whole),
        (whole, fraction) => digits(whole) && digits(fraction),
    };
    if !mantissa_is_number || !exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e))) {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    number.is_finite().then_some(Value::Number(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_read_as_kubectl_reads_them() {
        let text = |text: &str| Value::Text(text.into());
        let table = [
            ("", Value::Null),
            ("~", Value::Null),
            ("null", Value::Null),
            ("NULL", Value::Null),
            ("nUll", text("nUll")),
            ("yes", Value::Boolean(true)),
            ("On", Value::Boolean(true)),
            ("y", Value::Boolean(true)),
            ("N", Value::Boolean(false)),
            ("OFF", Value::Boolean(false)),
            ("oN", text("oN")),
            ("0", Value::Integer(0)),
            ("-17", Value::Integer(-17)),
            ("+17", Value::Integer(17)),
            ("0777", Value::Integer(511)),
            ("0o777", Value::Integer(511)),
            ("0x1F", Value::Integer(31)),
            ("0b101", Value::Integer(5)),
            ("-0b101", Value::Integer(-5)),
            ("1_000", Value::Integer(1000)),
            ("09", Value::Number(9.0)),
            ("0x", text("0x")),
            ("18446744073709551615", Value::Integer(18_446_744_073_709_551_615)),
            ("18446744073709551616", Value::Number(18_446_744_073_709_552_000.0)),
            ("-9223372036854775808", Value::Integer(-9_223_372_036_854_775_808)),
            ("1.5", Value::Number(1.5)),
            ("1.", Value::Number(1.0)),
            (".5", Value::Number(0.5)),
            ("-.5", Value::Number(-0.5)),
            ("1e3", Value::Number(1000.0)),
            ("1e", text("1e")),
            ("1.2.3", text("1.2.3")),
            (".inf", Value::Number(f64::INFINITY)),
            ("-.Inf", Value::Number(f64::NEG_INFINITY)),
            ("inf", text("inf")),
            ("nan", text("nan")),
            ("12:30:45", text("12:30:45")),
            ("190:20", text("190:20")),
            ("2001-12-14", text("2001-12-14")),
            ("2001-12-14T21:59:43Z", text("2001-12-14T21:59:43Z")),
            ("100m", text("100m")),
            ("1Gi", text("1Gi")),
            ("+", text("+")),
            ("-", text("-")),
            ("--1", text("--1")),
            ("é", text("é")),
            ("0é", text("0é")),
        ];
        for (written, meant) in table {
            assert_eq!(plain(written), meant, "{written}");
        }
    }
}
