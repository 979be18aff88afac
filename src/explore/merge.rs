//! Puts the outputs of shards together: the result is, byte for byte, that of the run without shards.

use super::report::{Head, Line, VERSION, render};
use super::shard::Shard;

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
        heads.push((shard.map_err(|error| format!("{name}: {error}"))?, head));
        for line in lines {
            all.push(serde_json::from_str(line).map_err(|error| format!("{name}: {error}"))?);
        }
    }
    let (first, head) = heads[0].clone();
    for ((shard, other), (name, _)) in heads.iter().zip(files) {
        if (other.seed, other.runs, shard.count) != (head.seed, head.runs, first.count) {
            return Err(format!(
                "{name}: of another seed, another number of runs or another number of shards"
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
        checked: heads.iter().map(|(_, head)| head.checked).sum(),
        stopped: heads.iter().any(|(_, head)| head.stopped),
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
    let mut header = None;
    let mut rows: Vec<(u64, csv::StringRecord)> = Vec::new();
    for (name, text) in files {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let own = reader.headers().map_err(|error| format!("{name}: {error}"))?.clone();
        if own.get(0) != Some("run") {
            return Err(format!(
                "{name}: not the CSV output of sweep: its first column is not `run`"
            ));
        }
        if *header.get_or_insert_with(|| own.clone()) != own {
            return Err(format!("{name}: its columns are others than those of {}", files[0].0));
        }
        for row in reader.records() {
            let row = row.map_err(|error| format!("{name}: {error}"))?;
            let run = row.get(0).unwrap_or_default().parse();
            rows.push((run.map_err(|_| format!("{name}: a run that is no number"))?, row));
        }
    }
    rows.sort_by_key(|(run, _)| *run);
    let runs: Vec<u64> = rows.iter().map(|(run, _)| *run).collect();
    complete(&runs, runs.len() as u64, "run")?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| format!("cannot write: {error}");
    for row in header.iter().chain(rows.iter().map(|(_, row)| row)) {
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
        let merged = merge(&named(&["run,x\n1,b\n3,d\n", "run,x\n0,\"a,a\"\n2,c\n"]));
        assert_eq!(merged.as_deref(), Ok("run,x\n0,\"a,a\"\n1,b\n2,c\n3,d\n"));
    }

    #[test]
    fn what_is_missing_double_or_foreign_is_an_error() {
        for (texts, error) in [
            (&["run,x\n0,a\n2,c\n"][..], "run 1 is missing"),
            (&["run,x\n0,a\n", "run,x\n0,a\n"], "run 0 is given twice"),
            (&["run,x\n0,a\n", "run,y\n1,a\n"], "its columns are others"),
            (&["x\n1\n"], "first column is not `run`"),
            (&["run,x\n", "{}"], "some of a sweep"),
        ] {
            let found = merge(&named(texts)).expect_err("it does not fit");
            assert!(found.contains(error), "{found}");
        }
    }
}
