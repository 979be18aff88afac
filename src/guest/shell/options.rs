//! What `set` sets, by letter and by name.

use super::Shell;
use crate::guest::images::Flavour;

/// What `set` sets.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) errexit: bool,
    pub(super) xtrace: bool,
    pub(super) nounset: bool,
    pub(super) noglob: bool,
    pub(super) pipefail: bool,
    /// variables are exported as they are set
    pub(super) allexport: bool,
    /// `>` leaves files that exist alone; `>|` does not
    pub(super) noclobber: bool,
    /// commands are read and not run
    pub(super) noexec: bool,
    /// bash as `sh`, or `set -o posix`
    pub(super) posix: bool,
    /// bash's `shopt -s inherit_errexit`
    pub(super) inherit_errexit: bool,
    /// the script stands behind `-c`
    pub(super) command: bool,
}

/// What `set -o` lists, in each shell's order.
const OF_DASH: &[&str] = &[
    "errexit",
    "noglob",
    "ignoreeof",
    "interactive",
    "monitor",
    "noexec",
    "stdin",
    "xtrace",
    "verbose",
    "vi",
    "emacs",
    "noclobber",
    "allexport",
    "notify",
    "nounset",
    "privileged",
    "nolog",
    "debug",
];
const OF_ASH: &[&str] = &[
    "errexit",
    "noglob",
    "ignoreeof",
    "monitor",
    "noexec",
    "xtrace",
    "verbose",
    "noclobber",
    "allexport",
    "notify",
    "nounset",
    "errtrace",
    "vi",
    "pipefail",
];
const OF_BASH: &[&str] = &[
    "allexport",
    "braceexpand",
    "emacs",
    "errexit",
    "errtrace",
    "functrace",
    "hashall",
    "histexpand",
    "history",
    "ignoreeof",
    "interactive-comments",
    "keyword",
    "monitor",
    "noclobber",
    "noexec",
    "noglob",
    "nolog",
    "notify",
    "nounset",
    "onecmd",
    "physical",
    "pipefail",
    "posix",
    "privileged",
    "verbose",
    "vi",
    "xtrace",
];

impl Options {
    fn by_letter(&mut self, letter: char) -> Option<&mut bool> {
        Some(match letter {
            'a' => &mut self.allexport,
            'e' => &mut self.errexit,
            'f' => &mut self.noglob,
            'n' => &mut self.noexec,
            'u' => &mut self.nounset,
            'x' => &mut self.xtrace,
            'C' => &mut self.noclobber,
            _ => return None,
        })
    }

    fn by_name(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "allexport" => &mut self.allexport,
            "errexit" => &mut self.errexit,
            "noclobber" => &mut self.noclobber,
            "noexec" => &mut self.noexec,
            "noglob" => &mut self.noglob,
            "nounset" => &mut self.nounset,
            "pipefail" => &mut self.pipefail,
            "posix" => &mut self.posix,
            "xtrace" => &mut self.xtrace,
            _ => return None,
        })
    }

    /// `$-`, without the letters of how the shell was started.
    pub(super) fn letters(&self) -> String {
        let flags = [
            (self.allexport, 'a'),
            (self.errexit, 'e'),
            (self.noglob, 'f'),
            (self.nounset, 'u'),
            (self.xtrace, 'x'),
            (self.noclobber, 'C'),
        ];
        flags.iter().filter(|(on, _)| *on).map(|(_, flag)| *flag).collect()
    }
}

impl Shell {
    /// `set -x`; false where the shell has no such option.
    pub(super) fn set_option(&mut self, letter: char, on: bool) -> bool {
        match self.options.by_letter(letter) {
            Some(option) => *option = on,
            // Options without effect on a script that is not interactive.
            None => return "bhiklmpvBEHT".contains(letter),
        }
        true
    }

    /// `set -o xtrace`; false where the shell has no such option.
    pub(super) fn set_option_by_name(&mut self, name: &str, on: bool) -> bool {
        if !self.option_names().contains(&name) {
            return false;
        }
        if let Some(option) = self.options.by_name(name) {
            *option = on;
        }
        true
    }

    /// bash's `shopt`: of its options one is played, of the others it is said.
    pub(super) fn shopt(&mut self, words: &[String]) -> i32 {
        let on = words.iter().any(|word| word == "-s");
        for name in words[1..].iter().filter(|word| !word.starts_with('-')) {
            if name == "inherit_errexit" {
                self.options.inherit_errexit = on;
            } else {
                let process = self.context.process.clone();
                let what = format!("shopt {name} is not understood");
                self.context.machine.assume(&process, &what, "it changes nothing");
            }
        }
        0
    }

    /// The status with which an expansion of an unset parameter ends the shell.
    pub(super) fn unset_status(&self) -> i32 {
        match self.flavour {
            Flavour::Bash if self.options.command => 127,
            Flavour::Bash => 1,
            Flavour::Ash | Flavour::Dash => 2,
        }
    }

    fn option_names(&self) -> &'static [&'static str] {
        match self.flavour {
            // pipefail is not in Debian's dash, as of 0.5.12.
            Flavour::Dash => OF_DASH,
            Flavour::Ash => OF_ASH,
            Flavour::Bash => OF_BASH,
        }
    }

    /// What `set -o` prints; `set +o` prints commands that set the same.
    pub(super) fn option_listing(&mut self, commands: bool) -> String {
        let mut listing = String::new();
        if self.flavour == Flavour::Dash && !commands {
            listing.push_str("Current option settings\n");
        }
        for name in self.option_names() {
            let always = ["braceexpand", "hashall", "interactive-comments"].contains(name);
            let on = self.options.by_name(name).map_or(always, |option| *option);
            let line = match (commands, self.flavour) {
                (true, _) => format!("set {}o {name}\n", if on { '-' } else { '+' }),
                (false, Flavour::Bash) => format!("{name:<15}\t{}\n", if on { "on" } else { "off" }),
                (false, _) => format!("{name:<16}{}\n", if on { "on" } else { "off" }),
            };
            listing.push_str(&line);
        }
        listing
    }
}
