//! The fields of a CronJob beside its template, validated as the API server does it (`ValidateCronJobSpec`).

use crate::api::node::Node;
use crate::api::shape::Problems;

/// What a field of a schedule may be: its least and its greatest number, and names for the numbers from the least on.
type Bounds = (u64, u64, &'static [&'static str]);

/// Minute, hour, day of the month, month and day of the week (`cron.ParseStandard`).
const FIELDS: [Bounds; 5] = [
    (0, 59, &[]),
    (0, 23, &[]),
    (1, 31, &[]),
    (
        1,
        12,
        &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
    ),
    (0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

const DESCRIPTORS: [&str; 7] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];

/// Notes what is wrong with a CronJob's spec.
pub(super) fn cron_job_spec(problems: &mut Problems<'_>, spec: &Node) {
    match (spec.get("schedule"), spec.filled_at("schedule")) {
        (Some(node), Some(schedule)) if schedule.contains("TZ") => {
            let message = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
            problems.invalid(node, message);
        }
        (Some(node), Some(schedule)) => {
            if let Err(message) = check(schedule) {
                problems.invalid(node, &message).hint =
                    Some("write minute, hour, day of month, month and day of week, such as \"*/5 * * * *\"".to_owned());
            }
        }
        _ => {
            problems.required(spec, "schedule", "");
        }
    }
    if let Some(policy) = spec.get("concurrencyPolicy")
        && !matches!(
            policy.text().map(|text| &**text),
            Some("Allow" | "Forbid" | "Replace" | "")
        )
    {
        problems.unsupported(policy, &["Allow", "Forbid", "Replace"]);
    }
    if let Some(zone) = spec.get("timeZone")
        && let Some(name) = zone.text()
    {
        time_zone(problems, zone, name);
    }
}

/// `validateTimeZone`. Whether a zone of that name exists only the servers know.
fn time_zone(problems: &mut Problems<'_>, node: &Node, name: &str) {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    let is_part = |part: &str| {
        (1..=14).contains(&part.len())
            && part.chars().all(inner)
            && !part.starts_with('-')
            && !matches!(part, "." | "..")
    };
    if name.is_empty() {
        problems.invalid(node, "timeZone must be nil or non-empty string");
    } else if !name.split('/').all(is_part) {
        problems.invalid(node, &format!("unknown time zone {name}"));
    } else if name.eq_ignore_ascii_case("Local") {
        let message = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        problems.invalid(node, message);
    }
}

/// What is wrong with a schedule, in the words of the API server.
fn check(schedule: &str) -> Result<(), String> {
    if schedule.starts_with('@') {
        return descriptor(schedule);
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let (count, shown) = (fields.len(), fields.join(" "));
        return Err(format!("expected exactly 5 fields, found {count}: [{shown}]"));
    }
    for (field, bounds) in fields.into_iter().zip(FIELDS) {
        for expression in field.split(',').filter(|expression| !expression.is_empty()) {
            range(expression, bounds)?;
        }
    }
    Ok(())
}

fn descriptor(schedule: &str) -> Result<(), String> {
    if let Some(every) = schedule.strip_prefix("@every ") {
        let read = crate::api::duration::parse(every);
        return read
            .map(|_| ())
            .map_err(|error| format!("failed to parse duration {schedule}: {error}"));
    }
    if DESCRIPTORS.contains(&schedule) {
        return Ok(());
    }
    Err(format!("unrecognized descriptor: {schedule}"))
}

/// `number | number "-" number [ "/" number ]`, with `*` and `?` for everything.
fn range(expression: &str, (least, greatest, names): Bounds) -> Result<(), String> {
    let parts: Vec<&str> = expression.split('/').collect();
    let ends: Vec<&str> = parts[0].split('-').collect();
    let number = |text: &str| {
        let named = names
            .iter()
            .zip(least..)
            .find(|(name, _)| text.eq_ignore_ascii_case(name));
        named.map_or_else(|| integer(text), |(_, number)| Ok(number))
    };
    let (start, mut end) = match ends[..] {
        ["*" | "?", ..] => (least, greatest),
        [one] => (number(one)?, number(one)?),
        [from, to] => (number(from)?, number(to)?),
        _ => return Err(format!("too many hyphens: {expression}")),
    };
    let step = match parts[..] {
        [_] => 1,
        [_, step] => {
            // 5/10 is 5-59/10.
            if ends.len() == 1 {
                end = greatest;
            }
            integer(step)?
        }
        _ => return Err(format!("too many slashes: {expression}")),
    };
    if start < least {
        return Err(format!(
            "beginning of range ({start}) below minimum ({least}): {expression}"
        ));
    }
    if end > greatest {
        return Err(format!("end of range ({end}) above maximum ({greatest}): {expression}"));
    }
    if start > end {
        return Err(format!(
            "beginning of range ({start}) beyond end of range ({end}): {expression}"
        ));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {expression}"));
    }
    Ok(())
}

fn integer(text: &str) -> Result<u64, String> {
    let read = text.parse::<u64>();
    read.map_err(|_| format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn schedules_are_taken_and_refused_as_the_api_server_does_it() {
        for (schedule, wrong) in [
            ("*/5 * * * *", ""),
            ("0 3 1-15/2 jan-JUN Mon,wed", ""),
            ("5/10 ? * * ?", ""),
            ("*/61 * * * *", ""),
            (" 0  0 * * 0 ", ""),
            ("@midnight", ""),
            ("@every 1h30m", ""),
            ("61 * * * *", "end of range (61) above maximum (59): 61"),
            ("0 0 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("0 0 * * 7", "end of range (7) above maximum (6): 7"),
            ("9-3 * * * *", "beginning of range (9) beyond end of range (3): 9-3"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            (
                "often * * * *",
                "failed to parse int from often: strconv.Atoi: parsing \"often\": invalid syntax",
            ),
            ("@fortnightly", "unrecognized descriptor: @fortnightly"),
        ] {
            assert_eq!(check(schedule).err().unwrap_or_default(), wrong, "{schedule}");
        }
    }
}
