//! The columns of pods against those that kubectl's own printer shows for them.

#![allow(missing_docs)]

use podlapse::api::features::Features;
use podlapse::api::status::Timestamp;
use podlapse::views::kubectl::row;
use serde_json::Value;

#[test]
fn rows_are_those_of_kubectls_printer() {
    let table: Vec<Value> = serde_json::from_str(include_str!("kubectl-rows.json")).expect("the table is JSON");
    assert_eq!(table.len(), 40, "rows are missing or new");
    let mut wide_rows = 0;
    for case in &table {
        let now = Timestamp::parse(case["now"].as_str().expect("a time")).expect("a timestamp");
        let got = row(&case["pod"], now.0, &Features::default());
        let name = &case["name"];
        for (column, cell) in [
            ("NAME", &got.name),
            ("READY", &got.ready),
            ("STATUS", &got.status),
            ("RESTARTS", &got.restarts),
            ("AGE", &got.age),
        ] {
            assert_eq!(case["expect"][column], **cell, "{name}: {column}");
        }
        if let Some(wide) = case["wide"].as_object() {
            wide_rows += 1;
            let columns = ["IP", "NODE", "NOMINATED-NODE", "READINESS-GATES"];
            for (column, cell) in columns.into_iter().zip(&got.wide) {
                assert_eq!(wide[column], **cell, "{name}: {column}");
            }
        }
    }
    assert!(wide_rows > 0, "no row has wide columns");
}
