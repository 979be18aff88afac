//! `wait`: for all background jobs, for some of them, for the next one that ends.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use super::Shell;
use crate::guest::images::Flavour;
use crate::guest::process::Process;
use crate::kernel::{first_of, race};

/// What `wait` was told.
#[derive(Default)]
struct Options {
    /// `-n`: for one job only
    next: bool,
    /// `-p`: the variable that is to name the job
    name: Option<String>,
}

/// What an argument of `wait` means.
enum Meant {
    Job(Rc<Process>),
    /// no job of this shell
    Unknown,
    /// no number
    Illegal,
}

/// A signal with a trap has come: the status that it gives.
struct Trapped(i32);

impl Shell {
    /// `wait [-n] [-f] [-p NAME] [ID …]`; `-n` is bash's and busybox's, the others are bash's. A signal with a trap ends it.
    pub(super) async fn wait(&mut self, words: &[String]) -> i32 {
        let (options, ids) = match wait_options(words, self.flavour) {
            Ok(told) => told,
            Err(option) => {
                self.complain(&format!("wait: illegal option {option}")).await;
                return 2;
            }
        };
        if let Some(name) = &options.name {
            self.variables.remove(name);
        }
        let waited = match (options.next, self.flavour) {
            (true, Flavour::Bash) => self.wait_for_next(ids, &options).await,
            (true, Flavour::Ash) if ids.is_empty() => self.wait_for_a_success().await,
            _ if ids.is_empty() => self.wait_for_all().await,
            _ => self.wait_for_each(ids, &options).await,
        };
        waited.unwrap_or_else(|Trapped(status)| status)
    }

    async fn wait_for_all(&mut self) -> Result<i32, Trapped> {
        while let Some(job) = self.background.first().cloned() {
            self.code_of(&job).await?;
            self.background.retain(|known| known.pid != job.pid);
        }
        self.waited.clear();
        Ok(0)
    }

    /// The status of the last one.
    async fn wait_for_each(&mut self, ids: &[String], options: &Options) -> Result<i32, Trapped> {
        let mut status = 0;
        for id in ids {
            status = match self.meant(id) {
                Meant::Job(job) => {
                    let code = self.code_of(&job).await?;
                    self.have_waited(&job, options);
                    code
                }
                Meant::Unknown => 127,
                Meant::Illegal if self.flavour == Flavour::Bash => {
                    self.complain(&format!("wait: `{id}': not a pid or valid job spec"))
                        .await;
                    1
                }
                Meant::Illegal => {
                    self.complain(&format!("wait: Illegal number: {id}")).await;
                    return Ok(2);
                }
            };
        }
        Ok(status)
    }

    /// bash's `wait -n`: for the first of some jobs that ends, or has ended and was not waited for; of all jobs if none is
    /// named.
    async fn wait_for_next(&mut self, ids: &[String], options: &Options) -> Result<i32, Trapped> {
        let mut jobs: Vec<Rc<Process>> = Vec::new();
        if ids.is_empty() {
            jobs.clone_from(&self.background);
        }
        for id in ids {
            if let Meant::Job(job) = self.meant(id) {
                jobs.push(job);
            }
        }
        jobs.retain(|job| !self.waited.contains(&job.pid));
        if jobs.is_empty() {
            return Ok(127);
        }
        let ended = self.first_ended(&jobs).await?;
        self.have_waited(&jobs[ended], options);
        Ok(jobs[ended].code().unwrap_or(0))
    }

    /// busybox's `wait -n`. It is meant to be bash's, but its loop over the children goes on until one has ended with 0 or
    /// none is left, and takes its own truth for the status of the last (`ash.c: waitcmd, dowait`, up to 1.37): 129 when
    /// all have failed. Jobs that end while the shell waits for something else count no more.
    async fn wait_for_a_success(&mut self) -> Result<i32, Trapped> {
        if self.background.is_empty() {
            return Ok(127);
        }
        let mut running = self.background.clone();
        running.retain(|job| job.code().is_none());
        if running.is_empty() {
            return Ok(0);
        }
        while !running.is_empty() {
            let ended = self.first_ended(&running).await?;
            if running.swap_remove(ended).code() == Some(0) {
                return Ok(0);
            }
        }
        Ok(129)
    }

    /// The place of the job that ends first.
    async fn first_ended(&self, jobs: &[Rc<Process>]) -> Result<usize, Trapped> {
        let ends = jobs
            .iter()
            .map(|job| Box::pin(job.wait()) as Pin<Box<dyn Future<Output = i32> + '_>>);
        let (ended, _) = self.unless_trapped(first_of(ends.collect())).await?;
        Ok(ended)
    }

    async fn code_of(&self, job: &Process) -> Result<i32, Trapped> {
        if let Some(code) = job.code() {
            return Ok(code);
        }
        self.unless_trapped(job.wait()).await
    }

    /// A job that sends a signal and ends at once is told of by the signal.
    async fn unless_trapped<T>(&self, ended: impl Future<Output = T>) -> Result<T, Trapped> {
        match race(self.context.process.wait_signal(), ended).await {
            Ok(()) => {
                let signal = self.context.process.first_signal();
                Err(Trapped(signal.map_or(128, |signal| signal.exit_code())))
            }
            Err(ended) => Ok(ended),
        }
    }

    fn have_waited(&mut self, job: &Process, options: &Options) {
        self.waited.insert(job.pid);
        if let Some(name) = &options.name {
            self.set(name, &job.pid.to_string());
        }
    }

    fn meant(&self, id: &str) -> Meant {
        let pid = match id.strip_prefix('%') {
            Some(_) => self.job(id),
            None => match id.parse::<u32>() {
                Ok(pid) => Some(pid),
                Err(_) => return Meant::Illegal,
            },
        };
        let job = self.background.iter().find(|job| Some(job.pid) == pid);
        job.map_or(Meant::Unknown, |job| Meant::Job(job.clone()))
    }
}

/// The options and what stands behind them; Err is one that the shell does not have.
fn wait_options(words: &[String], flavour: Flavour) -> Result<(Options, &[String]), String> {
    let mut options = Options::default();
    let mut rest = words;
    while let [word, behind @ ..] = rest {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            break;
        };
        rest = behind;
        if letters == "-" {
            break;
        }
        for (at, letter) in letters.char_indices() {
            match (letter, flavour) {
                ('n', Flavour::Bash | Flavour::Ash) => options.next = true,
                // What ends is all that is waited for here.
                ('f', Flavour::Bash) => {}
                ('p', Flavour::Bash) => {
                    let attached = &letters[at + 1..];
                    options.name = if attached.is_empty() {
                        let (name, behind) = rest.split_first().ok_or("-p without a name")?;
                        rest = behind;
                        Some(name.clone())
                    } else {
                        Some(attached.to_owned())
                    };
                    break;
                }
                _ => return Err(format!("-{letter}")),
            }
        }
    }
    Ok((options, rest))
}
