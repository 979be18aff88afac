//! grep, egrep, fgrep.

use regex::{Regex, RegexBuilder};

use super::pattern::regex;
use super::{Context, Options};
use crate::guest::limits;
use crate::guest::machine::OpenMode;

/// Options with a name, and their letters.
const LONG: [(&str, char); 18] = [
    ("--count", 'c'),
    ("--extended-regexp", 'E'),
    ("--files-with-matches", 'l'),
    ("--files-without-match", 'L'),
    ("--fixed-strings", 'F'),
    ("--ignore-case", 'i'),
    ("--invert-match", 'v'),
    ("--line-number", 'n'),
    ("--line-regexp", 'x'),
    ("--max-count", 'm'),
    ("--no-filename", 'h'),
    ("--no-messages", 's'),
    ("--only-matching", 'o'),
    ("--quiet", 'q'),
    ("--recursive", 'r'),
    ("--regexp", 'e'),
    ("--with-filename", 'H'),
    ("--word-regexp", 'w'),
];

/// What one file gave.
struct Seen {
    count: usize,
    /// `-q` and `-l` need no more than one line
    enough: bool,
}

/// What grep looks for and how it shows it.
struct Search {
    options: Options,
    regex: Regex,
    /// lines to show before and after one that matches
    around: (usize, usize),
    named: bool,
    most: usize,
}

pub(super) async fn grep(context: &Context, argv: &[String]) -> i32 {
    let options = Options::parse_long(argv, "efmABC", &LONG);
    options.expect(
        context,
        argv,
        "cEFGHLPRahilnoqrsvwxIz",
        &["--color", "--colour", "--line-buffered", "--text"],
    );
    let mut rest = options.rest.clone();
    let mut patterns: Vec<String> = Vec::new();
    for (letter, value) in &options.letters {
        if *letter == 'e' {
            patterns.extend(value.split('\n').map(str::to_owned));
        } else if *letter == 'f' {
            match context.read(value).await {
                Ok(bytes) => patterns.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned)),
                Err(error) => {
                    context.err(&format!("grep: {value}: {error}")).await;
                    return 2;
                }
            }
        }
    }
    if !options.has('e') && !options.has('f') {
        if rest.is_empty() {
            context.err("Usage: grep [OPTION]... PATTERNS [FILE]...").await;
            return 2;
        }
        patterns = rest.remove(0).split('\n').map(str::to_owned).collect();
    }
    let Some(regex) = any_of(&patterns, &argv[0], &options) else {
        context.machine.assume(
            &context.process,
            &format!("the pattern {} is not understood", patterns.join("|")),
            "grep fails with exit code 2",
        );
        return 2;
    };
    let number = |letter: char| options.value(letter).and_then(|n| n.parse::<usize>().ok());
    let recursive = options.has('r') || options.has('R');
    let paths = if rest.is_empty() { vec!["-".to_owned()] } else { rest };
    let paths = if recursive { files_below(context, &paths) } else { paths };
    let search = Search {
        around: (
            number('B').or(number('C')).unwrap_or(0),
            number('A').or(number('C')).unwrap_or(0),
        ),
        named: (paths.len() > 1 || recursive || options.has('H')) && !options.has('h'),
        most: number('m').unwrap_or(usize::MAX),
        regex,
        options,
    };
    let (mut found, mut failed) = (false, false);
    for path in &paths {
        let source = if path == "-" {
            Ok(context.fd(0))
        } else {
            context.open(path, OpenMode::Read)
        };
        let source = match source {
            Ok(source) => source,
            Err(error) => {
                failed = true;
                let silent = search.options.has('s') || search.options.has('q') && found;
                if !silent {
                    context.err(&format!("grep: {path}: {error}")).await;
                }
                continue;
            }
        };
        let seen = search.file(context, path, &source).await;
        found |= seen.count > 0;
        if found && search.options.has('q') {
            return 0;
        }
        let lists = search.options.has('l') && seen.count > 0 || search.options.has('L') && seen.count == 0;
        if lists {
            context.out(&format!("{path}\n")).await;
        } else if search.options.has('c') && !seen.enough {
            context
                .out(&format!("{}{}\n", search.prefix(path, ':'), seen.count))
                .await;
        }
    }
    match (found, failed) {
        (_, true) if !found || !search.options.has('q') => 2,
        (true, _) => 0,
        (false, _) => 1,
    }
}

/// One regular expression for all patterns, of whole words or whole lines where that is asked for.
fn any_of(patterns: &[String], program: &str, options: &Options) -> Option<Regex> {
    let fixed = options.has('F') || program.ends_with("fgrep");
    let extended = options.has('E') || options.has('P') || program.ends_with("egrep");
    let mut all = Vec::new();
    for pattern in patterns {
        let one = if fixed {
            regex::escape(pattern)
        } else {
            regex(pattern, extended, false)?.as_str().to_owned()
        };
        all.push(format!("(?:{one})"));
    }
    // Without any pattern nothing matches.
    let mut text = if all.is_empty() {
        "[^\\s\\S]".to_owned()
    } else {
        all.join("|")
    };
    if options.has('x') {
        text = format!("^(?:{text})$");
    } else if options.has('w') {
        text = format!("\\b(?:{text})\\b");
    }
    RegexBuilder::new(&text)
        .case_insensitive(options.has('i'))
        .size_limit(super::pattern::REGEX_BYTES)
        .build()
        .ok()
}

impl Search {
    fn prefix(&self, path: &str, mark: char) -> String {
        let path = if path == "-" { "(standard input)" } else { path };
        if self.named {
            format!("{path}{mark}")
        } else {
            String::new()
        }
    }

    async fn file(&self, context: &Context, path: &str, source: &crate::guest::io::Fd) -> Seen {
        let only_counts = ['c', 'l', 'L', 'q'].iter().any(|letter| self.options.has(*letter));
        let mut seen = Seen {
            count: 0,
            enough: false,
        };
        let mut before: Vec<(usize, String)> = Vec::new();
        let (mut number, mut shown, mut after) = (0_usize, 0, 0);
        while seen.count < self.most || after > 0 {
            let Some(line) = source.read_line(limits::STRING_BYTES).await else {
                break;
            };
            context.machine.step(&context.process).await;
            number += 1;
            let line = String::from_utf8_lossy(&line).into_owned();
            let line = line.strip_suffix('\n').unwrap_or(&line).to_owned();
            let fits = seen.count < self.most && self.regex.is_match(&line) != self.options.has('v');
            if fits {
                seen.count += 1;
                if self.options.has('q') || self.options.has('l') {
                    seen.enough = true;
                    break;
                }
            }
            if only_counts {
                continue;
            }
            if fits && self.options.has('o') {
                for matched in self.regex.find_iter(&line).filter(|m| !m.is_empty()) {
                    self.show(context, path, number, matched.as_str(), ':').await;
                }
                continue;
            }
            if fits {
                let first = before.first().map_or(number, |(number, _)| *number);
                // Groups that do not touch are parted.
                if self.around != (0, 0) && shown > 0 && first > shown + 1 {
                    context.out("--\n").await;
                }
                for (number, line) in std::mem::take(&mut before) {
                    self.show(context, path, number, &line, '-').await;
                }
                self.show(context, path, number, &line, ':').await;
                (shown, after) = (number, self.around.1);
            } else if after > 0 {
                self.show(context, path, number, &line, '-').await;
                (shown, after) = (number, after - 1);
            } else if self.around.0 > 0 {
                if before.len() == self.around.0 {
                    before.remove(0);
                }
                before.push((number, line));
            }
        }
        seen
    }

    async fn show(&self, context: &Context, path: &str, number: usize, text: &str, mark: char) {
        let place = if self.options.has('n') {
            format!("{number}{mark}")
        } else {
            String::new()
        };
        context
            .out(&format!("{}{place}{text}\n", self.prefix(path, mark)))
            .await;
    }
}

fn files_below(context: &Context, paths: &[String]) -> Vec<String> {
    let mut pending: Vec<String> = paths
        .iter()
        .rev()
        .map(|path| if path == "-" { ".".to_owned() } else { path.clone() })
        .collect();
    let mut files = Vec::new();
    while let Some(path) = pending.pop() {
        match context.files().find(&context.cwd, &path) {
            Ok(node) if node.is_directory() => {
                for name in node.names().iter().rev() {
                    pending.push(format!("{}/{name}", path.trim_end_matches('/')));
                }
            }
            Ok(_) | Err(_) => files.push(path),
        }
        if files.len() + pending.len() > crate::guest::limits::WORDS {
            break;
        }
    }
    files
}
