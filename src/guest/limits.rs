//! What a container's scripts may use before they are stopped with a clear word.

/// Steps (commands, loop rounds, expansions) at one instant before a script counts as a busy loop.
pub(super) const STEPS_AT_ONE_INSTANT: u64 = 100_000;
/// A busy loop is played at this many steps a second of virtual time.
pub(super) const BUSY_STEPS_PER_SECOND: u64 = 100;
/// Steps in a container's life after it was met in a busy loop; then too its scripts stand still.
pub(super) const BUSY_STEPS: u64 = 50_000;
/// Steps in a container's life; then its scripts stand still until a signal comes.
pub(super) const STEPS: u64 = 3_000_000;
/// So many bytes that go through a pipe or into a file count as a step.
pub(super) const BYTES_A_STEP: usize = 64;
/// What a container may write to its log in its life, in lines; what comes after is dropped.
pub(super) const LOG_LINES: usize = 200_000;
/// The same in bytes.
pub(super) const LOG_BYTES: usize = 16 << 20;
/// Size of one argument or variable with which a process can be started, in bytes (`MAX_ARG_STRLEN`).
pub(super) const ARGUMENT_BYTES: usize = 128 << 10;
/// Size of all of them, in bytes: a quarter of a stack of 8 MiB (`execve(2)`).
pub(super) const ARGUMENTS_BYTES: usize = 2 << 20;
/// Size of a path, in bytes (`PATH_MAX`).
pub(super) const PATH_BYTES: usize = 4096;
/// Size of a name in a path, in bytes (`NAME_MAX`).
pub(super) const NAME_BYTES: usize = 255;
/// Characters that one expansion with a pattern may compare.
pub(super) const PATTERN_STEPS: usize = 1_000_000;
/// Processes at a time in one container; more can't be forked.
pub(super) const PROCESSES: usize = 128;
/// Size of one string, argument list or program's input, in bytes; more is "out of memory".
pub(super) const STRING_BYTES: usize = 1 << 20;
/// Size of all files of a container, and of each volume, in bytes; more is "No space left on device".
pub(super) const FILE_BYTES: usize = 16 << 20;
/// Calls of shell functions, `eval` and `.` inside one another.
pub(super) const CALL_DEPTH: usize = 48;
/// Size of a script, in bytes.
pub(super) const SCRIPT_BYTES: usize = 256 * 1024;
/// Commands, parentheses and braces inside one another in a script.
pub(super) const NESTING: usize = 40;
/// Substitutions (`$(…)`, backquotes, `${…}`) inside one another in one word.
pub(super) const SUBSTITUTION_NESTING: usize = 6;
/// Substitutions in one script, wherever they stand: what the stack holds even if all are inside one another.
pub(super) const SUBSTITUTIONS: usize = 1000;
/// Words that one expansion may give.
pub(super) const WORDS: usize = 100_000;
