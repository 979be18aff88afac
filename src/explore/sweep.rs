//! Sweeps: one scenario many times, with values varied over a grid, durations drawn, or both.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rayon::prelude::*;
use serde_json::{Value, json};

use super::measure::Measure;
use super::shard::{Mark, Shard, fingerprint};
use super::threads::{self, FIRST_BATCH};
use super::vary::{Names, Spot, Vary, shown};
use crate::api::decode::{is_list, items_of_list};
use crate::api::diagnostic::{Diagnostic, Diagnostics};
use crate::api::yaml;
use crate::check::expectations::{Compiled, Verdict, compile, describe, judge};
use crate::kernel::Duration;
use crate::scenario::distributions;
use crate::scenario::load::{Source, load};
use crate::scenario::types::{Expectation, Input, Place, PlacedDistribution, PodInput};
use crate::sim;
use crate::views::humane::count_of;

/// What is swept.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// the input as it was given
    given: Input,
    /// its documents
    documents: Vec<Value>,
    /// what scripts for the input can name
    names: Names,
    /// the grid; the first one changes slowest
    vary: Vec<Vary>,
    /// where each of these leads to
    spots: Vec<Spot>,
    /// how often each point of the grid is drawn
    draws: u64,
    /// places whose durations are drawn
    drawn: Vec<String>,
    /// the expectations of the first point, in words: names of columns
    expected: Vec<String>,
}

/// The header and the rows of a sweep, by run.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// names of the columns
    pub header: Vec<String>,
    /// one row a run
    pub rows: Vec<Vec<String>>,
    /// how many columns at the end say whether an expectation held
    pub expected: usize,
    /// it was stopped before its end
    pub stopped: bool,
}

impl Sweep {
    /// A sweep of what the sources say, which give `input`: `draws` runs at each point of the grid. Errors with what
    /// cannot be used; the values of a list are all tried, those of a range at its ends.
    pub fn new(sources: &[Source], input: &Input, vary: Vec<Vary>, draws: u64) -> Result<Sweep, Diagnostics> {
        let mut documents = Vec::new();
        for source in sources {
            let read = yaml::documents(source).map_err(|unreadable| Diagnostics(vec![*unreadable]))?;
            read.iter().for_each(|node| unpack(node.to_json(), &mut documents));
        }
        if documents.iter().all(|d| d["kind"] != "Scenario") {
            documents.push(json!({
                "apiVersion": "podlapse.dev/v1alpha1",
                "kind": "Scenario",
                "metadata": {"name": "sweep"},
                "spec": {},
            }));
        }
        let mut sweep = Sweep {
            given: input.clone(),
            documents,
            names: Names::of(input),
            vary,
            spots: Vec::new(),
            draws: draws.max(1),
            drawn: Vec::new(),
            expected: Vec::new(),
        };
        let (first, _) = sweep.point(&sweep.values(0))?;
        sweep.spots = sweep.spots()?;
        for (place, vary) in sweep.vary.iter().enumerate() {
            for value in vary.telling().skip(1) {
                let mut values = sweep.values(0);
                values[place] = value;
                sweep.point(&values)?;
            }
        }
        let expected = first.scenario.expect.iter().enumerate();
        let expected = expected.map(|(place, expectation)| {
            // Of one that is varied the words of the first point would be wrong for the others.
            let is_varied = sweep.spots.iter().any(|spot| spot.is_of_expectation(place, None));
            if is_varied {
                format!("expect[{place}]")
            } else {
                format!("expect[{place}] {}", describe(expectation))
            }
        });
        sweep.expected = expected.collect();
        sweep.drawn = first.scenario.distributions.iter().map(|d| d.path.clone()).collect();
        Ok(sweep)
    }

    /// Where the paths lead to. Errors when two of them lead to the same, in whatever spelling: one value would be lost.
    fn spots(&self) -> Result<Vec<Spot>, Diagnostics> {
        let mut documents = self.documents.clone();
        let mut spots: Vec<Spot> = Vec::new();
        for (vary, value) in self.vary.iter().zip(self.values(0)) {
            let spot = vary.set(&mut documents, value, &self.names)?;
            if let Some(place) = spots.iter().position(|other| other.overlaps(&spot)) {
                let (first, second) = (&self.vary[place].path, &vary.path);
                let message = if first == second {
                    format!("--vary {first} is given twice")
                } else {
                    format!("--vary {first} and --vary {second}: one place is given twice")
                };
                return Err(Diagnostics(vec![Diagnostic::general(message)]));
            }
            spots.push(spot);
        }
        Ok(spots)
    }

    /// How many runs there are.
    pub fn runs(&self) -> u64 {
        let counts = self.vary.iter().map(|vary| vary.values.len() as u64);
        counts.fold(self.draws, u64::saturating_mul)
    }

    /// The names of the columns.
    pub fn header(&self) -> Vec<String> {
        let mut header = vec!["run".to_owned()];
        header.extend(self.vary.iter().map(|vary| vary.path.clone()));
        if self.draws > 1 {
            header.push("draw".to_owned());
        }
        header.extend(self.drawn.iter().cloned());
        header.extend(FIGURES.map(str::to_owned));
        header.extend(self.expected.iter().cloned());
        header
    }

    /// The name of the last column of a shard's table: which shard, of how many runs of what. [`super::merge::merge`]
    /// reads it and leaves the column out.
    pub fn mark(&self, shard: Shard) -> String {
        let documents = self.documents.iter().map(Value::to_string);
        let vary = self.vary.iter();
        let vary = vary.flat_map(|vary| std::iter::once(vary.path.clone()).chain(vary.values.iter().cloned()));
        let texts: Vec<String> = documents.chain(vary).collect();
        Mark {
            shard,
            runs: self.runs(),
            of: fingerprint(texts.iter().map(String::as_str)),
        }
        .to_string()
    }

    /// How many columns at the beginning are inputs.
    pub fn inputs(&self) -> usize {
        self.header().len() - FIGURES.len() - self.expected.len()
    }

    /// The values of a point of the grid.
    fn values(&self, point: u64) -> Vec<&str> {
        let mut rest = point;
        let mut values: Vec<&str> = Vec::new();
        for vary in self.vary.iter().rev() {
            let count = vary.values.len() as u64;
            values.push(&vary.values[usize::try_from(rest % count).unwrap_or(0)]);
            rest /= count;
        }
        values.reverse();
        values
    }

    /// The input with one value for each path, and its expectations.
    fn point(&self, values: &[&str]) -> Result<Point, Diagnostics> {
        let set: Vec<(&Vary, &str)> = self.vary.iter().zip(values.iter().copied()).collect();
        self.with(&set).map_err(|errors| self.blame(&set, errors))
    }

    fn with(&self, set: &[(&Vary, &str)]) -> Result<Point, Diagnostics> {
        if set.is_empty() {
            let expectations = compile(&self.given).map_err(Diagnostics)?;
            return Ok((self.given.clone(), expectations));
        }
        let mut documents = self.documents.clone();
        for (vary, value) in set {
            vary.set(&mut documents, value, &self.names)?;
        }
        let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
        let source = Source {
            name: "--vary".to_owned(),
            text: texts.join("\n---\n"),
        };
        let (input, _) = load(&[source])?;
        let expectations = compile(&input).map_err(|_| expectation_errors(&input))?;
        Ok((input, expectations))
    }

    /// The errors with the `--vary` that brings each about, in place of a place in files that nobody has written. It is
    /// the one without which the error does not occur.
    fn blame(&self, set: &[(&Vary, &str)], errors: Diagnostics) -> Diagnostics {
        let without = |left_out: usize| -> Vec<String> {
            let mut rest = set.to_vec();
            rest.remove(left_out);
            let errors = self.with(&rest).err().map_or(Vec::new(), |errors| errors.0);
            errors.into_iter().map(|error| error.message).collect()
        };
        let without: Vec<Vec<String>> = (0..set.len()).map(without).collect();
        let blamed = |error: Diagnostic| {
            let is_guilty = |place: &usize| !without[*place].contains(&error.message);
            let mut guilty: Vec<usize> = (0..set.len()).filter(is_guilty).collect();
            if guilty.is_empty() {
                guilty = (0..set.len()).collect();
            }
            // What a path makes on its way may ask for more than is at its end.
            let missing = error.message.split_once(": Required value");
            let missing = missing.and_then(|(path, _)| path.strip_prefix("spec."));
            let hint = missing.filter(|_| guilty.iter().all(|place| set[*place].0.kind.is_none()));
            let hint =
                hint.map(|path| format!("give it in the scenario, or with a --vary of its own: --vary '{path}=VALUE'"));
            let told: Vec<String> = guilty
                .into_iter()
                .map(|place| format!("--vary {}={}: ", set[place].0.path, set[place].1))
                .collect();
            let mut placed = Diagnostic::general(told.concat() + &error.message);
            (placed.hint, placed.gate) = (error.hint.or(hint), error.gate);
            placed
        };
        Diagnostics(errors.0.into_iter().map(blamed).collect())
    }

    /// Runs the shard's runs. `pace` is told after each batch how many rows there are, and says how many more to make before
    /// it is asked again; None stops. Errors with the first point that cannot be used.
    pub fn sweep(
        &self,
        shard: Shard,
        jobs: usize,
        mut pace: impl FnMut(u64) -> Option<usize>,
    ) -> Result<Table, Diagnostics> {
        let threads = threads::pool(jobs).map_err(|message| Diagnostics(vec![Diagnostic::general(message)]))?;
        let mut table = Table {
            header: self.header(),
            expected: self.expected.len(),
            ..Table::default()
        };
        let mut runs = shard.runs(self.runs());
        let mut size = FIRST_BATCH;
        loop {
            let batch: Vec<u64> = runs.by_ref().take(size).collect();
            if batch.is_empty() {
                return Ok(table);
            }
            let rows: Vec<Result<Vec<String>, Diagnostics>> = threads.install(|| {
                let rows = batch.par_iter().with_min_len((batch.len() / 256).max(1));
                rows.map_init(|| None, |at, run| self.row(at, *run)).collect()
            });
            for row in rows {
                table.rows.push(row?);
            }
            match pace(table.rows.len() as u64) {
                Some(next) => size = next,
                None => {
                    table.stopped = true;
                    return Ok(table);
                }
            }
        }
    }

    /// The input of one run, and its expectations. Errors when there is no such run, or its point cannot be used.
    pub fn run(&self, run: u64) -> Result<Point, Diagnostics> {
        let runs = self.runs();
        if run >= runs {
            let message = format!("there is no run {run}: the sweep has {runs}, from 0 on");
            let error = Diagnostic::general(message).hint("--vary and --runs are those of the sweep".to_owned());
            return Err(Diagnostics(vec![error]));
        }
        let (input, mut expectations) = self.point(&self.values(run / self.draws))?;
        let mut input = drawn(&input, run % self.draws);
        self.name_places(&mut input, &mut expectations);
        Ok((input, expectations))
    }

    /// Gives expectations and containers the places of the files: what a point has was written for it by the sweep.
    fn name_places(&self, input: &mut Input, expectations: &mut [Compiled]) {
        // Then the input is the one that was given.
        if self.vary.is_empty() {
            return;
        }
        let mut given = self.given.scenario.expect.iter();
        for (index, own) in expectations.iter_mut().enumerate() {
            let given = given.next().map(|given| given.place.clone());
            let varied = |field| {
                let place = self
                    .spots
                    .iter()
                    .position(|spot| spot.is_of_expectation(index, field))?;
                Some(&self.vary[place].path)
            };
            own.expectation.place = match (varied(Some("that")), given) {
                (None, Some(place)) => place,
                (that, _) => Place {
                    file: that
                        .or(varied(None))
                        .map_or("--vary".into(), |path| format!("--vary {path}").into()),
                    ..Place::default()
                },
            };
        }
        let name = |pod: &PodInput| (pod.pod.namespace.clone(), pod.pod.name.clone());
        let given: BTreeMap<_, _> = self.given.pods.iter().map(|given| (name(given), given)).collect();
        for pod in &mut input.pods {
            let given = given.get(&name(pod));
            let pod = &mut *pod.pod;
            let containers = pod.spec.init_containers.iter_mut().chain(&mut pod.spec.containers);
            for container in containers {
                let given = given.and_then(|given| given.pod.find_container(&container.name));
                container.place = given.and_then(|(_, given)| given.place.clone());
            }
        }
    }

    /// The row of a run. `at` keeps the point of the run before.
    fn row(&self, at: &mut Option<(u64, Point)>, run: u64) -> Result<Vec<String>, Diagnostics> {
        let (point, draw) = (run / self.draws, run % self.draws);
        if at.as_ref().is_none_or(|(known, _)| *known != point) {
            *at = Some((point, self.point(&self.values(point))?));
        }
        let Some((_, (input, expectations))) = at else {
            return Ok(Vec::new());
        };
        let mut row = vec![run.to_string()];
        row.extend(self.values(point).into_iter().map(|value| shown(value).to_owned()));
        if self.draws > 1 {
            row.push(draw.to_string());
        }
        let scenario = &input.scenario;
        let places = scenario.distributions.iter().map(|placed| (&*placed.path, placed));
        let places: BTreeMap<&str, &PlacedDistribution> = places.collect();
        for path in &self.drawn {
            let placed = places.get(&**path);
            let first = placed.map(|placed| placed.first(scenario.seed, draw));
            row.push(first.map(|duration| duration.to_string()).unwrap_or_default());
        }
        let (measure, held) = measured(&drawn(input, draw), expectations);
        row.push(measure.time_to_ready().map(seconds).unwrap_or_default());
        row.push(measure.restarts().to_string());
        let ppm = measure.availability_ppm();
        row.push(format!("{}.{:06}", ppm / 1_000_000, ppm % 1_000_000));
        row.push(measure.phases());
        row.extend(held.into_iter().map(|held| held.to_string()));
        Ok(row)
    }
}

/// The input as in the run of that number of its seed.
fn drawn(input: &Input, draw: u64) -> Input {
    Input {
        scenario: distributions::draw(&input.scenario, draw).into(),
        ..input.clone()
    }
}

/// Adds a document, of a list its items, as the loader takes them.
fn unpack(document: Value, into: &mut Vec<Value>) {
    let field = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
    let (version, kind) = (field("apiVersion"), field("kind"));
    let is_list = is_list(&version, &kind, document.get("items").is_some());
    match document {
        Value::Object(mut fields) if is_list => {
            let Some(Value::Array(items)) = fields.remove("items") else {
                return;
            };
            for mut item in items {
                if let (Some(kind), Some(fields)) = (items_of_list(&kind), item.as_object_mut())
                    && !fields.contains_key("apiVersion")
                    && !fields.contains_key("kind")
                {
                    fields.insert("apiVersion".into(), json!(version));
                    fields.insert("kind".into(), json!(kind));
                }
                unpack(item, into);
            }
        }
        document => into.push(document),
    }
}

/// What is wrong with expectations, each told by its expression: nobody has written the text that they stand in.
fn expectation_errors(input: &Input) -> Diagnostics {
    let of_one = |expectation: &Expectation| {
        let mut alone = input.clone();
        alone.scenario.expect = vec![expectation.clone()];
        let errors = compile(&alone).err().unwrap_or_default();
        let told = errors.into_iter().map(|found| {
            let mut error = Diagnostic::general(format!("{}: {}", describe(expectation), found.message));
            error.hint = found.hint;
            error
        });
        told.collect::<Vec<_>>()
    };
    Diagnostics(input.scenario.expect.iter().flat_map(of_one).collect())
}

/// The input at a point of the grid, or of a run, and its expectations.
pub type Point = (Input, Vec<Compiled>);

/// The columns that are measured.
const FIGURES: [&str; 4] = ["timeToReadySeconds", "restarts", "availability", "phase"];

/// The figures of a run, and which expectations held.
fn measured(input: &Input, expectations: &[Compiled]) -> (Measure, Vec<bool>) {
    if expectations.is_empty() {
        let measure: Rc<RefCell<Measure>> = Rc::default();
        let sink = measure.clone();
        sim::run_with(input, move |record| sink.borrow_mut().observe(&record));
        return (measure.take(), Vec::new());
    }
    let records = sim::run(input);
    let mut measure = Measure::default();
    records.iter().for_each(|record| measure.observe(record));
    let verdicts = judge(expectations, input, &records);
    (measure, verdicts.iter().map(Verdict::holds).collect())
}

/// Seconds with six digits behind the point.
fn seconds(duration: Duration) -> String {
    let micros = duration.0 / 1_000;
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

impl Table {
    /// The table as CSV, of a shard with an empty column whose name is its mark. Errors when it cannot be written,
    /// which memory alone could bring about.
    pub fn csv(&self, mark: Option<&str>) -> Result<String, String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = self.header.iter().map(String::as_str).chain(mark);
        writer.write_record(header).map_err(|error| error.to_string())?;
        for row in &self.rows {
            let row = row.iter().map(String::as_str).chain(mark.map(|_| ""));
            writer.write_record(row).map_err(|error| error.to_string())?;
        }
        let bytes = writer.into_inner().map_err(|error| error.to_string())?;
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }

    /// The numbers of a column, of those rows that have one.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        let Some(column) = self.header.iter().position(|column| column == name) else {
            return Vec::new();
        };
        self.rows.iter().filter_map(|row| number(row.get(column)?)).collect()
    }

    /// The run that is worth a look, and why: the first that does not do what is expected, else the first that never gets
    /// ready though it does not end well, else the one that takes longest to. None if no run is unlike the others.
    pub fn telling(&self) -> Option<(u64, String)> {
        let run = |row: &[String]| row.first()?.parse::<u64>().ok();
        let first = self.header.len() - self.expected;
        let failing = self.rows.iter().find_map(|row| {
            let failed = (first..row.len()).find(|at| row[*at] != "true")?;
            let (name, _) = self.header[failed]
                .split_once(' ')
                .unwrap_or((&self.header[failed], ""));
            Some((run(row)?, format!("{name} does not hold")))
        });
        let at = self.header.iter().position(|column| column == FIGURES[0])?;
        let seconds = |row: &[String]| number(row.get(at)?);
        let phase = self.header.iter().position(|column| column == FIGURES[3])?;
        let ends_well = |row: &[String]| row[phase].split(' ').all(|phase| phase == "Succeeded");
        let never = || {
            let is_bad = |row: &&Vec<String>| seconds(row).is_none() && !ends_well(row);
            let row = self.rows.iter().find(is_bad)?;
            Some((run(row)?, "it is never ready".to_owned()))
        };
        let longest = || {
            let ready = |row: &&Vec<String>| seconds(row).is_some();
            let later =
                |a: &&Vec<String>, b: &&Vec<String>| seconds(a).unwrap_or(0.0).total_cmp(&seconds(b).unwrap_or(0.0));
            // Of equals the first.
            let row = self.rows.iter().rev().filter(ready).max_by(later)?;
            let is_longer = self.rows.iter().filter(ready).any(|other| later(&other, &row).is_lt());
            let why = format!("it takes longest to be ready, {}s", row[at]);
            is_longer.then_some((run(row)?, why))
        };
        failing.or_else(never).or_else(longest)
    }

    /// The figures with their percentiles, as lines for people.
    pub fn summary(&self) -> String {
        if self.rows.is_empty() {
            return "no runs\n".to_owned();
        }
        let runs = count_of(self.rows.len(), "run");
        let mut text = format!(
            "{runs}\n{:<20} {:>10} {:>10} {:>10} {:>10} {:>10}\n",
            "", "least", "p50", "p90", "p99", "most"
        );
        for name in &FIGURES[..3] {
            let mut numbers = self.numbers(name);
            numbers.sort_by(f64::total_cmp);
            if numbers.is_empty() {
                text.push_str(&format!("{name:<20} never\n"));
                continue;
            }
            let at = |percent: usize| numbers[(numbers.len() - 1) * percent / 100];
            text.push_str(&format!(
                "{name:<20} {:>10.3} {:>10.3} {:>10.3} {:>10.3} {:>10.3}\n",
                at(0),
                at(50),
                at(90),
                at(99),
                at(100)
            ));
        }
        let never = self.rows.len() - self.numbers(FIGURES[0]).len();
        if never > 0 {
            text.push_str(&format!("not ready in {}\n", count_of(never, "run")));
        }
        let first = self.header.len() - self.expected;
        for (at, name) in self.header.iter().enumerate().skip(first) {
            let held = self
                .rows
                .iter()
                .filter(|row| row.get(at).is_some_and(|cell| cell == "true"))
                .count();
            text.push_str(&format!("{name}: held in {held} of {runs}\n"));
        }
        text
    }
}

/// A number, or a duration in seconds.
#[allow(clippy::cast_precision_loss)]
pub(super) fn number(text: &str) -> Option<f64> {
    let span = || crate::scenario::duration::parse(text).ok();
    text.parse().ok().or_else(|| span().map(|d| d.0 as f64 / 1e9))
}
