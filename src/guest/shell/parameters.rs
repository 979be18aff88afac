//! Parameter expansion: `$x`, `${x:-word}`, `${x%pattern}` and the rest.

use brush_parser::word::{Parameter, ParameterExpr, ParameterTestType, SpecialParameter, SubstringMatchKind};

use super::Shell;
use super::expand::{Expansion, Failed, Part};
use super::pattern::{self, Cut};

impl Shell {
    pub(super) async fn parameter(&mut self, expression: &ParameterExpr, quoted: bool) -> Expansion<Vec<Part>> {
        use ParameterExpr as E;
        match expression {
            E::Parameter { parameter, indirect } => {
                let parameter = self.indirected(parameter, *indirect);
                self.plain(&parameter, quoted).await
            }
            E::UseDefaultValues {
                parameter,
                test_type,
                default_value,
                indirect,
            } => {
                let parameter = &self.indirected(parameter, *indirect);
                if self.is_missing(parameter, test_type) {
                    return self.alternative(default_value.as_deref(), quoted).await;
                }
                self.plain(parameter, quoted).await
            }
            E::AssignDefaultValues {
                parameter,
                test_type,
                default_value,
                indirect,
            } => {
                let parameter = &self.indirected(parameter, *indirect);
                if self.is_missing(parameter, test_type) {
                    let parts = self.alternative(default_value.as_deref(), quoted).await?;
                    let value = self.joined(parts);
                    if let Parameter::Named(name) = parameter {
                        self.set(name, &value);
                    }
                    return Ok(vec![Part::expanded(value, quoted)]);
                }
                self.plain(parameter, quoted).await
            }
            E::IndicateErrorIfNullOrUnset {
                parameter,
                test_type,
                error_message,
                indirect,
            } => {
                let parameter = &self.indirected(parameter, *indirect);
                if self.is_missing(parameter, test_type) {
                    let message = match error_message {
                        Some(message) => self.single(message).await?,
                        None => "parameter not set or null".to_owned(),
                    };
                    self.complain(&format!("{}: {message}", name_of(parameter))).await;
                    self.status = self.unset_status();
                    return Err(Failed);
                }
                self.plain(parameter, quoted).await
            }
            E::UseAlternativeValue {
                parameter,
                test_type,
                alternative_value,
                indirect,
            } => {
                let parameter = &self.indirected(parameter, *indirect);
                if self.is_missing(parameter, test_type) {
                    return Ok(Vec::new());
                }
                self.alternative(alternative_value.as_deref(), quoted).await
            }
            E::ParameterLength { parameter, indirect } => {
                let parameter = &self.indirected(parameter, *indirect);
                let length = match parameter {
                    Parameter::Special(SpecialParameter::AllPositionalParameters { .. }) => self.positional.len(),
                    _ => self.scalar(parameter).unwrap_or_default().chars().count(),
                };
                Ok(vec![Part::expanded(length.to_string(), quoted)])
            }
            E::RemoveSmallestSuffixPattern {
                parameter,
                pattern,
                indirect,
            } => {
                let parameter = &self.indirected(parameter, *indirect);
                self.cut(parameter, pattern.as_deref(), true, false, quoted).await
            }
            E::RemoveLargestSuffixPattern {
                parameter,
                pattern,
                indirect,
            } => {
                let parameter = &self.indirected(parameter, *indirect);
                self.cut(parameter, pattern.as_deref(), true, true, quoted).await
            }
            E::RemoveSmallestPrefixPattern {
                parameter,
                pattern,
                indirect,
            } => {
                let parameter = &self.indirected(parameter, *indirect);
                self.cut(parameter, pattern.as_deref(), false, false, quoted).await
            }
            E::RemoveLargestPrefixPattern {
                parameter,
                pattern,
                indirect,
            } => {
                let parameter = &self.indirected(parameter, *indirect);
                self.cut(parameter, pattern.as_deref(), false, true, quoted).await
            }
            E::Substring {
                parameter,
                offset,
                length,
                indirect,
            } => {
                let parameter = &self.indirected(parameter, *indirect);
                let text: Vec<char> = self.scalar(parameter).unwrap_or_default().chars().collect();
                let count = i64::try_from(text.len()).unwrap_or(i64::MAX);
                let offset = self.arithmetic(&offset.value).await?;
                let from = if offset < 0 {
                    (count + offset).max(0)
                } else {
                    offset.min(count)
                };
                let to = match length {
                    None => count,
                    Some(length) => match self.arithmetic(&length.value).await? {
                        length if length < 0 => count.saturating_add(length),
                        length => from.saturating_add(length).min(count),
                    },
                };
                let range = usize::try_from(from).unwrap_or(0)..usize::try_from(to.max(from)).unwrap_or(0);
                let part: String = text.get(range).unwrap_or_default().iter().collect();
                Ok(vec![Part::expanded(part, quoted)])
            }
            E::ReplaceSubstring {
                parameter,
                pattern,
                replacement,
                match_kind,
                indirect,
            } => {
                let parameter = &self.indirected(parameter, *indirect);
                let text = self.scalar(parameter).unwrap_or_default();
                let pattern = self.pattern(pattern).await?;
                let replacement = match replacement {
                    Some(replacement) => self.single(replacement).await?,
                    None => String::new(),
                };
                let place = match match_kind {
                    SubstringMatchKind::Prefix => pattern::At::Start,
                    SubstringMatchKind::Suffix => pattern::At::End,
                    SubstringMatchKind::FirstOccurrence => pattern::At::First,
                    SubstringMatchKind::Anywhere => pattern::At::Every,
                };
                let replaced = pattern::replace(&text, &pattern, &replacement, place);
                let replaced = self.or_unchanged(replaced, &text);
                Ok(vec![Part::expanded(replaced, quoted)])
            }
            E::UppercasePattern {
                parameter, indirect, ..
            } => {
                let parameter = &self.indirected(parameter, *indirect);
                let text = self.scalar(parameter).unwrap_or_default().to_uppercase();
                Ok(vec![Part::expanded(text, quoted)])
            }
            E::LowercasePattern {
                parameter, indirect, ..
            } => {
                let parameter = &self.indirected(parameter, *indirect);
                let text = self.scalar(parameter).unwrap_or_default().to_lowercase();
                Ok(vec![Part::expanded(text, quoted)])
            }
            E::Transform { .. }
            | E::UppercaseFirstChar { .. }
            | E::LowercaseFirstChar { .. }
            | E::VariableNames { .. }
            | E::MemberKeys { .. } => {
                let process = self.context.process.clone();
                self.complain("bad substitution").await;
                self.not_understood(&process, "of bash (transformation or list of names)");
                self.status = 2;
                Err(Failed)
            }
        }
    }

    /// The parameter that `${!x}` means: the one whose name is the value of `x`.
    fn indirected(&self, parameter: &Parameter, indirect: bool) -> Parameter {
        if !indirect {
            return parameter.clone();
        }
        let name = self.scalar(parameter).unwrap_or_default();
        match name.parse() {
            Ok(number) => Parameter::Positional(number),
            Err(_) => Parameter::Named(name),
        }
    }

    async fn cut(
        &mut self,
        parameter: &Parameter,
        pattern: Option<&str>,
        suffix: bool,
        longest: bool,
        quoted: bool,
    ) -> Expansion<Vec<Part>> {
        let text = self.scalar(parameter).unwrap_or_default();
        let pattern = self.pattern(pattern.unwrap_or_default()).await?;
        let left = pattern::cut(&text, &pattern, Cut { suffix, longest });
        let left = self.or_unchanged(left, &text);
        Ok(vec![Part::expanded(left, quoted)])
    }

    /// What an expansion with a pattern gave; the text as it was, with a word about it, where that took too long.
    fn or_unchanged(&self, found: Option<String>, text: &str) -> String {
        found.unwrap_or_else(|| {
            let what = "a pattern takes too long to compare with its text";
            self.context
                .machine
                .assume(&self.context.process, what, "nothing matches");
            text.to_owned()
        })
    }

    /// The word of `${x:-word}` and its like.
    async fn alternative(&mut self, word: Option<&str>, quoted: bool) -> Expansion<Vec<Part>> {
        let word = word.unwrap_or_default();
        if quoted {
            // Between double quotes, single quotes are literal.
            let parts = if word.contains('"') {
                self.parts(word, false, true).await?
            } else {
                self.parts(word, true, true).await?
            };
            return Ok(parts.into_iter().map(Part::into_quoted).collect());
        }
        let parts = self.parts(word, false, false).await?;
        let split = |part| match part {
            Part::Text { text, quoted: false } => Part::Expanded(text),
            Part::Text { .. } | Part::Expanded(_) | Part::Border { .. } => part,
        };
        Ok(parts.into_iter().map(split).collect())
    }

    fn is_missing(&self, parameter: &Parameter, test: &ParameterTestType) -> bool {
        let value = match parameter {
            Parameter::Special(SpecialParameter::AllPositionalParameters { .. }) if self.positional.is_empty() => None,
            _ => self.scalar(parameter),
        };
        match test {
            ParameterTestType::Unset => value.is_none(),
            ParameterTestType::UnsetOrNull => value.is_none_or(|value| value.is_empty()),
        }
    }

    /// `$name`, `$1`, `$@` …
    async fn plain(&mut self, parameter: &Parameter, quoted: bool) -> Expansion<Vec<Part>> {
        if let Parameter::Special(SpecialParameter::AllPositionalParameters { concatenate }) = parameter {
            let concatenate = *concatenate;
            if concatenate && quoted {
                let ifs = self.ifs();
                let joiner = ifs.chars().next().map_or(String::new(), String::from);
                return Ok(vec![Part::text(&self.positional.join(&joiner), true)]);
            }
            let mut parts = Vec::new();
            for (index, value) in self.positional.iter().enumerate() {
                if index > 0 {
                    parts.push(Part::Border { quoted });
                }
                parts.push(Part::expanded(value.clone(), quoted));
            }
            return Ok(parts);
        }
        let value = self.scalar(parameter);
        if value.is_none() && self.options.nounset {
            self.complain(&format!("{}: parameter not set", name_of(parameter)))
                .await;
            self.status = self.unset_status();
            return Err(Failed);
        }
        Ok(vec![Part::expanded(value.unwrap_or_default(), quoted)])
    }

    /// The value of a parameter that has one.
    fn scalar(&self, parameter: &Parameter) -> Option<String> {
        match parameter {
            Parameter::Positional(0) => Some(self.name.clone()),
            Parameter::Positional(number) => {
                let index = usize::try_from(*number).ok()?.checked_sub(1)?;
                self.positional.get(index).cloned()
            }
            Parameter::Named(name) => self.value(name),
            Parameter::NamedWithIndex { name, index } if index == "0" => self.value(name),
            Parameter::NamedWithIndex { .. } => None,
            Parameter::NamedWithAllIndices { name, .. } => self.value(name),
            Parameter::Special(special) => match special {
                SpecialParameter::AllPositionalParameters { .. } => Some(self.positional.join(" ")),
                SpecialParameter::PositionalParameterCount => Some(self.positional.len().to_string()),
                SpecialParameter::LastExitStatus => Some(self.status.to_string()),
                SpecialParameter::CurrentOptionFlags => Some(self.options.letters()),
                SpecialParameter::ProcessId => Some(self.shell_pid.to_string()),
                SpecialParameter::LastBackgroundProcessId => self.last_background.map(|pid| pid.to_string()),
                SpecialParameter::ShellName => Some(self.name.clone()),
            },
        }
    }
}

/// The name of a parameter for messages.
fn name_of(parameter: &Parameter) -> String {
    match parameter {
        Parameter::Positional(number) => number.to_string(),
        Parameter::Named(name)
        | Parameter::NamedWithIndex { name, .. }
        | Parameter::NamedWithAllIndices { name, .. } => name.clone(),
        Parameter::Special(SpecialParameter::LastBackgroundProcessId) => "!".to_owned(),
        Parameter::Special(_) => "?".to_owned(),
    }
}
