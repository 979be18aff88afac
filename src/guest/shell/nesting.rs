//! How deep the commands and substitutions of a script lie in one another: what the parser's stack must hold.

use brush_parser::Token;

use crate::guest::images::Flavour;

/// A text that the parser's tokenizer calls itself for: up to the character that closes it.
struct Open {
    closes: char,
    opens: Option<char>,
    /// plain openers inside that were not closed yet
    inner: usize,
    /// it stands between double quotes
    quoted: bool,
}

/// How deep `$(…)`, `${…}` and `$[…]` lie in one another, at most, and where: read as the parser's tokenizer reads them,
/// with its quotes, comments and here-documents. Backquotes are one text to it.
pub(super) fn substitutions(text: &str) -> (usize, usize) {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let mut stack: Vec<Open> = Vec::new();
    let (mut deepest, mut place) = (0, 0);
    let mut quoted = false;
    // Whether a character before this one belongs to the same word.
    let mut in_word = false;
    let mut tags: Vec<(String, bool)> = Vec::new();
    let mut at = 0;
    let peek = |at: usize| chars.get(at).map_or('\0', |(_, c)| *c);
    while let Some((offset, c)) = chars.get(at).copied() {
        at += 1;
        let before = std::mem::replace(&mut in_word, true);
        match c {
            '\\' => at += 1,
            '"' => quoted = !quoted,
            '\'' if !quoted => {
                let escapes = at >= 2 && peek(at - 2) == '$';
                while at < chars.len() && peek(at) != '\'' {
                    at += if escapes && peek(at) == '\\' { 2 } else { 1 };
                }
                at += 1;
            }
            '`' => {
                while at < chars.len() && peek(at) != '`' {
                    at += if peek(at) == '\\' { 2 } else { 1 };
                }
                at += 1;
            }
            '$' if matches!(peek(at), '(' | '{' | '[') => {
                let (closes, opens) = match peek(at) {
                    '(' => (')', Some('(')),
                    '[' => (']', Some('[')),
                    _ => ('}', None),
                };
                stack.push(Open {
                    closes,
                    opens,
                    inner: 0,
                    quoted,
                });
                if stack.len() > deepest {
                    (deepest, place) = (stack.len(), offset);
                }
                at += 1;
                quoted = false;
                in_word = false;
            }
            _ if quoted => {}
            '\n' if !tags.is_empty() => {
                for (tag, indented) in tags.drain(..) {
                    at = after_here_document(&chars, at, &tag, indented);
                }
                in_word = false;
            }
            '<' if peek(at) == '<' && peek(at + 1) != '<' && !before_shift(&stack) => {
                let (tag, indented, next) = here_tag(&chars, at + 1);
                tags.push((tag, indented));
                at = next;
            }
            '#' if !before && stack.last().is_none_or(|open| open.closes != '}') => {
                while at < chars.len() && peek(at) != '\n' {
                    at += 1;
                }
                in_word = false;
            }
            c => {
                if let Some(open) = stack.last_mut() {
                    if open.closes == c && open.inner == 0 {
                        quoted = open.quoted;
                        stack.pop();
                        continue;
                    } else if open.closes == c {
                        open.inner -= 1;
                    } else if open.opens == Some(c) {
                        open.inner += 1;
                    }
                }
                // Inside parentheses the tokenizer keeps a blank that parts nothing as the start of a word.
                let keeps = stack.last().is_some_and(|open| open.closes != '}');
                in_word = match c {
                    ' ' | '\t' => keeps && !before,
                    c => !(c == '\n' || "();&|<>".contains(c)),
                };
            }
        }
    }
    (deepest, place)
}

/// Whether `<<` is a shift here: inside `$((`.
fn before_shift(stack: &[Open]) -> bool {
    stack.last().is_some_and(|open| open.closes == ']' || open.inner > 0)
}

/// The tag of a here-document behind `<<`, whether its lines are indented, and where the script goes on.
fn here_tag(chars: &[(usize, char)], from: usize) -> (String, bool, usize) {
    let mut at = from;
    let indented = chars.get(at).is_some_and(|(_, c)| *c == '-');
    at += usize::from(indented);
    while chars.get(at).is_some_and(|(_, c)| matches!(c, ' ' | '\t')) {
        at += 1;
    }
    let mut tag = String::new();
    while let Some((_, c)) = chars.get(at) {
        match c {
            '\'' | '"' | '\\' => {}
            c if c.is_ascii_whitespace() || "();&|<>".contains(*c) => break,
            c => tag.push(*c),
        }
        at += 1;
    }
    (tag, indented, at)
}

/// Where the line behind a here-document begins; the end where it has none: the parser refuses it.
fn after_here_document(chars: &[(usize, char)], from: usize, tag: &str, indented: bool) -> usize {
    let mut at = from;
    while at < chars.len() {
        let end = chars[at..]
            .iter()
            .position(|(_, c)| *c == '\n')
            .map_or(chars.len(), |n| at + n);
        let line: String = chars[at..end].iter().map(|(_, c)| *c).collect();
        at = (end + 1).min(chars.len());
        let line = if indented { line.trim_start_matches('\t') } else { &line };
        if line == tag {
            break;
        }
    }
    at
}

/// What holds other commands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Parentheses,
    Braces,
    /// `if`, loops
    Keyword,
    /// `case`; its patterns end with a parenthesis that opens nothing
    Case {
        pattern: bool,
    },
}

/// What is known of a script's tokens.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Nesting {
    /// how deep compound commands lie in one another, at most
    pub(super) depth: usize,
    /// where that is
    pub(super) line: usize,
    /// the line of a function that begins with `function`, which dash takes for a command with a stray `}` behind it
    pub(super) function: Option<usize>,
}

/// How deep compound commands lie in one another. Reserved words count where a command may
/// begin (POSIX 2.4), so not as arguments; quotes, comments and here-documents are behind the tokenizer.
pub(super) fn commands(tokens: &[Token], flavour: Flavour) -> Nesting {
    let mut stack: Vec<Holds> = Vec::new();
    let mut bangs = 0;
    let mut found = Nesting::default();
    // A command may begin here; the next word is no command, whatever it is.
    let (mut begins, mut skip) = (true, false);
    // How many words ago `for` was: `for x do` has no separator before `do`. And `coproc` may have a name before its command.
    let mut since_for: Option<usize> = None;
    let mut after_coproc = false;
    for token in tokens {
        let text = token.to_str();
        let prefix = text == "!" || begins && matches!(text, "time" | "coproc");
        match token {
            Token::Operator(..) => {
                (skip, since_for, after_coproc) = (false, None, false);
                match text {
                    "(" if stack.last() == Some(&Holds::Case { pattern: true }) => {}
                    "(" => {
                        stack.push(Holds::Parentheses);
                        begins = true;
                    }
                    ")" => {
                        match stack.last_mut() {
                            Some(Holds::Case { pattern }) => *pattern = false,
                            Some(Holds::Parentheses) => {
                                stack.pop();
                            }
                            _ => {}
                        }
                        begins = true;
                    }
                    ";;" | ";&" | ";;&" => {
                        if let Some(Holds::Case { pattern }) = stack.last_mut() {
                            *pattern = true;
                        }
                        begins = true;
                    }
                    operator if operator.contains(['<', '>']) => skip = true,
                    _ => begins = true,
                }
            }
            Token::Word(..) if std::mem::take(&mut skip) => {}
            Token::Word(..) if prefix => {
                bangs += 1;
                after_coproc = text == "coproc";
            }
            Token::Word(..) if stack.last() == Some(&Holds::Case { pattern: true }) => {
                if text == "esac" {
                    stack.pop();
                }
            }
            Token::Word(..) if !begins => {
                since_for = since_for.map(|words| words + 1);
                if since_for == Some(2) && text == "do" {
                    begins = true;
                }
                // Of `case word in`.
                if text == "in"
                    && let Some(Holds::Case { pattern }) = stack.last_mut()
                {
                    *pattern = true;
                }
            }
            Token::Word(..) => {
                match text {
                    "if" | "while" | "until" => stack.push(Holds::Keyword),
                    "for" | "select" => {
                        stack.push(Holds::Keyword);
                        since_for = Some(0);
                    }
                    "case" => stack.push(Holds::Case { pattern: false }),
                    "{" => stack.push(Holds::Braces),
                    "}" if stack.last() == Some(&Holds::Braces) => {
                        stack.pop();
                    }
                    "fi" | "done" if stack.last() == Some(&Holds::Keyword) => {
                        stack.pop();
                    }
                    "esac" if matches!(stack.last(), Some(Holds::Case { .. })) => {
                        stack.pop();
                    }
                    _ => {}
                }
                skip = text == "function";
                if skip && flavour == Flavour::Dash {
                    found.function.get_or_insert(token.location().start.line);
                }
                begins = matches!(
                    text,
                    "if" | "then"
                        | "elif"
                        | "else"
                        | "fi"
                        | "while"
                        | "until"
                        | "do"
                        | "done"
                        | "esac"
                        | "{"
                        | "}"
                        | "function"
                ) || std::mem::take(&mut after_coproc);
            }
        }
        if !prefix {
            bangs = 0;
        }
        let depth = stack.len() + bangs;
        if depth > found.depth {
            found.depth = depth;
            found.line = token.location().start.line;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use brush_parser::tokenize_str;

    #[test]
    fn substitutions_count_where_they_are_substitutions() {
        for (text, depth) in [
            ("echo a", 0),
            ("echo ${x} ${y} ${z}", 1),
            ("echo $(a $(b) ${c:-${d}})", 3),
            ("echo '$(' \\$( ; # $(", 0),
            ("echo \"$(a \"$(b)\" ')' \")\" )\" $(c)", 2),
            ("cat <<E\n' $( $(\nE\necho $(a)", 1),
            ("cat <<-'E'\n\t$(\n\tE\necho $(a)", 1),
            ("echo $((1 << 2)) $(a)\n$(b $(c))", 2),
            ("echo `$($(`", 0),
            ("x=${a#b} # ${ ${", 1),
            ("$(a # $(b\n) $(c)", 1),
        ] {
            assert_eq!(substitutions(text).0, depth, "{text}");
        }
    }

    #[test]
    fn commands_count_where_they_are_commands() {
        for (text, depth) in [
            ("echo if while for case ! {", 1),
            ("echo if for; echo '(' \"{\" # ( ( (\necho {", 0),
            ("cat <<E\nif ( { while\nE\nif a; then { b; }; fi", 2),
            ("case x in a) b;; (c) d;; *) if e; then f; fi;; esac; g", 2),
            ("if a; then if b; then c; fi fi; if d; then e; fi", 2),
            ("for i in if for case; do a; done; while b; do c; done", 1),
            ("f() { (a); }; function g { b; }", 2),
            ("! ! ! a; ! b; ! c; ! d", 3),
            ("a=${x} b=${y}; (a); (b); { c; }", 1),
            ("for x do for y do a; done; done; echo do for", 2),
            ("time coproc time a; coproc a { coproc b { c; } }", 3),
        ] {
            let tokens = tokenize_str(text).expect("it can be read");
            assert_eq!(commands(&tokens, Flavour::Bash).depth, depth, "{text}");
        }
    }
}
