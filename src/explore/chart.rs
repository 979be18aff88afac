//! A sweep as a picture: each figure over the first value that was varied, or its distribution when none was.

use std::fmt::Write;

use super::sweep::{Table, number};
use crate::views::svg::escape;

const WIDTH: f64 = 720.0;
const PANEL: f64 = 180.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 30.0;
const FIGURES: [(&str, &str); 3] = [
    ("timeToReadySeconds", "time to ready, seconds"),
    ("restarts", "restarts"),
    ("availability", "availability"),
];

/// The picture as SVG.
pub fn svg(table: &Table) -> String {
    let height = PANEL * FIGURES.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\">\n<title>podlapse sweep</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let varied = varied(table);
    for (place, (column, title)) in FIGURES.iter().enumerate() {
        let points = match &varied {
            Some((at, _)) => points_over(table, *at, column),
            None => distribution(table, column),
        };
        let x_title = varied.as_ref().map_or("share of runs", |(_, name)| name);
        panel(&mut out, PANEL * place as f64, title, x_title, &points);
    }
    out.push_str("</svg>\n");
    out
}

/// The picture as a page.
pub fn html(table: &Table) -> String {
    let summary = escape(&table.summary());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>podlapse sweep</title>\n\
         <style>body {{ font-family: system-ui, sans-serif; margin: 2rem auto; max-width: 760px }}</style>\n\
         <h1>podlapse sweep</h1>\n{}<pre>{summary}</pre>\n</html>\n",
        svg(table)
    )
}

/// The first varied column that is a number in every row: its place and name.
fn varied(table: &Table) -> Option<(usize, String)> {
    let inputs = table.header.iter().position(|column| column == FIGURES[0].0)?;
    (1..inputs)
        .find(|at| table.rows.iter().all(|row| number(&row[*at]).is_some()))
        .map(|at| (at, table.header[at].clone()))
}

fn points_over(table: &Table, at: usize, column: &str) -> Vec<(f64, f64)> {
    let Some(figure) = table.header.iter().position(|name| name == column) else {
        return Vec::new();
    };
    let rows = table.rows.iter();
    rows.filter_map(|row| Some((number(&row[at])?, number(&row[figure])?)))
        .collect()
}

/// The values in order, over the share of runs that lie at or below.
fn distribution(table: &Table, column: &str) -> Vec<(f64, f64)> {
    let mut values = table.numbers(column);
    values.sort_by(f64::total_cmp);
    let count = values.len() as f64;
    values
        .into_iter()
        .enumerate()
        .map(|(n, value)| ((n + 1) as f64 / count, value))
        .collect()
}

fn panel(out: &mut String, top: f64, title: &str, x_title: &str, points: &[(f64, f64)]) {
    let (x0, x1) = bounds(points.iter().map(|p| p.0));
    let (y0, y1) = bounds(points.iter().map(|p| p.1).chain([0.0]));
    let (left, right) = (LEFT, WIDTH - RIGHT);
    let (high, low) = (top + TOP, top + PANEL - BOTTOM);
    let x = |value: f64| left + (value - x0) / (x1 - x0) * (right - left);
    let y = |value: f64| low - (value - y0) / (y1 - y0) * (low - high);
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "<text x=\"{left}\" y=\"{:.1}\" font-weight=\"600\">{}</text>\n\
         <path d=\"M{left} {high:.1}V{low:.1}H{right}\" fill=\"none\" stroke=\"#888\"/>",
        top + 20.0,
        escape(title)
    );
    for value in [y0, y1] {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555\">{}</text>",
            left - 6.0,
            y(value) + 4.0,
            label(value)
        );
    }
    for (value, anchor) in [(x0, "start"), (x1, "end")] {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" fill=\"#555\">{}</text>",
            x(value),
            low + 16.0,
            label(value)
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{}</text>",
        (left + right) / 2.0,
        low + 16.0,
        escape(x_title)
    );
    if points.is_empty() {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"#555\">in no run</text>",
            left + 8.0,
            high + 16.0
        );
        return;
    }
    out.push_str("<g fill=\"#2563eb\" fill-opacity=\"0.6\">\n");
    let mut drawn = std::collections::BTreeSet::new();
    for (a, b) in points {
        let place = format!("cx=\"{:.1}\" cy=\"{:.1}\"", x(*a), y(*b));
        // Of runs that fall on the same spot one is enough.
        if drawn.insert(place.clone()) {
            let _ = writeln!(out, "<circle {place} r=\"2.2\"/>");
        }
    }
    out.push_str("</g>\n");
}

/// Least and most, apart from each other.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    });
    match low.is_finite() {
        true if high > low => (low, high),
        true => (low, low + 1.0),
        false => (0.0, 1.0),
    }
}

fn label(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
