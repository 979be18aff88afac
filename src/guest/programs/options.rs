//! The options of programs.

use super::{Context, base};

/// Options and the rest: a word of letters behind a dash is options until `--`; letters in `valued` take a value.
pub(super) struct Options {
    pub(super) letters: Vec<(char, String)>,
    pub(super) rest: Vec<String>,
}

impl Options {
    pub(super) fn parse(argv: &[String], valued: &str) -> Options {
        Options::parse_long(argv, valued, &[])
    }

    /// The same with names that stand for letters: `--count`, `--max-count=3`.
    pub(super) fn parse_long(argv: &[String], valued: &str, long: &[(&str, char)]) -> Options {
        let mut options = Options {
            letters: Vec::new(),
            rest: Vec::new(),
        };
        let mut words = argv.iter().skip(1);
        while let Some(word) = words.next() {
            if word == "--" {
                options.rest.extend(words.by_ref().cloned());
            } else if word.starts_with("--") {
                let (name, value) = word.split_once('=').unwrap_or((word, ""));
                match long.iter().find(|(known, _)| *known == name) {
                    Some((_, letter)) if valued.contains(*letter) && !word.contains('=') => {
                        options
                            .letters
                            .push((*letter, words.next().cloned().unwrap_or_default()));
                    }
                    Some((_, letter)) => options.letters.push((*letter, value.to_owned())),
                    None => options.letters.push(('-', word.clone())),
                }
            } else if word.len() > 1 && word.starts_with('-') {
                let letters = word[1..].char_indices();
                for (at, letter) in letters {
                    if valued.contains(letter) {
                        let inline = &word[1 + at + letter.len_utf8()..];
                        let value = if inline.is_empty() {
                            words.next().cloned().unwrap_or_default()
                        } else {
                            inline.to_owned()
                        };
                        options.letters.push((letter, value));
                        break;
                    }
                    options.letters.push((letter, String::new()));
                }
            } else {
                options.rest.push(word.clone());
            }
        }
        options
    }

    pub(super) fn has(&self, letter: char) -> bool {
        self.letters.iter().any(|(known, _)| *known == letter)
    }

    pub(super) fn has_long(&self, name: &str) -> bool {
        self.letters
            .iter()
            .any(|(letter, text)| *letter == '-' && text.split('=').next() == Some(name))
    }

    pub(super) fn value(&self, letter: char) -> Option<&str> {
        self.letters
            .iter()
            .rev()
            .find(|(known, _)| *known == letter)
            .map(|(_, value)| value.as_str())
    }

    /// Says once of each option that is not among the known ones, nor takes a value, that it is ignored.
    pub(super) fn expect(&self, context: &Context, argv: &[String], known: &str, long: &[&str]) {
        for (letter, value) in &self.letters {
            let name = value.split('=').next().unwrap_or(value);
            let understood = match letter {
                '-' => long.contains(&name),
                letter => known.contains(*letter) || !value.is_empty(),
            };
            if !understood {
                let option = if *letter == '-' {
                    name.to_owned()
                } else {
                    format!("-{letter}")
                };
                let program = argv.first().map_or("", |name| base(name));
                let what = format!("option {option} of {program} is not understood");
                context.machine.assume(&context.process, &what, "it is ignored");
            }
        }
    }
}
