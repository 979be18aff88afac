//! sed: s, d, p, q with simple addresses.

use regex::Regex;

use super::pattern::regex;
use super::text::{input, inputs};
use super::{Context, Options};

/// One command of sed.
enum Edit {
    Substitute {
        regex: Regex,
        replacement: String,
        global: bool,
        print: bool,
    },
    Delete,
    Print,
    Quit,
}

/// Which lines an edit is for.
enum Address {
    Every,
    Line(usize),
    Last,
    Matching(Regex),
}

fn edits(script: &str, extended: bool) -> Option<Vec<(Address, Edit)>> {
    let mut found = Vec::new();
    let mut rest = script.trim_start_matches([' ', ';', '\n']);
    while !rest.is_empty() {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let address = if !digits.is_empty() {
            rest = &rest[digits.len()..];
            Address::Line(digits.parse().ok()?)
        } else if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            Address::Last
        } else if let Some(after) = rest.strip_prefix('/') {
            let (pattern, after) = part(after, '/')?;
            rest = after;
            Address::Matching(regex(&pattern, extended, false)?)
        } else {
            Address::Every
        };
        rest = rest.trim_start();
        let command = rest.chars().next()?;
        rest = &rest[command.len_utf8()..];
        let edit = match command {
            's' => {
                let separator = rest.chars().next()?;
                let (pattern, after) = part(&rest[separator.len_utf8()..], separator)?;
                let (replacement, after) = part(after, separator)?;
                let flags: String = after.chars().take_while(|c| "gpiI".contains(*c)).collect();
                rest = &after[flags.len()..];
                Edit::Substitute {
                    regex: regex(&pattern, extended, flags.contains(['i', 'I']))?,
                    replacement,
                    global: flags.contains('g'),
                    print: flags.contains('p'),
                }
            }
            'd' => Edit::Delete,
            'p' => Edit::Print,
            'q' => Edit::Quit,
            _ => return None,
        };
        found.push((address, edit));
        let next = rest.trim_start_matches([' ', '\t']);
        if !next.is_empty() && !next.starts_with([';', '\n']) {
            return None;
        }
        rest = next.trim_start_matches([' ', ';', '\n']);
    }
    Some(found)
}

/// Text up to a separator that no backslash protects, and what follows it.
fn part(text: &str, separator: char) -> Option<(String, &str)> {
    let mut found = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == separator {
            return Some((found, &text[at + c.len_utf8()..]));
        }
        if c == '\\' {
            let (_, next) = chars.next()?;
            if next != separator {
                found.push('\\');
            }
            found.push(next);
        } else {
            found.push(c);
        }
    }
    None
}

/// The replacement of sed for one match: `&`, `\1`, `\n`.
fn replacement(template: &str, captures: &regex::Captures<'_>) -> String {
    let mut text = String::new();
    let mut chars = template.chars();
    while let Some(c) = chars.next() {
        let group = match c {
            '&' => Some(0),
            '\\' => match chars.next() {
                Some(digit) if digit.is_ascii_digit() => digit.to_digit(10),
                Some('n') => {
                    text.push('\n');
                    continue;
                }
                Some(other) => {
                    text.push(other);
                    continue;
                }
                None => continue,
            },
            c => {
                text.push(c);
                continue;
            }
        };
        let group = group.and_then(|group| usize::try_from(group).ok()).unwrap_or(0);
        text.push_str(captures.get(group).map_or("", |m| m.as_str()));
    }
    text
}

/// `sed [-n] [-i] [-E] [-e script] [script] [file …]` with s, d, p, q and simple addresses.
pub(super) async fn sed(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse(argv, "e");
    let mut rest = options.rest.clone();
    let scripts: Vec<&str> = options
        .letters
        .iter()
        .filter(|(letter, _)| *letter == 'e')
        .map(|(_, value)| value.as_str())
        .collect();
    let script = if scripts.is_empty() {
        if rest.is_empty() {
            context.err("sed: no script").await;
            return 1;
        }
        rest.remove(0)
    } else {
        scripts.join("\n")
    };
    let extended = options.has('E') || options.has('r');
    let Some(edits) = edits(&script, extended) else {
        context.machine.assume(
            &context.process,
            &format!("the sed script {script} is not understood"),
            "sed passes its input on",
        );
        let (text, _) = inputs(context, "sed", &rest).await;
        return i32::from(!context.out(&text).await);
    };
    let quiet = options.has('n');
    let in_place = options.has('i');
    let paths = if rest.is_empty() { vec!["-".to_owned()] } else { rest };
    let mut code = 0;
    for path in &paths {
        let Some(text) = input(context, "sed", path).await else {
            code = 1;
            continue;
        };
        let out = edit(&text, &edits, quiet);
        if in_place && path != "-" {
            if let Ok(target) = context.open(path, crate::guest::machine::OpenMode::Write) {
                let _ = target.write(out.as_bytes()).await;
            }
        } else {
            context.out(&out).await;
        }
    }
    code
}

fn edit(text: &str, edits: &[(Address, Edit)], quiet: bool) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    'lines: for (index, line) in lines.iter().enumerate() {
        let mut line = (*line).to_owned();
        for (address, edit) in edits {
            let fits = match address {
                Address::Every => true,
                Address::Line(number) => *number == index + 1,
                Address::Last => index + 1 == lines.len(),
                Address::Matching(regex) => regex.is_match(&line),
            };
            if !fits {
                continue;
            }
            match edit {
                Edit::Substitute {
                    regex,
                    replacement: template,
                    global,
                    print,
                } => {
                    let count = usize::from(!global);
                    let before = line.clone();
                    line = regex
                        .replacen(&line, count, |captures: &regex::Captures<'_>| {
                            replacement(template, captures)
                        })
                        .into_owned();
                    if *print && line != before {
                        out.push_str(&format!("{line}\n"));
                    }
                    if line.len() > crate::guest::limits::STRING_BYTES {
                        return out;
                    }
                }
                Edit::Delete => continue 'lines,
                Edit::Print => out.push_str(&format!("{line}\n")),
                Edit::Quit => {
                    if !quiet {
                        out.push_str(&format!("{line}\n"));
                    }
                    return out;
                }
            }
        }
        if !quiet {
            out.push_str(&format!("{line}\n"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sed_edits() {
        let run = |script: &str, quiet| edit("one\ntwo\n", &edits(script, false).expect("it is valid"), quiet);
        assert_eq!(run("s/o/0/", false), "0ne\ntw0\n");
        assert_eq!(run("s#\\(t\\)w#\\1-&#", false), "one\nt-two\n");
        assert_eq!(run("1d", false), "two\n");
        assert_eq!(run("/two/p", true), "two\n");
    }
}
