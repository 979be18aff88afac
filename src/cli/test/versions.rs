//! `--all-versions`: which runs make a case of every version, and what a version's refusal of it is.

use std::sync::Arc;

use super::case::{Check, CheckFailure, Kind};
use crate::api::diagnostic::Diagnostics;
use crate::api::features::Version;
use crate::cli::discover::Case;
use crate::cli::{load, sources};
use crate::scenario::load::{Source, load_as};

/// One run of a case.
#[derive(Clone, Debug)]
pub(super) struct Run<'c> {
    pub(super) case: &'c Case,
    /// What stands in its files, read once: standard input gives it only once.
    pub(super) texts: Arc<Result<Vec<Source>, String>>,
    pub(super) how: How,
}

/// As which Kubernetes a case is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// As it says, or as the version that is given in place of what it says.
    Once(Option<Version>),
    /// As one of all versions.
    Each(Version),
}

impl<'c> Run<'c> {
    /// The run of a case as it says, or as the version that is given in its place.
    pub(super) fn once(case: &'c Case, version: Option<Version>) -> Run<'c> {
        Run {
            case,
            texts: Arc::new(sources::read(&case.files)),
            how: How::Once(version),
        }
    }

    /// The runs of a case in every version. One that no version takes is wrong in itself, and told once.
    pub(super) fn each(case: &'c Case) -> Vec<Run<'c>> {
        let once = Run::once(case, None);
        let is_taken = once.texts.as_ref().as_ref().is_ok_and(|texts| {
            let newest_first = Version::ALL.into_iter().rev();
            let mut hows = std::iter::once(None).chain(newest_first.map(Some));
            hows.any(|version| load::decode(texts, version, false).is_ok())
        });
        if !is_taken {
            return vec![once];
        }
        let each = |version| Run {
            how: How::Each(version),
            ..once.clone()
        };
        Version::ALL.map(each).to_vec()
    }
}

impl How {
    /// What is said of the version in which it is run.
    pub(super) fn version(self) -> Option<Version> {
        match self {
            How::Once(_) => None,
            How::Each(version) => Some(version),
        }
    }

    /// The version to run the texts as, in place of what they say; and whether that is the run that the stored timeline
    /// tells of. In its own version a scenario runs as it is written, nodes of other versions included.
    pub(super) fn place(self, texts: &[Source]) -> (Option<Version>, bool) {
        let is_own = |version| {
            let own = load_as(texts, None).ok();
            own.is_some_and(|(input, _)| input.scenario.kubelet.features.version == version)
        };
        match self {
            How::Once(version) => (version, version.is_none_or(is_own)),
            How::Each(version) => {
                let is_own = is_own(version);
                (Some(version).filter(|_| !is_own), is_own)
            }
        }
    }

    /// What a refusal of the input is: of one of all versions, while another takes it, something that does not hold.
    pub(super) fn refused(self, errors: &Diagnostics) -> Option<Check> {
        let version = self.version()?;
        let first = errors.0.first()?;
        Some(Check {
            name: format!("{version} takes it"),
            kind: Kind::Input,
            place: first.place.clone(),
            failure: Some(CheckFailure {
                summary: format!("refused by {version}: {}", first.message),
                at: None,
                saw: Vec::new(),
                text: format!("refused by {version}\n\n{}", errors.render(false)),
            }),
            remark: None,
        })
    }
}
