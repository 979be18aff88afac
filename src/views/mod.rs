//! Pure functions from a trace to text, one file a format.

pub mod cause;
pub mod csv;
pub mod describe;
pub mod events;
pub mod explain;
pub mod html;
pub mod humane;
pub mod json;
pub mod jsonl;
pub mod kubectl;
pub mod logs;
pub mod mermaid;
pub mod objects;
pub mod perfetto;
pub mod say;
pub mod spans;
pub mod svg;
pub mod timeline;
pub mod yaml;
