//! The builtins read and getopts.

use super::Shell;
use crate::guest::images::Flavour;
use crate::guest::limits;
use crate::guest::process::Signal;
use crate::guest::programs;
use crate::kernel::{Duration, race};

/// What `read` was asked for.
struct Reading {
    raw: bool,
    timeout: Option<Duration>,
    fd: u32,
    /// what ends the line
    end: u8,
    /// so many characters are enough
    most: Option<usize>,
    names: Vec<String>,
}

impl Reading {
    /// The options of POSIX and dash (`-r`, `-p`), of busybox and bash; Err with the one that the shell does not have.
    fn parse(words: &[String], flavour: Flavour) -> Result<Reading, char> {
        let mut reading = Reading {
            raw: false,
            timeout: None,
            fd: 0,
            end: b'\n',
            most: None,
            names: Vec::new(),
        };
        let mut arguments = words[1..].iter();
        while let Some(word) = arguments.next() {
            let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
                reading.names.push(word.clone());
                continue;
            };
            for (at, letter) in letters.char_indices() {
                if flavour == Flavour::Dash && !matches!(letter, 'r' | 'p') {
                    return Err(letter);
                }
                if !"tpndNua".contains(letter) {
                    reading.raw |= letter == 'r';
                    continue;
                }
                let inline = &letters[at + letter.len_utf8()..];
                let value = if inline.is_empty() {
                    arguments.next().map_or("", String::as_str)
                } else {
                    inline
                };
                match letter {
                    't' => reading.timeout = programs::seconds(value),
                    'u' => reading.fd = value.parse().unwrap_or(0),
                    'd' => reading.end = value.bytes().next().unwrap_or(0),
                    'n' | 'N' => reading.most = value.parse().ok(),
                    // The array of `-a` is not played: its name gets the whole line.
                    'a' => reading.names.push(value.to_owned()),
                    _ => {}
                }
                break;
            }
        }
        Ok(reading)
    }
}

impl Shell {
    /// `read [-r] [-t seconds] [-p prompt] [-n count] [-d delimiter] [-u descriptor] name …`
    pub(super) async fn read(&mut self, words: &[String]) -> i32 {
        let reading = match Reading::parse(words, self.flavour) {
            Ok(reading) => reading,
            Err(letter) => {
                self.complain(&format!("read: Illegal option -{letter}")).await;
                return 2;
            }
        };
        let input = self.context.fd(reading.fd);
        let read = async {
            let mut line = Vec::new();
            let mut characters = 0_usize;
            loop {
                if reading.most.is_some_and(|most| characters >= most) || line.len() >= limits::STRING_BYTES {
                    return (line, true);
                }
                let chunk = input.read(1).await;
                match chunk.first() {
                    None => return (line, false),
                    Some(byte) if *byte == reading.end => {
                        // A backslash joins two lines.
                        let escaped = line.iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1;
                        if reading.raw || !escaped {
                            return (line, true);
                        }
                        line.pop();
                        characters = characters.saturating_sub(1);
                    }
                    Some(byte) => {
                        line.push(*byte);
                        // What continues a character of UTF-8 is none by itself.
                        characters += usize::from(byte & 0xc0 != 0x80);
                    }
                }
            }
        };
        let signals = self.context.process.clone();
        let kernel = self.context.kernel().clone();
        let late = async {
            match reading.timeout {
                Some(limit) => kernel.sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let (line, whole) = match race(read, race(late, signals.wait_signal())).await {
            Ok(result) => result,
            // As if SIGALRM had come, in bash.
            Err(Ok(())) => return if self.flavour == Flavour::Bash { 142 } else { 1 },
            Err(Err(())) => return signals.first_signal().map_or(1, Signal::exit_code),
        };
        let line = String::from_utf8_lossy(&line).into_owned();
        if reading.names.is_empty() {
            self.set("REPLY", &line);
            return i32::from(!whole);
        }
        let ifs = self.value("IFS").unwrap_or_else(|| " \t\n".to_owned());
        let count = reading.names.len();
        for (name, value) in reading.names.iter().zip(read_fields(&line, &ifs, count, reading.raw)) {
            self.set(name, &value);
        }
        i32::from(!whole)
    }

    /// `getopts options name [argument …]`. With a colon at the head of the options it says nothing, and a missing
    /// argument is `:` with the option in OPTARG (POSIX).
    pub(super) async fn getopts(&mut self, words: &[String]) -> i32 {
        let [_, options, name, given @ ..] = words else {
            return 2;
        };
        let silent = options.starts_with(':');
        let arguments = if given.is_empty() {
            self.positional.clone()
        } else {
            given.to_vec()
        };
        let number = |text: Option<String>| text.and_then(|text| text.parse::<usize>().ok()).unwrap_or(1);
        let index = number(self.value("OPTIND")).max(1);
        let offset = number(self.value("_OPTOFFSET"));
        let Some(argument) = arguments
            .get(index - 1)
            .filter(|a| a.len() > 1 && a.starts_with('-') && *a != "--")
        else {
            let end = arguments.get(index - 1).is_some_and(|argument| argument == "--");
            self.set("OPTIND", &(index + usize::from(end)).to_string());
            self.set(name, "?");
            return 1;
        };
        let letter = argument.chars().nth(offset).unwrap_or('?');
        let more = argument.chars().count() > offset + 1;
        let position = options.find(letter).filter(|_| letter != ':');
        let takes = position.is_some_and(|at| options[at + letter.len_utf8()..].starts_with(':'));
        let mut next = index + usize::from(!more);
        let mut found = position.map_or('?', |_| letter);
        self.variables.remove("OPTARG");
        if takes {
            let value: Option<String> = if more {
                Some(argument.chars().skip(offset + 1).collect())
            } else {
                arguments.get(index).cloned()
            };
            next = if more || value.is_none() { index + 1 } else { index + 2 };
            match value {
                Some(value) => {
                    self.set("OPTARG", &value);
                }
                None if silent => {
                    found = ':';
                    self.set("OPTARG", &letter.to_string());
                }
                None => {
                    found = '?';
                    self.complain(&format!("No arg for -{letter} option")).await;
                }
            }
        } else if position.is_none() && silent {
            self.set("OPTARG", &letter.to_string());
        } else if position.is_none() {
            self.complain(&format!("Illegal option -{letter}")).await;
        }
        let still = more && !takes;
        self.set("_OPTOFFSET", &(if still { offset + 1 } else { 1 }).to_string());
        self.set("OPTIND", &next.to_string());
        self.set(name, &found.to_string());
        0
    }
}

/// A line cut into that many fields; the last takes the rest.
fn read_fields(line: &str, ifs: &str, count: usize, raw: bool) -> Vec<String> {
    // Each character with whether a backslash protects it.
    let mut chars = Vec::new();
    let mut source = line.chars();
    while let Some(c) = source.next() {
        match c {
            '\\' if !raw => chars.extend(source.next().map(|c| (c, true))),
            c => chars.push((c, false)),
        }
    }
    let is_separator = |(c, protected): &(char, bool)| !protected && ifs.contains(*c);
    let is_blank = |pair: &(char, bool)| is_separator(pair) && pair.0.is_whitespace();
    let mut fields = Vec::new();
    let mut at = chars.iter().take_while(|pair| is_blank(pair)).count();
    while fields.len() + 1 < count {
        let end = at + chars[at..].iter().take_while(|pair| !is_separator(pair)).count();
        fields.push(chars[at..end].iter().map(|(c, _)| *c).collect::<String>());
        at = end + chars[end..].iter().take_while(|pair| is_blank(pair)).count();
        if chars.get(at).is_some_and(is_separator) {
            at += 1;
            at += chars[at..].iter().take_while(|pair| is_blank(pair)).count();
        }
    }
    let mut rest = &chars[at..];
    while rest.last().is_some_and(is_blank) {
        rest = &rest[..rest.len() - 1];
    }
    // A single separator at the end belongs to the last field's end, not to its text.
    if let Some((last, before)) = rest.split_last()
        && is_separator(last)
        && !before.iter().any(is_separator)
    {
        rest = before;
    }
    fields.push(rest.iter().map(|(c, _)| *c).collect());
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_cuts_lines() {
        for (line, ifs, count, fields) in [
            (" a  b c ", " ", 2, vec!["a", "b c"]),
            ("a", " ", 2, vec!["a", ""]),
            ("a:b:c", ":", 2, vec!["a", "b:c"]),
            ("a:", ":", 1, vec!["a"]),
            ("a b", " ", 1, vec!["a b"]),
        ] {
            assert_eq!(read_fields(line, ifs, count, true), fields, "{line:?}");
        }
    }
}
