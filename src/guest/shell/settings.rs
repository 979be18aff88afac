//! What a shell's process hands down to its children: umask and ulimit.

use super::Shell;

impl Shell {
    /// `umask [-S] [mode]`: the mode in octal or as `u=rwx,g=,o=`.
    pub(super) async fn umask(&mut self, words: &[String]) -> i32 {
        let symbolic = words.iter().any(|word| word == "-S");
        let Some(mode) = words[1..].iter().find(|word| !word.starts_with('-')) else {
            let mask = self.context.umask;
            let text = if symbolic {
                let rights = |shift: u32| -> String {
                    let bits = !mask >> shift;
                    let letters = [(4, 'r'), (2, 'w'), (1, 'x')];
                    letters
                        .iter()
                        .filter(|(bit, _)| bits & bit != 0)
                        .map(|(_, c)| *c)
                        .collect()
                };
                format!("u={},g={},o={}\n", rights(6), rights(3), rights(0))
            } else {
                format!("{mask:04o}\n")
            };
            return i32::from(!self.context.out(&text).await);
        };
        let mask = if mode.starts_with(|c: char| c.is_ascii_digit()) {
            u32::from_str_radix(mode, 8).ok().filter(|mask| *mask <= 0o777)
        } else {
            // A symbolic mode says what is allowed.
            crate::guest::programs::changed_mode(mode, !self.context.umask & 0o777).map(|mode| !mode & 0o777)
        };
        match mask {
            Some(mask) => {
                self.context.umask = mask;
                0
            }
            None => {
                self.complain(&format!("umask: Illegal number: {mode}")).await;
                2
            }
        }
    }

    /// `ulimit [-HS] [-n …] [limit]`: what is set is shown again; nothing is limited by it.
    pub(super) async fn ulimit(&mut self, words: &[String]) -> i32 {
        let (mut resource, mut limit) = ('f', None);
        for word in &words[1..] {
            match word.strip_prefix('-') {
                Some(letters) => resource = letters.chars().rfind(|c| !matches!(c, 'H' | 'S')).unwrap_or(resource),
                None => limit = Some(word.clone()),
            }
        }
        if let Some(limit) = limit {
            self.ulimits.insert(resource, limit);
            return 0;
        }
        if resource == 'a' {
            let process = self.context.process.clone();
            self.context
                .machine
                .assume(&process, "ulimit -a is not known", "it prints nothing");
            return 0;
        }
        let text = match self.ulimits.get(&resource) {
            Some(limit) => limit.clone(),
            None => {
                // containerd's service has no limit of files, of which the kernel makes its largest number.
                let text = match resource {
                    'n' => "1048576",
                    's' => "8192",
                    'c' | 'f' | 't' | 'd' | 'm' | 'v' | 'u' | 'p' => "unlimited",
                    _ => "0",
                };
                let process = self.context.process.clone();
                let what = format!("ulimit -{resource} of the node is not known");
                self.context.machine.assume(&process, &what, &format!("it is {text}"));
                text.to_owned()
            }
        };
        i32::from(!self.context.out(&format!("{text}\n")).await)
    }
}
