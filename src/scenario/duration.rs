//! Durations of the Scenario document.

use crate::kernel::Duration;

/// The longest duration that a scenario may have: ten years.
pub const LONGEST: Duration = Duration(crate::api::duration::LONGEST_NANOS);

/// Reads `1h2m3.5s`, `250ms`, `0` (`time.ParseDuration`); errors with what is wrong.
pub fn parse(text: &str) -> Result<Duration, String> {
    crate::api::duration::parse(text).map(Duration)
}
