//! Puts the outputs of shards together: the result is, byte for byte, that of the run without shards.

use super::report::{Head, Line, VERSION, render};
use super::shard::{Mark, Shard};

/// The outputs of all shards of a sweep (CSV) or of fuzzing (JSON lines), each with its name, as one. Errors with
/// what does not fit together: shards of different things, a shard that is missing or given twice.
pub fn merge(files: &[(String, String)]) -> Result<String, String> {
    let is_json = |text: &str| text.starts_with('{');
    match files {
        [] => Err("there is nothing to merge".to_owned()),
        files if files.iter().all(|(_, text)| is_json(text)) => merge_reports(files),
        files if files.iter().any(|(_, text)| is_json(text)) => {
            Err("some files are of fuzzing, some of a sweep".to_owned())
        }
        files => merge_tables(files),
    }
}

fn merge_reports(files: &[(String, String)]) -> Result<String, String> {
    let mut heads: Vec<(Shard, Head)> = Vec::new();
    let mut all: Vec<Line> = Vec::new();
    for (name, text) in files {
        let mut lines = text.lines();
        let head: Head = serde_json::from_str(lines.next().unwrap_or_default())
            .map_err(|error| format!("{name}: not the JSON output of fuzz: {error}"))?;
        if head.fuzz != VERSION {
            return Err(format!("{name}: written by another version of podlapse"));
        }
        let shard = head.shard.as_deref().map_or(Ok(Shard::WHOLE), Shard::parse);
        let before = all.len();
        for line in lines {
            all.push(serde_json::from_str(line).map_err(|error| format!("{name}: {error}"))?);
        }
        if all.len() - before != head.findings {
            return Err(format!(
                "{name}: it has {} findings of {}: the file is cut",
                all.len() - before,
                head.findings
            ));
        }
        heads.push((shard.map_err(|error| format!("{name}: {error}"))?, head));
    }
    let (first, head) = heads[0].clone();
    for ((shard, other), (name, _)) in heads.iter().zip(files) {
        if (other.seed, other.runs, &other.of, shard.count) != (head.seed, head.runs, &head.of, first.count) {
            return Err(format!(
                "{name}: of another seed, another number of runs or of shards, another --around or other --weights \
                 than {}",
                files[0].0
            ));
        }
    }
    let mut indices: Vec<u64> = heads.iter().map(|(shard, _)| shard.index).collect();
    indices.sort_unstable();
    complete(&indices, first.count, "shard")?;
    // Of each invariant the first run counts; those of one run stay in their order.
    all.sort_by_key(|line| line.run);
    let mut merged: Vec<Line> = Vec::new();
    for line in all {
        match merged.iter_mut().find(|known| known.invariant == line.invariant) {
            Some(known) => known.runs += line.runs,
            None => merged.push(line),
        }
    }
    let head = Head {
        shard: None,
        of: None,
        checked: heads.iter().map(|(_, head)| head.checked).sum(),
        stopped: heads.iter().any(|(_, head)| head.stopped),
        findings: merged.len(),
        ..head
    };
    Ok(render(&head, &merged))
}

/// Whether the sorted numbers are 0 to `count` - 1.
fn complete(numbers: &[u64], count: u64, what: &str) -> Result<(), String> {
    for (expected, number) in (0..).zip(numbers) {
        match number.cmp(&expected) {
            std::cmp::Ordering::Less => return Err(format!("{what} {number} is given twice")),
            std::cmp::Ordering::Greater => return Err(format!("{what} {expected} is missing")),
            std::cmp::Ordering::Equal => {}
        }
    }
    match numbers.len() as u64 {
        have if have < count => Err(format!("{what} {have} is missing")),
        _ => Ok(()),
    }
}

fn merge_tables(files: &[(String, String)]) -> Result<String, String> {
    let mut first: Option<(Mark, csv::StringRecord)> = None;
    let mut indices: Vec<u64> = Vec::new();
    let mut rows: Vec<(u64, csv::StringRecord)> = Vec::new();
    for (name, text) in files {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut header = reader.headers().map_err(|error| format!("{name}: {error}"))?.clone();
        let mark = header.iter().next_back().and_then(Mark::parse).ok_or_else(|| {
            format!("{name}: not a shard of a sweep, as `podlapse sweep --shard` writes it: its last column does not name the sweep")
        })?;
        header.truncate(header.len() - 1);
        let (known, columns) = first.get_or_insert_with(|| (mark.clone(), header.clone()));
        if (mark.shard.count, mark.runs, &mark.of, &header) != (known.shard.count, known.runs, &known.of, columns) {
            return Err(format!(
                "{name}: of another number of shards or runs, another input or another --vary than {}",
                files[0].0
            ));
        }
        indices.push(mark.shard.index);
        let mut expected = mark.shard.runs(mark.runs);
        for row in reader.records() {
            let mut row = row.map_err(|error| format!("{name}: {error}"))?;
            row.truncate(header.len());
            let run = expected.next();
            match (run, row.get(0).unwrap_or_default().parse::<u64>()) {
                (Some(run), Ok(found)) if run == found => rows.push((run, row)),
                (Some(run), _) => return Err(format!("{name}: run {run} is missing")),
                (None, _) => return Err(format!("{name}: there are more rows than runs")),
            }
        }
        if let Some(run) = expected.next() {
            return Err(format!(
                "{name}: run {run} is missing: the file is cut, or the sweep was stopped"
            ));
        }
        if !text.ends_with('\n') {
            return Err(format!("{name}: its last line is cut"));
        }
    }
    indices.sort_unstable();
    let (mark, header) = first.ok_or("there is nothing to merge")?;
    complete(&indices, mark.shard.count, "shard")?;
    rows.sort_by_key(|(run, _)| *run);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| format!("cannot write: {error}");
    for row in std::iter::once(&header).chain(rows.iter().map(|(_, row)| row)) {
        writer.write_record(row).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| format!("cannot write: {error}"))?;
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(texts: &[&str]) -> Vec<(String, String)> {
        texts
            .iter()
            .map(|text| ("shard.csv".to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn tables_come_together_in_the_order_of_runs() {
        let merged = merge(&named(&[
            "run,x,shard=1/2 runs=4 of=a\n1,b,\n3,d,\n",
            "run,x,shard=0/2 runs=4 of=a\n0,\"a,a\",\n2,c,\n",
        ]));
        assert_eq!(merged.as_deref(), Ok("run,x\n0,\"a,a\"\n1,b\n2,c\n3,d\n"));
        let idle = merge(&named(&[
            "run,x,shard=0/2 runs=1 of=a\n0,a,\n",
            "run,x,shard=1/2 runs=1 of=a\n",
        ]));
        assert_eq!(idle.as_deref(), Ok("run,x\n0,a\n"), "a shard without a run");
    }

    #[test]
    fn a_report_that_is_cut_is_an_error() {
        let head = "{\"fuzz\":\"v1\",\"seed\":0,\"runs\":1,\"shard\":\"0/1\",\"checked\":1,\"stopped\":false,\"findings\":1}\n";
        let found = merge(&named(&[head])).expect_err("it is cut");
        assert!(found.contains("it has 0 findings of 1: the file is cut"), "{found}");
    }

    #[test]
    fn what_is_missing_double_or_foreign_is_an_error() {
        let first = "run,x,shard=0/2 runs=4 of=a\n0,a,\n2,c,\n";
        for (texts, error) in [
            (&[first][..], "shard 1 is missing"),
            (&[first, first], "shard 0 is given twice"),
            (&[first, "run,x,shard=1/2 runs=4 of=a\n1,b,\n"], "run 3 is missing"),
            (&[first, "run,x,shard=1/2 runs=4 of=a\n3,b,\n"], "run 1 is missing"),
            (
                &[first, "run,x,shard=1/2 runs=4 of=a\n1,b,\n3,b,"],
                "its last line is cut",
            ),
            (
                &[first, "run,x,shard=1/2 runs=4 of=a\n1,b,\n3,\n"],
                "found record with 2 fields",
            ),
            (
                &[first, "run,x,shard=1/2 runs=4 of=a\n1,b,\n3,b,\n5,c,\n"],
                "more rows than runs",
            ),
            (&[first, "run,y,shard=1/2 runs=4 of=a\n1,b,\n3,b,\n"], "another --vary"),
            (&[first, "run,x,shard=1/2 runs=4 of=b\n1,b,\n3,b,\n"], "another input"),
            (
                &[first, "run,x,shard=1/2 runs=5 of=a\n1,b,\n3,b,\n"],
                "number of shards or runs",
            ),
            (&["run,x\n0,a\n"], "not a shard of a sweep"),
            (&[""], "not a shard of a sweep"),
            (&[first, "{}"], "some of a sweep"),
        ] {
            let found = merge(&named(texts)).expect_err("it does not fit");
            assert!(found.contains(error), "{found}");
        }
    }
}
