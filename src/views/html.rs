//! The run as a web page that stands alone: a Gantt chart to zoom, with causes and statuses at every point.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::cause::chain;
use super::humane::{short_name, visible};
use super::spans::{Lane, LaneKind, lanes};
use super::{say, svg};
use crate::api::status::PodStatus;
use crate::kernel::Time;
use crate::scenario::types::Input;
use crate::trace::{Record, What};

const PAGE: &str = include_str!("html/page.html");
const SCRIPT: &str = include_str!("html/page.js");
const PAGE_STYLE: &str = include_str!("html/page.css");

/// As many steps of a cause chain are told.
const LONGEST_CHAIN: usize = 12;

/// The whole page. It loads nothing: style, script and data are inside.
pub fn render(records: &[Record], input: &Input) -> String {
    let data = data(records, input);
    // Inside a script element only a closing tag or a comment could end the data early.
    let data = data.replace('<', "\\u003c");
    let title = svg::escape(&input.scenario.name);
    let mut page = String::with_capacity(data.len() + 32_768);
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("the page's placeholders are closed");
        page.push_str(before);
        page.push_str(match name {
            "title" => &title,
            "colours" => svg::STYLE,
            "style" => PAGE_STYLE,
            "data" => &data,
            "script" => SCRIPT,
            other => panic!("the page has a placeholder {other:?}"),
        });
        rest = after;
    }
    page.push_str(rest);
    page
}

/// What the script draws. Times are in microseconds: JavaScript's numbers hold them exactly.
fn data(records: &[Record], input: &Input) -> String {
    let lanes = lanes(records, input);
    let mut causes: BTreeMap<u64, Option<u64>> = BTreeMap::new();
    let mut sentences: BTreeMap<u64, String> = BTreeMap::new();
    for lane in &lanes {
        let seqs = lane
            .spans
            .iter()
            .map(|s| s.seq)
            .chain(lane.instants.iter().map(|i| i.seq));
        for seq in seqs {
            note_chain(records, seq, &mut causes, &mut sentences);
        }
    }
    let facts: Vec<Value> = sentences
        .iter()
        .map(|(seq, text)| {
            let at = super::cause::by_seq(records, *seq).map_or(0, |r| micros(r.at));
            json!([seq, causes.get(seq).copied().flatten(), at, text])
        })
        .collect();
    let data = Data {
        name: visible(&input.scenario.name),
        description: input.scenario.description.as_deref().map(visible),
        end: records.last().map_or(0, |r| micros(r.at)),
        lanes: lanes.iter().map(lane_json).collect(),
        facts,
        statuses: statuses(records),
    };
    serde_json::to_string(&data).expect("the data can be written to memory")
}

/// By pod: the times of its statuses, and the statuses. They are the bulk of the page, so they are written straight
/// from the trace.
type Statuses<'a> = BTreeMap<&'a str, Vec<(i64, &'a PodStatus)>>;

#[derive(Serialize)]
struct Data<'a> {
    name: String,
    description: Option<String>,
    end: i64,
    lanes: Vec<Value>,
    facts: Vec<Value>,
    statuses: Statuses<'a>,
}

fn lane_json(lane: &Lane) -> Value {
    let kind = match lane.kind {
        LaneKind::Pod => "pod",
        LaneKind::Ready => "ready",
        LaneKind::Container(..) => "container",
        LaneKind::Probe(..) => "probe",
    };
    let spans = lane.spans.iter();
    let instants = lane.instants.iter();
    json!({
        "pod": short_name(&lane.pod),
        "title": visible(&lane.title()),
        "kind": kind,
        "spans": spans.map(|s| json!([micros(s.from), micros(s.to), s.kind.as_str(), visible(&s.label), s.seq])).collect::<Vec<_>>(),
        "instants": instants.map(|i| json!([micros(i.at), u8::from(i.bad), visible(&i.label), i.seq])).collect::<Vec<_>>(),
    })
}

/// Keeps the records of the chain that say something, each with the next such one.
fn note_chain(
    records: &[Record],
    seq: u64,
    causes: &mut BTreeMap<u64, Option<u64>>,
    sentences: &mut BTreeMap<u64, String>,
) {
    let Some(record) = super::cause::by_seq(records, seq) else {
        return;
    };
    let mut below: Option<u64> = None;
    let telling = chain(records, record).filter_map(|r| say::sentence(r).map(|text| (r.seq, visible(&text))));
    for (seq, text) in telling.take(LONGEST_CHAIN) {
        if let Some(below) = below {
            causes.entry(below).or_insert(Some(seq));
        }
        // From here on the chain is known already.
        if sentences.insert(seq, text).is_some() {
            return;
        }
        below = Some(seq);
    }
}

fn statuses(records: &[Record]) -> Statuses<'_> {
    let mut pods = Statuses::new();
    for record in records {
        if let (Some(pod), What::Status(status)) = (&record.pod, &record.what) {
            pods.entry(short_name(pod))
                .or_default()
                .push((micros(record.at), &**status));
        }
    }
    pods
}

fn micros(at: Time) -> i64 {
    at.as_nanos().div_euclid(1_000)
}
